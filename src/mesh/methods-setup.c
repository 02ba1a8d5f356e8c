/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Mesh1 that make this machine the hub of a network: ConfigureHub, SetRoot,
 * GetRoots. */

#include <stdio.h>

#include "mesh/method.h"

#define PREFIX_LENGTH_MIN 16 /* WIREGUARD_PEERS_MAX */
#define PREFIX_LENGTH_MAX 28 /* room for a device */

/* ---- ConfigureHub */

typedef struct HubOptions {
        const char *network, *prefix;
        const char *endpoints[BUS_TEXTS_MAX];
        size_t n_endpoints;
        uint64_t listen_port;
} HubOptions;

static int read_options(sd_bus_message *message, HubOptions *ret_options)
{
        static const BusField fields[] = {
                BUS_FIELD("network", BUS_TEXT, HubOptions, network, BUS_REQUIRED),
                BUS_FIELD("prefix", BUS_TEXT, HubOptions, prefix),
                BUS_FIELD_TEXTS("endpoints", HubOptions, endpoints, n_endpoints),
                BUS_FIELD("listen_port", BUS_UINT64, HubOptions, listen_port),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY_STRICT(fields);

        *ret_options = (HubOptions){ .prefix = MESH_PREFIX, .listen_port = MESH_PORT };
        return bus_dictionary_read(message, &dictionary, ret_options);
}

static int parse_prefix(const char *text, IpPrefix *ret_prefix)
{
        IpPrefix prefix, masked;

        int r = ip_prefix_parse(text, &prefix);
        if (r < 0)
                return r;
        masked = prefix;
        ip_prefix_mask(&masked);
        if (prefix.family != AF_INET || prefix.length < PREFIX_LENGTH_MIN ||
            prefix.length > PREFIX_LENGTH_MAX || ip_prefix_compare(&prefix, &masked) != 0)
                return -EINVAL;

        *ret_prefix = prefix;
        return 0;
}

/* Errors: -EBADMSG. */
static int parse_hub(const HubOptions *options, Node *ret_node)
{
        Node node = { .role = NODE_ROLE_HUB, .private_key = MESH_KEY };

        if (!device_name_valid(options->network) || parse_prefix(options->prefix, &node.prefix) < 0 ||
            options->listen_port == 0 || options->listen_port > UINT16_MAX || options->n_endpoints == 0 ||
            options->n_endpoints > TOKEN_ENDPOINTS_MAX)
                return -EBADMSG;
        (void) snprintf(node.network, sizeof node.network, "%s", options->network);
        node.listen_port = (uint16_t) options->listen_port;
        node_first_address(&node.prefix, &node.address);
        node.hub_address = node.address;
        node.hub_address.length = 32;
        for (; node.n_endpoints < options->n_endpoints; node.n_endpoints++)
                if (node_endpoint_parse(options->endpoints[node.n_endpoints],
                                        &node.endpoints[node.n_endpoints]) < 0)
                        return -EBADMSG;

        *ret_node = node;
        return 0;
}

/* Only its endpoints may change later. */
static bool is_same_network(const Node *a, const Node *b)
{
        return a->role == b->role && streq(a->network, b->network) &&
               ip_prefix_compare(&a->prefix, &b->prefix) == 0 && a->listen_port == b->listen_port;
}

/* Both keys are on the disk before a row speaks of them. */
static int make_keys(const MeshDaemon *self)
{
        static const char *const names[] = { MESH_KEY, MESH_CLAIM_KEY };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(secret_freep) Secret *key = NULL;

                int r = sealed_file_load(self->store.directory_fd, names[i], self->store.seal, &key);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int store_hub(const MeshDaemon *self, const Node *node)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = make_keys(self);
        if (r >= 0)
                r = transaction_begin(self->store.database, &transaction);
        if (r >= 0)
                r = node_store(self->store.database, node);
        if (r >= 0)
                r = transaction_commit(&transaction);
        return r < 0 ? r : node_write_file(self->store.directory_fd, node);
}

static int handle_configure_hub(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        HubOptions options;
        Node node;

        if (read_options(message, &options) < 0 || parse_hub(&options, &node) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        if (self->node.role != NODE_ROLE_NONE && !is_same_network(&self->node, &node))
                return DEVBOX_ERROR_ENROLLED_OTHERWISE;

        r = mesh_after_write(self, store_hub(self, &node));
        if (r != 0)
                return r;
        mesh_changed(self);
        return mesh_reply_status(message, self);
}

/* ---- roots */

static int handle_set_root(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        const char *root;

        if (sd_bus_message_read(message, "s", &root) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        if (self->node.role != NODE_ROLE_HUB)
                return DEVBOX_ERROR_NETWORK_MISSING;

        r = mesh_after_write(self,
                             roots_store(self->store.database, &self->roots, self->node.network, root));
        if (r != 0)
                return r;
        mesh_changed(self);
        return bus_reply(message, NULL);
}

static int append_text(void *reply, const char *text)
{
        return MIN(sd_bus_message_append_basic(reply, 's', text), 0);
}

static int handle_get_roots(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        MeshDaemon *self = userdata;
        Statement *rows;

        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        if (r >= 0)
                r = query(self->store.database, &rows, "SELECT envelope FROM root ORDER BY version", "");
        if (r >= 0)
                r = statement_for_each_text(rows, append_text, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : MIN(sd_bus_send(NULL, reply, NULL), 0);
}

MESH_METHOD(configure_hub, ACCESS_CONFIGURE);
MESH_METHOD(set_root, ACCESS_CONFIGURE);
MESH_METHOD(get_roots, ACCESS_READERS);

const sd_bus_vtable mesh_setup_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("ConfigureHub", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", status), on_configure_hub,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetRoot", SD_BUS_ARGS("s", root), SD_BUS_NO_RESULT, on_set_root,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetRoots", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", roots), on_get_roots,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
