/* SPDX-License-Identifier: MIT */
/* A command that runs on a device: Run of org.devbox.Dispatch1, and what it streams.
 *
 *         Run ── id ── [GetRequest: waits for an approval, for the device] ── output … ── R ── answer
 *
 * Run is called again when devbox-dispatch, or the devbox-matrix before this one, ended on the way: for one
 * event there is one request. */

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "bus/dictionary.h"
#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/alert.h"
#include "matrix/execution.h"
#include "matrix/outbox.h"
#include "matrix/run-answer.h"

#define TYPING_MS    INT64_C(20000) /* after which the homeserver ends it, should we not */
#define ATTEMPTS_MAX 5              /* one a second, while devbox-dispatch does not answer */

static void close_stream(Execution *execution)
{
        execution->stream = sd_event_source_disable_unref(execution->stream);
        execution->fd = fd_close(execution->fd);
        frames_done(&execution->frames);
        execution->frames = (Frames){ .n_header = 0 };
}

void run_done(Execution *execution)
{
        close_stream(execution);
        sd_event_source_disable_unref(execution->timer);
        run_output_done(&execution->output);
        cJSON_Delete(execution->end);
}

static RunAnswer answer_of(const Execution *execution)
{
        return (RunAnswer){ .event_id = execution->journal.event_id,
                            .device = execution->journal.device,
                            .subject = command_subject(&execution->command),
                            .output = BYTES(execution->output.kept.data, execution->output.kept.size),
                            .n_left_out = execution->output.n_left_out,
                            .file = execution->output.file,
                            .took_usec = time_now(CLOCK_MONOTONIC) - execution->began_usec };
}

static int set_typing(Execution *execution, bool typing)
{
        cJSON *content = NULL;

        if (TAKE(execution->typing, typing) == typing)
                return 0;
        int r = json_pack(&content, "{typing:b,timeout:i}", typing, TYPING_MS);
        return r < 0 ? r
                     : outbox_add_take(execution->self->database, execution->journal.room_id, "m.typing",
                                       content);
}

/* ---- the end */

/* A capability that the manifest does not have at all is worth a look. */
static int report(const Execution *execution, const RunOutcome *outcome)
{
        const JournalCommand *journal = &execution->journal;
        char key[320], line[512];

        if (!streq(strempty(outcome->reason), devbox_error_code(DEVBOX_ERROR_UNKNOWN_CAPABILITY)))
                return 0;
        (void) snprintf(key, sizeof key, "capability:%s", journal->event_id);
        (void) snprintf(line, sizeof line, "%s asked %s for %s, which is not in its manifest",
                        journal->sender, journal->device, execution->command.capability);
        return alert_announce(execution->self->database, key, line);
}

static void end(Execution *execution, const RunOutcome *outcome)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = execution->self->database;
        const RunAnswer answer = answer_of(execution);

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = set_typing(execution, false);
        if (r == 0)
                r = run_output_end(&execution->output);
        if (r == 0)
                r = run_answer_end(database, &answer, outcome);
        if (r == 0)
                r = report(execution, outcome);
        execution_finish(execution, &transaction, r);
}

static void end_by_frame(Execution *execution)
{
        int64_t exit_code = -1, exit_signal = 0, output_bytes = 0;
        uint64_t n_received = execution->n_received;

        (void) object_integer(execution->end, "output_bytes", 0, MATRIX_JSON_INTEGER, &output_bytes);
        (void) object_integer(execution->end, "exit_code", 0, 255, &exit_code);
        (void) object_integer(execution->end, "exit_signal", 0, 255, &exit_signal);
        end(execution, &(RunOutcome){ .state = strempty(object_string(execution->end, "state")),
                                      .reason = object_string(execution->end, "reason"),
                                      .message = object_string(execution->end, "message"),
                                      .exit_code = (int) exit_code,
                                      .exit_signal = (int) exit_signal,
                                      .n_cut = n_received - run_output_size(&execution->output),
                                      .n_lost = MAX((uint64_t) output_bytes, n_received) - n_received });
}

/* Tries again, unless it has tried too often. */
static bool try_again(Execution *execution)
{
        close_stream(execution);
        return execution->n_failed++ < ATTEMPTS_MAX &&
               sd_event_source_set_time_relative(execution->timer, RUN_RETRY_USEC) >= 0 &&
               sd_event_source_set_enabled(execution->timer, SD_EVENT_ONESHOT) >= 0;
}

/* ---- the stream */

static int on_frame(char type, Bytes payload, void *userdata)
{
        Execution *execution = userdata;

        if (type != 'R') {
                execution->n_received += payload.size;
                return run_output_add(&execution->output, execution->self->database, payload);
        }
        cJSON_Delete(execution->end);
        execution->end = cJSON_ParseWithLength((const char *) payload.data, payload.size);
        return execution->end ? 0 : -EPROTO;
}

static int on_stream(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Execution *execution = userdata;
        uint8_t piece[16 * 1024];

        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
                return 0;
        int r = n > 0 ? frames_feed(&execution->frames, BYTES(piece, n), on_frame, execution) : -ECONNRESET;
        if (r == 0 && execution->end)
                end_by_frame(execution);
        else if (r < 0 && !try_again(execution))
                end(execution,
                    &(RunOutcome){ .state = "interrupted",
                                   .message = "devbox-dispatch ended while it ran; see: devboxctl requests",
                                   .exit_code = -1 });
        return 0;
}

/* ---- what it waits for, and how far it is */

typedef struct RequestView {
        const char *state;
        uint64_t expires_ms;
} RequestView;

static int show(Execution *execution, const RequestView *view)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        const RunAnswer answer = answer_of(execution);
        const RunWait wait = { .request_id = execution->request_id,
                               .approval = streq(view->state, "approving"),
                               .left_usec =
                                       (view->expires_ms - MIN(view->expires_ms, now_ms)) * USEC_PER_MSEC };

        if (streq(view->state, execution->waits))
                return 0;
        if (!streq(view->state, "running")) {
                (void) snprintf(execution->waits, sizeof execution->waits, "%s", view->state);
                return run_answer_wait(execution->self->database, &answer, &wait);
        }
        if (!TAKE(execution->typed, true))
                return set_typing(execution, true);
        if (TAKE(execution->shown, true) && execution->n_shown == run_output_size(&execution->output))
                return 0;
        execution->n_shown = run_output_size(&execution->output);
        int r = set_typing(execution, false);
        return r < 0 ? r : run_answer_progress(execution->self->database, &answer);
}

/* What became of it is at the end of the stream; until then it is asked for again. */
static void on_taken_back(BusRequest *call, const BusReply *reply)
{
}

static void on_view(BusRequest *call, const BusReply *reply)
{
        static const BusField fields[] = {
                BUS_FIELD("state", BUS_TEXT, RequestView, state, BUS_REQUIRED),
                BUS_FIELD("expires_at_ms", BUS_UINT64, RequestView, expires_ms),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        Execution *execution = CONTAINER_OF(call, Execution, call);
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        RequestView view = { .state = NULL };

        if (reply->reason != 0 || bus_dictionary_read(reply->message, &dictionary, &view) < 0)
                return;
        int r = transaction_begin(execution->self->database, &transaction);
        if (r == 0)
                r = show(execution, &view);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot store how far a command is, ignoring");
        session_send(execution->self->session);
}

/* ---- the beginning */

/* Whether the request may have been made, or may be made later. */
static bool is_temporary(int reason)
{
        return reason == DEVBOX_ERROR_DISPATCH_UNAVAILABLE || reason == DEVBOX_ERROR_BUSY;
}

/* The stream is read once the request has an id: that of a rejected one ends without a frame. */
static void on_submitted(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        const char *id;

        if (is_temporary(reply->reason) && try_again(execution))
                return;
        if (reply->reason == DEVBOX_ERROR_REQUEST_UNKNOWN)
                return execution_refuse(execution,
                                        execution->journal.taken_back
                                                ? "This command was taken back, and was not run."
                                                : "This command is older than 15 minutes and was not run. "
                                                  "Send it again.");
        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        execution->n_failed = 0;
        if (sd_bus_message_read(reply->message, "s", &id) >= 0)
                (void) snprintf(execution->request_id, sizeof execution->request_id, "%s", id);
        if (sd_event_add_io(execution->self->event, &execution->stream, execution->fd, EPOLLIN, on_stream,
                            execution) < 0)
                execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
}

typedef struct RunOptions {
        const char *principal, *room, *event_id;
        bool may_wait, known;
} RunOptions;

static int append_options(sd_bus_message *call, const JournalCommand *journal)
{
        static const BusField fields[] = {
                BUS_FIELD("principal", BUS_TEXT, RunOptions, principal),
                BUS_FIELD("room", BUS_TEXT, RunOptions, room),
                BUS_FIELD("event_id", BUS_TEXT, RunOptions, event_id),
                BUS_FIELD("may_wait", BUS_BOOL, RunOptions, may_wait),
                BUS_FIELD("known", BUS_BOOL, RunOptions, known),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        const RunOptions options = { journal->sender, journal->room_id, journal->event_id, true,
                                     journal->taken_back ||
                                             journal->received_ms < now_ms - COMMAND_AGE_MAX_MS };

        return bus_dictionary_append(call, &dictionary, &options);
}

/* The message has a copy of the other end of the stream. */
static int append_run(sd_bus_message *call, const Execution *execution, int stream_fd)
{
        const Command *command = &execution->command;
        size_t n;
        char *const *words = command_words(command, &n);

        int r = sd_bus_message_append(call, "ss", execution->journal.device, command->capability);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(call, "s", words[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = append_options(call, &execution->journal);
        return r < 0 ? r : sd_bus_message_append(call, "h", stream_fd);
}

static int make_call(Execution *execution, sd_bus_message **ret_call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call =
                bus_client_new_call(&execution->self->dispatch, "Run", NULL);
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        execution->fd = fds[0];
        int r = call ? append_run(call, execution, fds[1]) : -ENOTCONN;
        (void) fd_close(fds[1]);
        if (r >= 0)
                *ret_call = TAKE_PTR(call);
        return r;
}

static void submit(Execution *execution)
{
        sd_bus_message *call = NULL;

        run_output_done(&execution->output);
        execution->n_received = 0;
        if (make_call(execution, &call) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        bus_client_send_take(&execution->self->dispatch, &execution->call, call, on_submitted);
}

/* How far it is; or that it should end, if its message was taken back. */
static void look(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;
        bool over = execution->journal.taken_back;

        bus_client_send_take(
                dispatch, &execution->call,
                bus_client_new_call(dispatch, over ? "Cancel" : "GetRequest", "s", execution->request_id),
                over ? on_taken_back : on_view);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        Execution *execution = userdata;
        usec_t took_usec = time_now(CLOCK_MONOTONIC) - execution->began_usec;

        int r = sd_event_source_set_time_relative(timer, took_usec < RUN_PROGRESS_FIRST_USEC
                                                                 ? RUN_PROGRESS_FIRST_USEC - took_usec
                                                                 : RUN_PROGRESS_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
        if (!execution->call.slot && !execution->stream)
                submit(execution); /* may end it */
        else if (!execution->call.slot)
                look(execution);
        return r;
}

void run_take_back(Execution *execution)
{
        if (execution->journal.taken_back)
                return;
        execution->journal.taken_back = true;
        if (sd_event_source_set_time_relative(execution->timer, 0) < 0)
                log_warning("Cannot cancel a command now, but later");
}

void run_start(Execution *execution)
{
        if (!execution->journal.device)
                return execution_reject(execution, DEVBOX_ERROR_BAD_REQUEST,
                                        "this room is no device's; write it in #dev-NAME");

        execution->began_usec = time_now(CLOCK_MONOTONIC);
        if (sd_event_add_time_relative(execution->self->event, &execution->timer, CLOCK_MONOTONIC,
                                       RUN_TYPING_USEC, 0, on_timer, execution) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        submit(execution);
}
