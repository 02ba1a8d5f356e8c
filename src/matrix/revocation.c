/* SPDX-License-Identifier: MIT */
/* The command !revoke: what it does is answered first, and it is done for a second message of the same
 * person in the same room, which must come after the answer, and within a minute of it. Who may is decided
 * by devbox-mesh; the first message is only answered the same. */

#include <inttypes.h>
#include <stdio.h>

#include "bus/dictionary.h"
#include "matrix/execution.h"

#define CONFIRM_MAX_MS (60 * 1000)

static const char *device_of(const Execution *execution)
{
        size_t n;

        return command_words(&execution->command, &n)[0];
}

static bool confirms(const Command *command)
{
        size_t n;
        char *const *words = command_words(command, &n);

        return n == 2 && streq(words[1], "confirm");
}

/* ---- the first message */

static void on_manifest(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        const char *device = device_of(execution);
        char line[512];

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        if (directory_parse_manifest(reply->message, &manifest) != 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        if (!manifest_find_operator(manifest, execution->journal.sender))
                return execution_reject(execution, DEVBOX_ERROR_OPERATOR_UNKNOWN, NULL);

        (void) snprintf(line, sizeof line,
                        "%s leaves the network for good: what runs on it loses the hub, its key can never "
                        "return, its history stays. To do that, write within a minute: !revoke %s confirm",
                        device, device);
        execution_answer(execution, line, BYTES(NULL, 0));
}

/* ---- the second message */

typedef struct Revocation {
        uint64_t elapsed_usec;
} Revocation;

static void on_revoked(BusRequest *call, const BusReply *reply)
{
        static const BusField fields[] = {
                BUS_FIELD("elapsed_usec", BUS_UINT64, Revocation, elapsed_usec, BUS_REQUIRED),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        Execution *execution = CONTAINER_OF(call, Execution, call);
        Revocation revocation = { 0 };
        char line[256];

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        if (bus_dictionary_read(reply->message, &dictionary, &revocation) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        if (revocation.elapsed_usec == 0) /* it was revoked before */
                return execution_reject(execution, DEVBOX_ERROR_PEER_REVOKED, NULL);

        (void) snprintf(line, sizeof line,
                        "%s is out: removed and read back in %" PRIu64
                        " ms; its key can never return. Its history stays.",
                        device_of(execution), (revocation.elapsed_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
        execution_answer(execution, line, BYTES(NULL, 0));
}

static int on_line_before(void *userdata, const char *line)
{
        const Execution *execution = userdata;
        _cleanup_(command_done) Command before = COMMAND_NULL;
        const char *why;
        size_t n;

        int r = command_parse(line, &before, &why);
        if (r != 0 || before.kind != COMMAND_REVOKE)
                return MIN(r, 0);
        char *const *words = command_words(&before, &n);
        return n == 1 && streq(words[0], device_of(execution)) ? 1 : 0;
}

static void confirm(Execution *execution)
{
        BusClient *mesh = &execution->self->mesh;
        const JournalCommand *journal = &execution->journal;

        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);

        int r = command_journal_each_before(execution->self->database, journal->event_id,
                                            now_ms - CONFIRM_MAX_MS, on_line_before, execution);
        if (r < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        if (r == 0)
                return execution_answer(execution,
                                        "There is nothing to confirm. First write: !revoke DEVICE; then "
                                        "confirm what is answered, within a minute",
                                        BYTES(NULL, 0));
        bus_client_send_take(
                mesh, &execution->call,
                bus_client_new_call(mesh, "RevokeFor", "ss", device_of(execution), journal->sender),
                on_revoked);
}

void revoke_start(Execution *execution)
{
        BusClient *mesh = &execution->self->mesh;
        size_t n;

        (void) command_words(&execution->command, &n);
        if (confirms(&execution->command))
                return confirm(execution);
        if (n > 1)
                return execution_refuse(execution, "Write: !revoke DEVICE");
        bus_client_send_take(mesh, &execution->call,
                             bus_client_new_call(mesh, "GetManifest", "s", device_of(execution)),
                             on_manifest);
}
