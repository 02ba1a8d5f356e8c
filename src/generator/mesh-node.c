/* SPDX-License-Identifier: MIT */
/* The role of this machine in the mesh, from the file that devbox-mesh writes. */

#include "generator/mesh-node.h"

#include <fcntl.h>

#include "basic/fd.h"

#define MESH_NODE_FILE "/var/lib/devbox/mesh/node"

#define LENGTH_MIN 16
#define LENGTH_MAX 30
#define WORDS_MAX  3
#define TEXT_MAX   64 /* the longest is "device 255.255.255.255/30 255.255.255.255" */

/* RFC 1918, and RFC 6598 for networks whose RFC 1918 is in use. */
static const char *const private_networks[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                                "100.64.0.0/10" };

/* The words of one line, which ends with a newline, with one blank between two. */
static int split(char *line, char *ret_words[WORDS_MAX], size_t *ret_n)
{
        char *end = strchr(line, '\n'), *rest = line;
        size_t n = 0;

        if (!end || end[1] != '\0')
                return -EINVAL;
        *end = '\0';

        for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
                if (n == WORDS_MAX || *word == '\0')
                        return -EINVAL;
                ret_words[n++] = word;
        }

        *ret_n = n;
        return 0;
}

static bool is_private(const IpPrefix *prefix)
{
        for (size_t i = 0; i < ELEMENTSOF(private_networks); i++) {
                IpPrefix network;

                if (ip_prefix_parse(private_networks[i], &network) == 0 &&
                    ip_prefix_contains(&network, prefix))
                        return true;
        }

        return false;
}

/* The address of a machine: neither that of the network nor for all in it. */
static bool is_host(const IpPrefix *prefix)
{
        uint32_t host_bits = UINT32_MAX >> prefix->length, address;

        memcpy(&address, prefix->bytes, sizeof address);
        address = be32toh(address) & host_bits;
        return address != 0 && address != host_bits;
}

static int parse_host(const char *text, IpPrefix *ret_prefix)
{
        int r = ip_prefix_parse(text, ret_prefix);
        if (r < 0)
                return r;

        return ret_prefix->family == AF_INET && is_private(ret_prefix) ? 0 : -EINVAL;
}

const char *mesh_node_path(void)
{
        const char *path = getenv("DEVBOX_MESH_NODE");

        return path && *path ? path : MESH_NODE_FILE;
}

int mesh_node_parse(const char *text, MeshNode *ret_node)
{
        char line[TEXT_MAX + 1], *words[WORDS_MAX];
        MeshNode node = { 0 };
        size_t n;

        if (strlen(text) > TEXT_MAX)
                return -EINVAL;
        memcpy(line, text, strlen(text) + 1);
        int r = split(line, words, &n);
        if (r < 0)
                return r;

        if (n == 2 && streq(words[0], "hub"))
                node.role = MESH_ROLE_HUB;
        else if (n == 3 && streq(words[0], "device"))
                node.role = MESH_ROLE_DEVICE;
        else
                return -EINVAL;

        r = parse_host(words[1], &node.address);
        if (r < 0)
                return r;
        if (node.address.length < LENGTH_MIN || node.address.length > LENGTH_MAX || !is_host(&node.address))
                return -EINVAL;
        r = n == 3 ? parse_host(words[2], &node.hub) : 0;
        if (r < 0)
                return r;
        if (n == 3 && (node.hub.length != 32 || !ip_prefix_contains(&node.address, &node.hub)))
                return -EINVAL;

        *ret_node = node;
        return 0;
}

int mesh_node_read(const char *path, MeshNode *ret_node)
{
        _cleanup_(fd_closep) int fd = fd_open_regular_at(AT_FDCWD, path, O_NOFOLLOW);
        char text[TEXT_MAX + 1];

        if (fd == -ENOENT) {
                *ret_node = (MeshNode){ .role = MESH_ROLE_NONE };
                return 0;
        }
        if (fd < 0)
                return fd;

        ssize_t n = fd_pread_text(fd, text, sizeof text);
        if (n < 0)
                return (int) n;

        return strlen(text) == (size_t) n ? mesh_node_parse(text, ret_node) : -EINVAL;
}
