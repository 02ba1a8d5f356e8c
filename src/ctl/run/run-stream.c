/* SPDX-License-Identifier: MIT */
/* A request that is followed. */

#include "ctl/run/run-stream.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl/problem.h"
#include "proto/frames.h"

static const struct {
        const char *state;
        int status;
} statuses[] = {
        { "timeout", STATUS_TIMEOUT },
        { "cancelled", STATUS_CANCELLED },
        { "failed", STATUS_REJECTED },
        { "rejected", STATUS_REJECTED },
        { "denied", STATUS_REJECTED },
        { "expired", STATUS_REJECTED },
        { "unreachable", STATUS_UNREACHABLE },
        { "interrupted", STATUS_INTERRUPTED },
        { "interrupted_unknown", STATUS_INTERRUPTED },
};

void run_end_done(RunEnd *end)
{
        cJSON_Delete(end->tree);
        for (size_t i = 0; i < ELEMENTSOF(end->streams); i++)
                text_done(&end->streams[i]);
}

int run_start(Ctl *ctl, RunCall *call, int *ret_fd, char ret_id[static ULID_SIZE])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(fd_closep) int ours = -EBADF, theirs = -EBADF;
        const char *id = NULL;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];

        call->stream_fd = theirs;
        int r = requests_client_run(ctl->bus, call, &reply, &id, &ctl->problem);
        if (r != 0)
                return r;

        (void) snprintf(ret_id, ULID_SIZE, "%s", id);
        *ret_fd = TAKE_FD(ours);
        return 0;
}

/* ---- frames */

static int int_member(const cJSON *tree, const char *key, int absent)
{
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, key);

        return cJSON_IsNumber(item) ? item->valueint : absent;
}

static int take_end(Bytes json, RunEnd *end)
{
        end->tree = cJSON_ParseWithLength((const char *) json.data, json.size);
        end->state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(end->tree, "state"));
        end->message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(end->tree, "message"));
        end->exit_code = int_member(end->tree, "exit_code", -1);
        end->exit_signal = int_member(end->tree, "exit_signal", 0);
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(end->tree, "output_bytes");
        end->n_output = cJSON_IsNumber(size) ? (uint64_t) MAX(size->valuedouble, 0) : 0;
        return end->state ? 0 : -EBADMSG;
}

typedef struct Sink {
        int fd;
        bool is_terminal;
        uint8_t last; /* byte */
} Sink;

/* Names of files and lines of logs are what others chose: of controls, also U+0080 to U+009F, a terminal
 * gets only tabs and line feeds. */
static void sanitize(Sink *sink, uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                uint8_t byte = bytes[i];

                if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f ||
                    (sink->last == 0xc2 && byte >= 0x80 && byte <= 0x9f))
                        bytes[i] = '?';
                sink->last = byte;
        }
}

static int keep_output(Text *stream, Bytes output)
{
        text_append_bytes(stream, output.data, output.size);
        return stream->error;
}

typedef struct Follower {
        bool keep;
        Sink sinks[2];
        Frames frames;
        RunEnd *end;
} Follower;

static int on_frame(char type, Bytes payload, void *userdata)
{
        Follower *follower = userdata;
        bool is_error = type == 'E';
        Sink *sink = &follower->sinks[is_error];

        if (type == 'R')
                return take_end(payload, follower->end);
        follower->end->n_received += payload.size;
        if (follower->keep)
                return keep_output(&follower->end->streams[is_error], payload);
        if (sink->is_terminal)
                sanitize(sink, (uint8_t *) payload.data, payload.size);
        return fd_write_all(sink->fd, payload);
}

/* Until the last frame. Errors: -ECONNRESET devbox-dispatch ended. */
static int follow(int fd, Follower *follower)
{
        uint8_t piece[64 * 1024];
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(follower->sinks); i++)
                follower->sinks[i].is_terminal = isatty(follower->sinks[i].fd);
        while (r == 0 && !follower->end->tree) {
                ssize_t n = read(fd, piece, sizeof piece);
                if (n > 0)
                        r = frames_feed(&follower->frames, BYTES(piece, n), on_frame, follower);
                else if (n == 0 || errno != EINTR)
                        r = n < 0 ? -errno : -ECONNRESET;
        }
        return r;
}

/* ---- public */

int run_follow(Ctl *ctl, int fd, bool keep, RunEnd *ret_end)
{
        Follower follower = { .keep = keep,
                              .sinks = { { .fd = STDOUT_FILENO }, { .fd = STDERR_FILENO } },
                              .end = ret_end };

        int r = follow(fd, &follower);
        frames_done(&follower.frames);
        if (r != -ECONNRESET)
                return r;

        ctl->status = STATUS_INTERRUPTED;
        return problem_set(&ctl->problem, DEVBOX_ERROR_INTERNAL,
                           "devbox-dispatch ended while the request ran; see: devboxctl requests");
}

int run_exit_status(const RunEnd *end)
{
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (streq(statuses[i].state, end->state))
                        return statuses[i].status;

        return end->exit_signal > 0 ? 128 + end->exit_signal : MAX(end->exit_code, 0);
}
