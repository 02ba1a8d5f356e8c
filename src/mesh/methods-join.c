/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Mesh1 with which a device joins a network: Join, SignJoin, OpenAnswer,
 * FinishJoin, ConfirmJoin, Leave. */

#include <sodium.h>

#include "mesh/join.h"
#include "mesh/method.h"

/* ---- Join, SignJoin */

/* An empty token: the one that is kept. */
static int read_join(sd_bus_message *message, Token *ret_token, PublicKey *ret_key, const char **ret_text)
{
        const void *token;
        size_t size;

        if (sd_bus_message_read_array(message, 'y', &token, &size) < 0 ||
            bus_array_read(message, ret_key->bytes, PUBLIC_KEY_SIZE) < 0 ||
            sd_bus_message_read(message, "s", ret_text) < 0 ||
            (size > 0 && token_parse(BYTES(token, size), ret_token) != 0))
                return -EBADMSG;

        return size > 0;
}

static int handle_join(sd_bus_message *message, void *userdata)
{
        _cleanup_(token_done) Token token = { .id = { 0 } };
        uint8_t body[CLAIM_BODY_MAX];
        MeshDaemon *self = userdata;
        const char *description;
        PublicKey device_key;
        size_t size;

        int given = read_join(message, &token, &device_key, &description);
        if (given < 0)
                return given;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        r = join_start(&self->store,
                       &(JoinRequest){ .token = given ? &token : NULL,
                                       .device_key = &device_key,
                                       .description = description,
                                       .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC },
                       body, &size);
        r = mesh_after_write(self, r);
        if (r != 0)
                return r;

        mesh_changed(self);
        resolver_reset(self->resolver); /* a person waits */
        mesh_seek_hub(self);
        r = bus_reply_bytes(message, BYTES(body, size));
        sodium_memzero(body, sizeof body);
        return r;
}

static int handle_sign_join(sd_bus_message *message, void *userdata)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        MeshDaemon *self = userdata;
        Signature signature;
        size_t size;

        if (bus_array_read(message, signature.bytes, SIGNATURE_SIZE) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r == 0)
                r = mesh_after_write(self, join_sign(&self->store, &signature, sealed, &size));
        if (r != 0)
                return r;

        mesh_changed(self);
        return bus_reply_bytes(message, BYTES(sealed, size));
}

/* ---- OpenAnswer */

static_assert(ANSWER_ROOTS_MAX <= BUS_TEXTS_MAX, "all roots fit the reply");

typedef struct OpenedAnswer {
        const char *state, *digits, *manifest, *network, *prefix, *address, *hub_address;
        const char *roots[ANSWER_ROOTS_MAX];
        size_t n_roots;
        Bytes chain_id, lost_head;
        uint64_t lost_size, retry_ms, hub_time_ms;
} OpenedAnswer;

static int reply_answer(sd_bus_message *message, const Answer *answer, const char *digits)
{
        static const BusField fields[] = {
                BUS_FIELD("state", BUS_TEXT, OpenedAnswer, state),
                BUS_FIELD("digits", BUS_TEXT, OpenedAnswer, digits, BUS_OPTIONAL),
                BUS_FIELD_TEXTS("roots", OpenedAnswer, roots, n_roots),
                BUS_FIELD("manifest", BUS_TEXT, OpenedAnswer, manifest, BUS_OPTIONAL),
                BUS_FIELD("chain_id", BUS_BYTES, OpenedAnswer, chain_id, BUS_OPTIONAL),
                BUS_FIELD("lost_size", BUS_UINT64, OpenedAnswer, lost_size, BUS_OPTIONAL),
                BUS_FIELD("lost_head", BUS_BYTES, OpenedAnswer, lost_head, BUS_OPTIONAL),
                BUS_FIELD("network", BUS_TEXT, OpenedAnswer, network, BUS_OPTIONAL),
                BUS_FIELD("prefix", BUS_TEXT, OpenedAnswer, prefix, BUS_OPTIONAL),
                BUS_FIELD("address", BUS_TEXT, OpenedAnswer, address, BUS_OPTIONAL),
                BUS_FIELD("hub_address", BUS_TEXT, OpenedAnswer, hub_address, BUS_OPTIONAL),
                BUS_FIELD("retry_ms", BUS_UINT64, OpenedAnswer, retry_ms, BUS_OPTIONAL),
                BUS_FIELD("hub_time_ms", BUS_UINT64, OpenedAnswer, hub_time_ms),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        OpenedAnswer opened = { .state = answer_state_to_string(answer->state),
                                .digits = digits,
                                .manifest = answer->manifest,
                                .network = answer->network,
                                .prefix = answer->prefix,
                                .address = answer->address,
                                .hub_address = answer->hub_address,
                                .lost_size = (uint64_t) answer->lost_size,
                                .retry_ms = (uint64_t) answer->retry_ms,
                                .hub_time_ms = (uint64_t) answer->hub_time_ms };

        for (size_t i = 0; i < answer->roots.n; i++)
                opened.roots[opened.n_roots++] = answer->roots.items[i].envelope;
        if (answer->state == ANSWER_ADMITTED)
                opened.chain_id = BYTES_OF(answer->chain_id);
        if (answer->lost_size > 0)
                opened.lost_head = BYTES_OF(answer->lost_head.bytes);
        return bus_reply_dictionary(message, &dictionary, &opened);
}

static int handle_open_answer(sd_bus_message *message, void *userdata)
{
        _cleanup_(answer_freep) Answer *answer = NULL;
        char digits[ENROLMENT_DIGITS_SIZE];
        MeshDaemon *self = userdata;
        const void *box;
        size_t size;

        if (sd_bus_message_read_array(message, 'y', &box, &size) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r == 0)
                r = mesh_after_write(self, join_open(&self->store, BYTES(box, size), &answer, digits));
        if (r != 0)
                return r;

        if (answer->state == ANSWER_ADMITTED)
                mesh_changed(self);
        return reply_answer(message, answer, digits);
}

/* ---- the steps without arguments */

static int finish_step(sd_bus_message *message, MeshDaemon *self, int (*step)(const Store *store))
{
        int r = mesh_need_store(self);
        if (r == 0)
                r = mesh_after_write(self, step(&self->store));
        if (r != 0)
                return r;

        mesh_changed(self);
        return bus_reply(message, NULL);
}

static int handle_finish_join(sd_bus_message *message, void *userdata)
{
        return finish_step(message, userdata, join_finish);
}

static int handle_confirm_join(sd_bus_message *message, void *userdata)
{
        return finish_step(message, userdata, join_confirm);
}

static int handle_leave(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;

        int r = finish_step(message, self, join_leave);
        if (r == 0 && self->node.role == NODE_ROLE_NONE)
                r = reconciler_remove_link(self->reconciler);
        return r;
}

MESH_METHOD(join, ACCESS_ROOT);
MESH_METHOD(sign_join, ACCESS_ROOT);
MESH_METHOD(open_answer, ACCESS_ROOT);
MESH_METHOD(finish_join, ACCESS_ROOT);
MESH_METHOD(confirm_join, ACCESS_ROOT);
MESH_METHOD(leave, ACCESS_ROOT);

const sd_bus_vtable mesh_join_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Join", SD_BUS_ARGS("ay", token, "ay", device_key, "s", description),
                                SD_BUS_RESULT("ay", claim), on_join, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SignJoin", SD_BUS_ARGS("ay", signature), SD_BUS_RESULT("ay", sealed),
                                on_sign_join, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenAnswer", SD_BUS_ARGS("ay", answer), SD_BUS_RESULT("a{sv}", opened),
                                on_open_answer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FinishJoin", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_finish_join,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ConfirmJoin", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_confirm_join,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Leave", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_leave,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
