/* SPDX-License-Identifier: MIT */
/* What this machine is in the network, and the addresses of the network. */

#include "mesh/node.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "basic/parse.h"
#include "basic/text.h"

#define FILE_NAME    "node"
#define FIRST_DEVICE 10 /* below are the hub and what people add by hand */

static const char *const role_names[_NODE_ROLE_MAX] = {
        [NODE_ROLE_NONE] = "",
        [NODE_ROLE_HUB] = "hub",
        [NODE_ROLE_DEVICE] = "device",
};

const char *node_role_to_string(NodeRole role)
{
        return role_names[role];
}

static NodeRole role_from_string(const char *name)
{
        for (NodeRole role = NODE_ROLE_HUB; role < _NODE_ROLE_MAX; role++)
                if (streq(name, role_names[role]))
                        return role;
        return _NODE_ROLE_INVALID;
}

/* ---- the rows */

static int copy_text(const Statement *row, int column, char *buffer, size_t size)
{
        return snprintf(buffer, size, "%s", strempty(statement_text(row, column))) < (int) size ? 0
                                                                                                : -EBADMSG;
}

static int read_node(const Statement *row, Node *node)
{
        int r = copy_text(row, 1, node->network, sizeof node->network);
        if (r >= 0)
                r = copy_text(row, 6, node->private_key, sizeof node->private_key);
        if (r >= 0)
                r = copy_text(row, 7, node->join_state, sizeof node->join_state);
        if (r < 0)
                return r;

        node->role = role_from_string(statement_text(row, 0));
        node->listen_port = (uint16_t) statement_integer(row, 5);
        if (node->role < 0 || ip_prefix_parse(statement_text(row, 2), &node->prefix) < 0 ||
            ip_prefix_parse(statement_text(row, 3), &node->address) < 0 ||
            ip_prefix_parse(statement_text(row, 4), &node->hub_address) < 0)
                return -EBADMSG;
        return 0;
}

static int load_endpoints(Database *database, Node *node)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row, "SELECT host, port FROM endpoint ORDER BY position", "");
        if (r < 0)
                return r;

        while ((r = statement_step(row)) > 0) {
                TokenEndpoint *endpoint = &node->endpoints[node->n_endpoints];

                if (node->n_endpoints++ == TOKEN_ENDPOINTS_MAX ||
                    copy_text(row, 0, endpoint->host, sizeof endpoint->host) < 0)
                        return -EBADMSG;
                endpoint->port = (uint16_t) statement_integer(row, 1);
        }
        return r;
}

int node_load(Database *database, Node *ret_node)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        Node node = NODE_NULL;

        int r = query(
                database, &row,
                "SELECT role, network, prefix, address, hub_address, listen_port, private_key, join_state"
                " FROM node",
                "");
        if (r < 0)
                return r;
        r = statement_step(row);
        if (r > 0)
                r = read_node(row, &node);
        if (r >= 0)
                r = load_endpoints(database, &node);
        if (r < 0)
                return r;

        *ret_node = node;
        return 0;
}

static int store_row(Database *database, const Node *node)
{
        char prefix[IP_PREFIX_TEXT_SIZE], address[IP_PREFIX_TEXT_SIZE], hub[IP_PREFIX_TEXT_SIZE];

        if (node->role == NODE_ROLE_NONE)
                return query_run(database, "DELETE FROM node", "");

        return query_run(database, "REPLACE INTO node VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", "tttttitt",
                         node_role_to_string(node->role), node->network,
                         ip_prefix_format(&node->prefix, prefix), ip_prefix_format(&node->address, address),
                         ip_prefix_format_address(&node->hub_address, hub), (int64_t) node->listen_port,
                         node->private_key, node->join_state);
}

int node_store(Database *database, const Node *node)
{
        int r = store_row(database, node);
        if (r >= 0)
                r = query_run(database, "DELETE FROM endpoint", "");

        for (size_t i = 0; r >= 0 && i < node->n_endpoints; i++)
                r = query_run(database, "INSERT INTO endpoint VALUES (?, ?, ?)", "iti", (int64_t) i,
                              node->endpoints[i].host, (int64_t) node->endpoints[i].port);
        return r;
}

bool node_is_member(const Node *node)
{
        return node->role == NODE_ROLE_HUB ||
               (node->role == NODE_ROLE_DEVICE &&
                (streq(node->join_state, "installed") || streq(node->join_state, "joined")));
}

int node_write_file(int directory_fd, const Node *node)
{
        char address[IP_PREFIX_TEXT_SIZE], hub[IP_PREFIX_TEXT_SIZE],
                line[sizeof "device" + 2 * IP_PREFIX_TEXT_SIZE + 2];

        if (!node_is_member(node))
                return unlinkat(directory_fd, FILE_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;

        int n = snprintf(line, sizeof line, "%s %s", node_role_to_string(node->role),
                         ip_prefix_format(&node->address, address));
        if (node->role == NODE_ROLE_DEVICE)
                n += snprintf(line + n, sizeof line - (size_t) n, " %s",
                              ip_prefix_format_address(&node->hub_address, hub));
        n += snprintf(line + n, sizeof line - (size_t) n, "\n");

        return file_write_at(directory_fd, FILE_NAME, FILE_REPLACE, 0644, BYTES(line, (size_t) n));
}

/* ---- endpoints */

int node_endpoint_parse(const char *text, TokenEndpoint *ret_endpoint)
{
        TokenEndpoint endpoint = { .port = MESH_PORT };
        bool bracket = text[0] == '[';
        const char *host = text + bracket;
        const char *end = bracket ? strchr(host, ']') : strchr(host, ':');
        uint64_t port;

        if (!end && bracket)
                return -EINVAL;
        size_t n = end ? (size_t) (end - host) : strlen(host);
        const char *rest = host + n + bracket;
        if (n == 0 || n > TOKEN_HOST_MAX || (*rest != '\0' && *rest != ':') ||
            strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") < n)
                return -EINVAL;
        memcpy(endpoint.host, host, n);

        if (*rest == ':') {
                if (parse_u64(rest + 1, 1, UINT16_MAX, &port) < 0)
                        return -EINVAL;
                endpoint.port = (uint16_t) port;
        }
        *ret_endpoint = endpoint;
        return 0;
}

void node_endpoint_append(const TokenEndpoint *endpoint, Text *text)
{
        bool is_v6 = strchr(endpoint->host, ':');

        text_appendf(text, is_v6 ? "[%s]:%u" : "%s:%u", endpoint->host, endpoint->port);
}

/* ---- addresses; only IPv4 networks exist */

static uint32_t address_number(const IpPrefix *address)
{
        return get_be32(address->bytes);
}

static IpPrefix address_of_number(uint32_t number, unsigned length)
{
        IpPrefix address = { .family = AF_INET, .length = (uint8_t) length };

        (void) put_be32(address.bytes, number);
        return address;
}

void node_first_address(const IpPrefix *prefix, IpPrefix *ret_address)
{
        *ret_address = address_of_number(address_number(prefix) + 1, prefix->length);
}

/* Returns 1 if a device other than `device` has it, or an open invitation of another name. */
static int address_is_taken(Database *database, const IpPrefix *address, const char *device)
{
        char text[IP_PREFIX_TEXT_SIZE];

        (void) ip_prefix_format_address(address, text);
        return query_exists(database,
                            "SELECT 1 FROM device WHERE address = ? AND name != ?"
                            " UNION ALL SELECT 1 FROM token WHERE address = ? AND device != ?"
                            " AND state IN ('issued', 'claimed', 'held') LIMIT 1",
                            "tttt", text, device, text, device);
}

static uint32_t last_of(const IpPrefix *prefix)
{
        return address_number(prefix) | (UINT32_MAX >> prefix->length);
}

int node_allocate_address(Database *database, const IpPrefix *prefix, IpPrefix *ret_address)
{
        for (uint32_t number = address_number(prefix) + FIRST_DEVICE; number < last_of(prefix); number++) {
                IpPrefix address = address_of_number(number, 32);
                int r = address_is_taken(database, &address, "");

                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret_address = address;
                        return 0;
                }
        }
        return -EADDRNOTAVAIL;
}

int node_address_is_free(Database *database, const IpPrefix *prefix, const IpPrefix *address,
                         const char *device)
{
        uint32_t number = address_number(address);

        if (address->family != AF_INET || address->length != 32 || !ip_prefix_contains(prefix, address) ||
            number <= address_number(prefix) + 1 || number >= last_of(prefix))
                return 0;

        int r = address_is_taken(database, address, device);
        return r < 0 ? r : r == 0;
}
