/* SPDX-License-Identifier: MIT */
/* devboxctl run: a command on a device. What it prints is passed on as it is made; the exit status is that
 * of the program. Whoever ends this process cancels the request: its end of the stream closes. */

#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "codec/binary-text.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/run/run-stream.h"
#include "ctl/verbs.h"
#include "proto/id.h"
#include "trust/approval.h"
#include "trust/arguments.h"

typedef struct RunOptions {
        const char *write, *read, *list;
        bool replace, queue;
        uint64_t timeout_s;
} RunOptions;

/* ---- the request */

/* A capability may be before the other words, with a dot or, as in chat, with a blank in its name:
 * docker.exec, docker exec. `ret_n`: how many words name it. */
static CapabilityKind find_capability(char **words, size_t *ret_n)
{
        CapabilityKind kind = words[0] ? capability_kind_from_name(words[0]) : _CAPABILITY_KIND_INVALID;
        char name[32];

        *ret_n = 1;
        if (kind >= 0 || !words[0] || !words[1])
                return kind;

        *ret_n = 2;
        int n = snprintf(name, sizeof name, "%s.%s", words[0], words[1]);
        return (size_t) n < sizeof name ? capability_kind_from_name(name) : _CAPABILITY_KIND_INVALID;
}

/* Without a capability, the first word is a program. */
static void set_command(RunCall *call, const RunOptions *options, char **words, char **ret_paths)
{
        const char *const paths[] = { options->write, options->read, options->list };
        static const char *const capabilities[] = { "fs.write", "fs.read", "fs.list" };

        call->capability = "shell.exec";
        call->words = words;
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (paths[i]) {
                        call->capability = capabilities[i];
                        ret_paths[0] = (char *) paths[i];
                        call->words = ret_paths;
                        return;
                }

        size_t n;
        CapabilityKind kind = find_capability(words, &n);
        if (kind >= 0) {
                call->capability = capability_kind_name(kind);
                call->words = words + n;
        }
}

static int read_content(Ctl *ctl, Text *content)
{
        char piece[16 * 1024];
        ssize_t n = 0;

        while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0) {
                text_append_bytes(content, piece, (size_t) n);
                if (content->size > FS_WRITE_MAX)
                        return ctl_usage(ctl, "fs.write takes at most 256 KiB from standard input");
        }

        text_append_bytes(content, "", 0);
        return n < 0 ? -errno : content->error;
}

/* ---- what became of it */

static int add_stream(Json *json, const char *key, const Text *stream)
{
        _cleanup_(freep) char *text = malloc(BASE64_SIZE(stream->size));
        if (!text)
                return -ENOMEM;

        base64_format(BYTES(stream->data, stream->size), text);
        json_add_string(json, key, text);
        return 0;
}

static int print_document(const char *id, const RunEnd *end)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(end->tree, "reason"));

        json_open_object(&json, NULL);
        json_add_string(&json, "id", id);
        json_add_string(&json, "state", end->state);
        json_add_string(&json, "reason", reason);
        json_add_string(&json, "message", end->message);
        if (end->exit_code >= 0)
                json_add_u64(&json, "exit_code", (uint64_t) end->exit_code);
        if (end->exit_signal > 0)
                json_add_u64(&json, "exit_signal", (uint64_t) end->exit_signal);
        json_add_u64(&json, "output_bytes", end->n_output);
        int r = add_stream(&json, "stdout_b64", &end->streams[0]);
        if (r == 0)
                r = add_stream(&json, "stderr_b64", &end->streams[1]);
        json_close_object(&json);
        return r < 0 ? r : print_json(&json);
}

static int report(Ctl *ctl, const char *id, const RunEnd *end)
{
        ctl->status = run_exit_status(end);
        if (ctl->json)
                return print_document(id, end);
        if (end->n_output > end->n_received) {
                int r = print_line(stderr,
                                   "devboxctl: the output is cut: %" PRIu64
                                   " bytes are beyond max_output of the "
                                   "manifest, or the connection to the device was lost",
                                   end->n_output - end->n_received);
                if (r < 0)
                        return r;
        }
        if (streq(end->state, "finished"))
                return 0;

        return print_line(stderr, "devboxctl: %s", end->message ? end->message : end->state);
}

/* Prints what a request waits for: an approval, or with --queue a device that may be away. */
static int announce(Ctl *ctl, const char *id, bool may_wait)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        char span[FIGURE_MAX];

        int r = requests_client_get(ctl->bus, id, &row, &ctl->problem);
        if (r != 0 || ctl->json)
                return r;

        const RequestRow *request = row.items;
        uint64_t left_ms = request->expires_at_ms - MIN(request->expires_at_ms, ctl->now_ms);
        (void) format_span(span, left_ms * USEC_PER_MSEC);
        if (!streq(request->state, "approving"))
                return may_wait ? print_line(stderr, "queued for %s: request %s     expires in %s",
                                             request->device, ulid_shown(id), span)
                                : 0;

        return print_line(stderr, "needs an approval (%s): devboxctl approve %s%s     expires in %s",
                          request->tier, ulid_shown(id),
                          streq(request->tier, approval_tier_names[APPROVAL_SIGNED]) ? " --sign" : "", span);
}

static int run_request(Ctl *ctl, RunCall *call)
{
        _cleanup_(run_end_done) RunEnd end = RUN_END_NULL;
        _cleanup_(fd_closep) int fd = -EBADF;
        char id[ULID_SIZE];

        int r = run_start(ctl, call, &fd, id);
        if (r == 0)
                r = announce(ctl, id, call->may_wait);
        if (r == 0)
                r = run_follow(ctl, fd, ctl->json, &end);

        return r == 0 ? report(ctl, id, &end) : r;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(text_done) Text content = TEXT_NULL;
        const RunOptions *given = options;
        char *paths[2] = { NULL };
        RunCall call = { .device = args[0],
                         .replace = given->replace,
                         .may_wait = given->queue,
                         .timeout_ms = given->timeout_s * 1000 };

        if (!args[1] && !given->write && !given->read && !given->list)
                return ctl_usage(ctl, "run needs a program, or --write, --read or --list");

        set_command(&call, given, args + 1, paths);
        int r = given->write ? read_content(ctl, &content) : 0;
        if (r == 0)
                r = ctl_open_bus(ctl);
        if (r != 0)
                return r;

        call.content = BYTES(content.data, content.size);
        return run_request(ctl, &call);
}

static const Option options[] = {
        { "write", &option_name, offsetof(RunOptions, write),
          "write standard input to this file of the device" },
        { "read", &option_name, offsetof(RunOptions, read), "print this file of the device" },
        { "list", &option_name, offsetof(RunOptions, list), "list this directory of the device" },
        { "replace", &option_switch, offsetof(RunOptions, replace),
          "with --write: also where there is a file" },
        { "queue", &option_switch, offsetof(RunOptions, queue), "wait while the device is away" },
        { "timeout", &option_timeout, offsetof(RunOptions, timeout_s),
          "seconds; the manifest's are the most" },
        { 0 },
};

const Verb verb_run = {
        .name = "run",
        .arguments = "DEVICE [WORD...]",
        .help = "run a command on a device",
        .example = "run home-wsl ls /home",
        .statuses = "the program's own; 69 not reachable, 70 interrupted, 77 rejected, 124 out of time, 130 "
                    "cancelled",
        VERB_OPTIONS(RunOptions, options),
        .command = true,
        .run = run,
};
