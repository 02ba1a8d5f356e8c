/* SPDX-License-Identifier: MIT */
/* What an admitted device is answered: read anew each time, so that it is what is in force. */

#include "mesh/admission.h"

#include "mesh/peers.h"
#include "proto/error.h"

static int copy(const char *text, char **ret_copy)
{
        *ret_copy = strdup(text);
        return *ret_copy ? 0 : -ENOMEM;
}

static int copy_prefix(const IpPrefix *prefix, bool with_length, char **ret_copy)
{
        char text[IP_PREFIX_TEXT_SIZE];

        return copy(with_length ? ip_prefix_format(prefix, text) : ip_prefix_format_address(prefix, text),
                    ret_copy);
}

static int add_network(const Node *node, Answer *answer)
{
        answer->mtu = MESH_MTU;
        int r = copy(node->network, &answer->network);
        if (r == 0)
                r = copy_prefix(&node->prefix, true, &answer->prefix);
        if (r == 0)
                r = copy_prefix(&node->address, false, &answer->hub_address);
        return r;
}

static int add_device(const Hub *hub, const Invitation *invitation, Answer *answer)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(hub->store->database, &row,
                      "SELECT d.address, d.keepalive_sec, d.chain_id FROM device d JOIN wireguard_key k"
                      " ON k.device = d.name WHERE k.public_key = ? AND k.use != 'revoked'"
                      " AND d.state != 'revoked'",
                      "b", BYTES_OF(invitation->wireguard_key));
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r < 0 ? r : DEVBOX_ERROR_PEER_REVOKED;

        answer->keepalive_s = statement_integer(row, 1);
        r = statement_copy_bytes(row, 2, answer->chain_id, sizeof answer->chain_id);
        return r < 0 ? r : copy(strempty(statement_text(row, 0)), &answer->address);
}

/* The last ones, also from before the one that the token names: a device that comes back may have missed
 * some. */
static int add_roots(const Hub *hub, Answer *answer)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        answer->roots.items = calloc(ANSWER_ROOTS_MAX, sizeof *answer->roots.items);
        if (!answer->roots.items)
                return -ENOMEM;
        int r = query(hub->store->database, &row,
                      "SELECT envelope FROM (SELECT * FROM root ORDER BY version DESC LIMIT ?)"
                      " ORDER BY version",
                      "i", (int64_t) ANSWER_ROOTS_MAX);
        while (r >= 0 && (r = statement_step(row)) > 0)
                r = copy(strempty(statement_text(row, 0)), &answer->roots.items[answer->roots.n++].envelope);
        return r;
}

int admission_answer(const Hub *hub, const Invitation *invitation, Answer **ret_answer)
{
        _cleanup_(answer_freep) Answer *answer = calloc(1, sizeof *answer);
        ManifestFloor floor;

        if (!answer)
                return -ENOMEM;

        answer->state = ANSWER_ADMITTED;
        answer->hub_time_ms = hub->time.wall_ms;
        answer->lost_size = invitation->lost_size;
        answer->lost_head = invitation->lost_head;
        memcpy(answer->nonce, invitation->hub_nonce, sizeof answer->nonce);
        memcpy(answer->hub_ephemeral, invitation->hub_ephemeral, sizeof answer->hub_ephemeral);
        int r = add_network(hub->node, answer);
        if (r == 0)
                r = add_device(hub, invitation, answer);
        if (r == 0)
                r = add_roots(hub, answer);
        if (r != 0)
                return r;
        r = manifest_store_last(hub->store->database, invitation->device, &floor, &answer->manifest);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_answer = TAKE_PTR(answer);
        return 0;
}
