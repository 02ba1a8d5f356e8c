/* SPDX-License-Identifier: MIT */
/* devboxctl replay-test: shows that a device rejects a request whose nonce was used before, and where its
 * audit chain has that. */

#include <inttypes.h>

#include "basic/fd.h"
#include "ctl/input.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/run/run-stream.h"
#include "ctl/verbs.h"
#include "trust/result.h"

/* The number of the entry that the device's statement names. */
static int read_entry(const RequestRow *row, uint64_t *ret_seq)
{
        _cleanup_(result_freep) Result *result = NULL;

        int r = result_read(strempty(row->result), &result);
        if (r == 0)
                *ret_seq = (uint64_t) result->seq;
        return r;
}

static int print_document(const RequestRow *row, bool blocked, uint64_t seq)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "id", row->id);
        json_add_string(&json, "device", row->device);
        json_add_bool(&json, "blocked", blocked);
        json_add_string(&json, "state", row->state);
        json_add_string(&json, "reason", row->reason);
        if (blocked)
                json_add_u64(&json, "audit_entry", seq);
        json_close_object(&json);
        return print_json(&json);
}

static int report(Ctl *ctl, const RequestRow *row)
{
        const char *replay = devbox_error_code(DEVBOX_ERROR_NONCE_REPLAY);
        bool blocked = row->reason && streq(row->reason, replay);
        uint64_t seq = 0;

        int r = blocked ? read_entry(row, &seq) : 0;
        if (r > 0)
                return problem_about(&ctl->problem, (DevboxError) r, "the result");
        if (r < 0)
                return r;

        if (!blocked)
                ctl->status = streq(row->state, "unreachable") ? STATUS_UNREACHABLE : CTL_PROBLEM;
        if (ctl->json)
                return print_document(row, blocked, seq);
        if (!blocked)
                return print_line(stderr, "devboxctl: %s did not reject it as a replay: %s", row->device,
                                  row->message ? row->message : row->state);

        return print_line(stdout, "%s rejects it as a replay: %s, entry %" PRIu64 " of its audit chain",
                          row->device, replay, seq);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        _cleanup_(run_end_done) RunEnd end = RUN_END_NULL;
        _cleanup_(freep) char *used = NULL;
        _cleanup_(fd_closep) int fd = -EBADF;
        char id[ULID_SIZE];

        int r = input_read_text(args[0], ENVELOPE_PAYLOAD_MAX, &used, &ctl->problem);
        if (r == 0)
                r = ctl_open_bus(ctl);
        if (r == 0)
                r = run_start(ctl, &(RunCall){ .replay = used }, &fd, id);
        if (r == 0)
                r = run_follow(ctl, fd, true, &end);
        if (r == 0)
                r = requests_client_get(ctl->bus, id, &row, &ctl->problem);
        return r != 0 ? r : report(ctl, row.items);
}

const Verb verb_replay_test = {
        .name = "replay-test",
        .arguments = "FILE",
        .help = "show that a device rejects a request that was used before",
        .example = "replay-test used.json",
        .statuses = "failure, or it was not rejected as a replay; 69 not reachable",
        .run = run,
};
