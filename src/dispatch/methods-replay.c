/* SPDX-License-Identifier: MIT */
/* ReplayTest of org.devbox.Dispatch1: shows that a device rejects a nonce that was used before. */

#include <fcntl.h>

#include "dispatch/method.h"
#include "dispatch/operation.h"
#include "trust/accept.h"

typedef struct ReplayArguments {
        Request *used; /* owned */
        int stream_fd; /* borrowed */
} ReplayArguments;

/* The request must be one of this hub. */
static int read_arguments(const DispatchDaemon *self, sd_bus_message *message, ReplayArguments *ret)
{
        const KeySet keys = { .role = DISPATCHER_ROLE,
                              .keys = key_pair_public(self->keys.dispatcher),
                              .n_keys = 1,
                              .threshold = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        const char *text;

        if (sd_bus_message_read(message, "sh", &text, &ret->stream_fd) < 0)
                return -EBADMSG;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL);
        return r != 0 ? r : request_parse(envelope_payload(envelope), &ret->used, NULL);
}

static int submit(Operation *operation, const DeviceFacts *facts, char ret_id[static ULID_SIZE])
{
        DispatchDaemon *self = operation->self;
        const RequestOrigin origin = { .principal = operation->principal };
        const ComposeInput input = { .manifest = facts->manifest,
                                     .manifest_sha256 = facts->manifest_sha256,
                                     .origin = &origin,
                                     .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC };
        ReplayArguments arguments = { .used = NULL };
        _cleanup_(composed_done) Composed composed = COMPOSED_NULL;

        int r = sd_bus_message_rewind(operation->call.message, true);
        if (r >= 0)
                r = read_arguments(self, operation->call.message, &arguments);
        _cleanup_(request_freep) Request *used = arguments.used;
        if (r == 0)
                r = compose_replay(&input, used, &composed);
        if (r != 0)
                return r;

        const QueueSubmission submission = { .device = operation->device,
                                             .capability = used->capability,
                                             .principal = operation->principal,
                                             .composed = &composed,
                                             .stream_fd = arguments.stream_fd };
        return queue_submit(self->queue, &submission, ret_id);
}

static void on_facts(FactsQuery *query, DeviceFacts *facts, int reason)
{
        Operation *operation = CONTAINER_OF(query, Operation, query);
        char id[ULID_SIZE];

        int r = facts ? submit(operation, facts, id) : reason;
        operation_end(operation, facts, r, id, NULL);
}

static int handle_replay_test(sd_bus_message *message, void *userdata)
{
        DispatchDaemon *self = userdata;
        ReplayArguments arguments = { .used = NULL };
        char principal[PRINCIPAL_SIZE];

        int r = read_arguments(self, message, &arguments);
        _cleanup_(request_freep) Request *used = arguments.used;
        if (r == 0)
                r = operation_resolve_principal(self, message, NULL, principal, sizeof principal);
        return r != 0 ? r : operation_start(self, message, principal, used->device, on_facts);
}

DISPATCH_METHOD(replay_test, ACCESS_SUBMIT);

const sd_bus_vtable dispatch_replay_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("ReplayTest", SD_BUS_ARGS("s", used, "h", stream), SD_BUS_RESULT("s", id),
                                on_replay_test, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
