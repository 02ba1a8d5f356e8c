/* SPDX-License-Identifier: MIT */
/* The file of devbox-mesh that root's generator reads: what is accepted can be written, says the same when
 * it is read again, and leads to IPv4 sockets of a network of 16 to 30 bits. */

#include "fuzz.h"
#include "generator/mesh-node.h"

static void format(const MeshNode *node, char *ret_text, size_t size)
{
        char address[IP_PREFIX_TEXT_SIZE], hub[IP_PREFIX_TEXT_SIZE];

        (void) ip_prefix_format(&node->address, address);
        if (node->role == MESH_ROLE_HUB)
                (void) snprintf(ret_text, size, "hub %s\n", address);
        else
                (void) snprintf(ret_text, size, "device %s %s\n", address,
                                ip_prefix_format_address(&node->hub, hub));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = calloc(1, size + 1);
        MeshNode node, again;
        char written[128];

        fuzz_check(text);
        memcpy(text, data, size);
        if (mesh_node_parse(text, &node) != 0)
                return 0;

        format(&node, written, sizeof written);
        fuzz_check(mesh_node_parse(written, &again) == 0);
        fuzz_check(again.role == node.role && ip_prefix_compare(&again.address, &node.address) == 0 &&
                   ip_prefix_compare(&again.hub, &node.hub) == 0);
        fuzz_check(node.address.family == AF_INET && node.address.length >= 16 && node.address.length <= 30);
        return 0;
}
