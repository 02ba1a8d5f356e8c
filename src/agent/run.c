/* SPDX-License-Identifier: MIT */
/* One request on its way through this device:
 *
 *     the hub's POST ── Ledger1.Accept ── a worker's hello ── Ledger1.Started ── request and permit to the
 *         worker ── output to the hub ── the worker's end ── Ledger1.Finish ── the signed result to the hub
 *
 * Each state waits for one event, and every one of them ends in finish(), also where the hub is gone: what
 * the ledger accepted gets its end from here, or from the ledger when this process dies.
 *
 * Nothing is decided here. The agent cannot make a worker run anything: the permit is for one worker's key
 * and one request, and the end is authenticated by the worker (trust/permit.h).
 *
 * The response is a stream of frames, each `type 1 byte, length 4 bytes big-endian, payload`: A the ledger's
 * answer (JSON), O and E output, R the result's envelope, the last one. A hub that hangs up cancels. */

#include <stdio.h>

#include "agent/agent-internal.h"
#include "agent/bodies.h"
#include "agent/worker-kind.h"
#include "agent/worker-link.h"
#include "basic/text.h"
#include "bus/dictionary.h"
#include "codec/binary-text.h"
#include "codec/json.h"
#include "crypto/x25519.h"
#include "http/stream.h"
#include "log/log.h"
#include "trust/envelope.h"
#include "trust/request.h"
#include "trust/result.h"
#include "trust/worker-end.h"

/* A worker says hello in 0.1 s, where the machine is not overloaded. */
#define HELLO_USEC (20 * USEC_PER_SEC)

/* How long the rest of an output is kept at least for a client that does not read, while others wait. */
#define REST_USEC (30 * USEC_PER_SEC)

/* Output that the hub has not taken yet; beyond, the worker waits. */
#define PENDING_MAX (128 * 1024)

typedef enum RunState {
        RUN_ACCEPTING, /* by the ledger */
        RUN_GREETING,  /* for the worker's hello */
        RUN_STARTING,  /* for the permit */
        RUN_RUNNING,   /* for output and the end */
        RUN_FINISHING, /* for the result */
        RUN_DONE,      /* until the hub has read everything */
} RunState;

struct Run {
        LIST_ENTRY(Run) entry;
        Agent *agent;
        RunState state;
        HttpRequest *http; /* NULL: the hub is gone, or has everything */
        RunBody *body;
        char digest[HEX_SIZE(SHA256_SIZE)];
        BusRequest call;
        WorkerLink *link;
        sd_event_source *timer;
        char *permit;
        DevboxError failure; /* why it did not start; 0: none */

        Text pending; /* frames for the hub, from pending_at on */
        size_t pending_at;
        usec_t done_at_usec;
        Text streams[2]; /* the beginnings of the output, for the result */
        uint8_t end[WORKER_END_SIZE_MAX];
        size_t end_size; /* 0: the worker sent none */
};

static Run *run_free(Run *run)
{
        if (!run)
                return NULL;

        LIST_REMOVE(run, entry);
        run->agent->runs.n--;
        bus_request_cancel(&run->call);
        worker_link_free(run->link);
        sd_event_source_disable_unref(run->timer);
        run_body_free(run->body);
        free(run->permit);
        text_done(&run->pending);
        for (size_t i = 0; i < ELEMENTSOF(run->streams); i++)
                text_done(&run->streams[i]);
        free(run);
        return NULL;
}

void runs_done(Runs *runs)
{
        while (!LIST_EMPTY(&runs->list)) {
                Run *run = LIST_FIRST(&runs->list);

                if (run->http)
                        http_stream_abort(run->http);
                run_free(run);
        }
}

/* ---- frames to the hub */

static void append_frame(Run *run, char type, Bytes payload)
{
        uint8_t header[5] = { (uint8_t) type };

        if (!run->http)
                return;

        put_be32(header + 1, (uint32_t) payload.size);
        text_append_bytes(&run->pending, header, sizeof header);
        text_append_bytes(&run->pending, payload.data, payload.size);
        http_stream_resume(run->http);
}

static size_t pending_size(const Run *run)
{
        return run->pending.size - run->pending_at;
}

/* The body of the response. */
static ssize_t on_read(char *buffer, size_t size, void *userdata)
{
        Run *run = userdata;
        size_t n = MIN(size, pending_size(run));

        if (run->pending.error < 0)
                return run->pending.error;
        if (n == 0)
                return run->state == RUN_DONE ? 0 : -EAGAIN;

        memcpy(buffer, run->pending.data + run->pending_at, n);
        run->pending_at += n;
        if (pending_size(run) == 0) {
                text_reset(&run->pending);
                run->pending_at = 0;
                if (run->link && run->state == RUN_RUNNING)
                        (void) worker_link_pause(run->link, false);
        }

        return (ssize_t) n;
}

static void cancel(Run *run);

/* The response is sent, or the hub hung up. */
static void on_end(int result, void *userdata)
{
        Run *run = userdata;

        run->http = NULL;
        if (run->state == RUN_DONE)
                run_free(run);
        else
                cancel(run);
}

static const HttpStreamHandlers stream_handlers = { .read = on_read, .on_end = on_end };

/* ---- the end */

static void finish(Run *run);

static void done(Run *run)
{
        run->state = RUN_DONE;
        run->done_at_usec = time_now(CLOCK_MONOTONIC);
        if (run->http)
                http_stream_resume(run->http);
        else
                run_free(run);
}

static void on_finished(BusRequest *call, const BusReply *reply)
{
        Run *run = CONTAINER_OF(call, Run, call);
        const char *result = NULL;

        /* An end that is not authentic is as good as none. */
        if (reply->reason == DEVBOX_ERROR_BAD_SIG && run->end_size > 0) {
                run->end_size = 0;
                return finish(run);
        }

        /* Without the result the hub asks again; the ledger knows it then. */
        if (reply->reason == 0 && sd_bus_message_read(reply->message, "s", &result) >= 0)
                append_frame(run, 'R', bytes_of_string(result));
        else
                log_warning("A run got no result: %s", devbox_error_sentence((DevboxError) reply->reason));

        done(run);
}

/* What the worker ended with; or, where no worker ran, why. */
typedef struct Outcome {
        const char *status, *reason;
        Bytes end, out, err;
} Outcome;

static const BusField outcome_fields[] = {
        BUS_FIELD("status", BUS_TEXT, Outcome, status, BUS_OPTIONAL),
        BUS_FIELD("reason", BUS_TEXT, Outcome, reason, BUS_OPTIONAL),
        BUS_FIELD("end", BUS_BYTES, Outcome, end, BUS_OPTIONAL),
        BUS_FIELD("stdout", BUS_BYTES, Outcome, out, BUS_OPTIONAL),
        BUS_FIELD("stderr", BUS_BYTES, Outcome, err, BUS_OPTIONAL),
};
static const BusDictionary outcome_dictionary = BUS_DICTIONARY(outcome_fields);

static void finish(Run *run)
{
        sd_bus_message *message = bus_client_new_call(&run->agent->ledger, "Finish", "s", run->digest);
        Outcome outcome = { .status = NULL };

        if (run->end_size > 0)
                outcome = (Outcome){ .end = BYTES(run->end, run->end_size),
                                     .out = BYTES(run->streams[0].data, run->streams[0].size),
                                     .err = BYTES(run->streams[1].data, run->streams[1].size) };

        if (run->state < RUN_RUNNING) {
                outcome = (Outcome){ .status = run->failure == 0 ? "cancelled" : "failed",
                                     .reason = run->failure == 0 ? NULL : devbox_error_code(run->failure) };
                run->agent->runs.failed_total += run->failure != 0;
        }

        run->state = RUN_FINISHING;
        run->link = worker_link_free(run->link);
        run->timer = sd_event_source_disable_unref(run->timer);
        if (message && bus_dictionary_append(message, &outcome_dictionary, &outcome) < 0)
                message = sd_bus_message_unref(message);
        bus_client_send_take(&run->agent->ledger, &run->call, message, on_finished);
}

static void fail(Run *run, DevboxError reason)
{
        run->failure = reason;
        finish(run);
}

/* The hub is gone. The ledger's answers are still awaited, and the worker's end. */
static void cancel(Run *run)
{
        run->agent->runs.cancelled_total++;
        if (run->state == RUN_GREETING)
                finish(run);
        else if (run->state == RUN_RUNNING &&
                 (worker_link_cancel(run->link) < 0 || worker_link_pause(run->link, false) < 0))
                finish(run);
}

/* ---- the worker */

static void on_started(BusRequest *call, const BusReply *reply)
{
        Run *run = CONTAINER_OF(call, Run, call);
        const char *permit = NULL;

        if (reply->reason != 0)
                return fail(run, (DevboxError) reply->reason);
        if (sd_bus_message_read(reply->message, "s", &permit) < 0 || !(run->permit = strdup(permit)))
                return fail(run, DEVBOX_ERROR_INTERNAL);

        run->state = RUN_RUNNING;
        if (worker_link_run(run->link, bytes_of_string(run->body->request), bytes_of_string(run->permit)) <
            0)
                return finish(run);

        /* The hub hung up meanwhile: the worker that has the permit can say that it did not run. */
        if (!run->http)
                cancel(run);
}

static void on_hello(Run *run, Bytes key)
{
        sd_bus_message *message = bus_client_new_call(&run->agent->ledger, "Started", "s", run->digest);

        run->state = RUN_STARTING;
        run->timer = sd_event_source_disable_unref(run->timer);
        if (message && sd_bus_message_append_array(message, 'y', key.data, key.size) < 0)
                message = sd_bus_message_unref(message);
        bus_client_send_take(&run->agent->ledger, &run->call, message, on_started);
}

static void on_output(Run *run, ChannelType type, Bytes data)
{
        Text *stream = &run->streams[type == CHANNEL_STDERR];

        text_append_bytes(stream, data.data, MIN(data.size, RESULT_STREAM_MAX - stream->size));
        append_frame(run, (char) type, data);
        if (run->http && pending_size(run) > PENDING_MAX)
                (void) worker_link_pause(run->link, true);
}

static void on_message(ChannelType type, Bytes payload, void *owner)
{
        Run *run = owner;

        if (run->state == RUN_GREETING && type == CHANNEL_HELLO && payload.size == X25519_SIZE)
                return on_hello(run, payload);
        if (run->state == RUN_RUNNING && (type == CHANNEL_STDOUT || type == CHANNEL_STDERR))
                return on_output(run, type, payload);
        if (run->state == RUN_RUNNING && type == CHANNEL_END && payload.size <= sizeof run->end) {
                memcpy(run->end, payload.data, payload.size);
                run->end_size = payload.size;
        }

        /* Its end, or what no worker sends. */
        if (run->state < RUN_RUNNING)
                fail(run, DEVBOX_ERROR_INTERNAL);
        else
                finish(run);
}

/* Without a hello, systemd could not start the worker: the unit allows more connections than the agent has.
 * While the ledger is asked for the permit, its answer decides. */
static void on_closed(int error, void *owner)
{
        Run *run = owner;

        if (run->state == RUN_GREETING)
                fail(run, DEVBOX_ERROR_CAPABILITY_UNAVAILABLE);
        else if (run->state == RUN_RUNNING)
                finish(run);
}

static const WorkerLinkHandlers link_handlers = { .on_message = on_message, .on_closed = on_closed };

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        fail(userdata, DEVBOX_ERROR_BUSY);
        return 0;
}

static int connect_worker(Run *run, const char *worker)
{
        char path[108];

        int n = snprintf(path, sizeof path, "%s/worker-%s.sock", run->agent->worker_directory, worker);
        if (n < 0 || (size_t) n >= sizeof path)
                return -ENAMETOOLONG;

        int r = worker_link_new(run->agent->event, path, &link_handlers, run, &run->link);
        return r < 0 ? r
                     : sd_event_add_time_relative(run->agent->event, &run->timer, CLOCK_MONOTONIC,
                                                  HELLO_USEC, 0, on_timeout, run);
}

static void start_worker(Run *run)
{
        const char *worker = worker_kind(run->body->request);

        run->state = RUN_GREETING;
        if (!run->http || !worker)
                return fail(run, run->http ? DEVBOX_ERROR_CAPABILITY_UNAVAILABLE : 0);

        int r = connect_worker(run, worker);
        if (r == -ENOENT || r == -ECONNREFUSED)
                fail(run, DEVBOX_ERROR_CAPABILITY_UNAVAILABLE);
        else if (r == -EAGAIN)
                fail(run, DEVBOX_ERROR_BUSY);
        else if (r < 0) {
                (void) log_warning_errno(r, "Cannot connect to the worker %s", worker);
                fail(run, DEVBOX_ERROR_INTERNAL);
        }
}

/* ---- the ledger's answer */

typedef struct Answer {
        const char *outcome, *request_id, *entry, *state, *reason, *message, *result;
        Bytes digest;
        uint64_t seq;
} Answer;

static const BusField answer_fields[] = {
        BUS_FIELD("outcome", BUS_TEXT, Answer, outcome, BUS_REQUIRED),
        BUS_FIELD("digest", BUS_BYTES, Answer, digest, BUS_REQUIRED),
        BUS_FIELD("request_id", BUS_TEXT, Answer, request_id),
        BUS_FIELD("entry", BUS_TEXT, Answer, entry),
        BUS_FIELD("state", BUS_TEXT, Answer, state),
        BUS_FIELD("reason", BUS_TEXT, Answer, reason),
        BUS_FIELD("message", BUS_TEXT, Answer, message),
        BUS_FIELD("seq", BUS_UINT64, Answer, seq),
        BUS_FIELD("result", BUS_TEXT, Answer, result),
};
static const BusDictionary answer_dictionary = BUS_DICTIONARY(answer_fields);

/* The texts of the answer by their keys; all but the result, which has a frame of its own. */
static int append_answer(Run *run, const Answer *answer)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *text = NULL;

        json_open_object(&json, NULL);
        for (size_t i = 0; i < ELEMENTSOF(answer_fields); i++) {
                const char *value = *(char *const *) ((const char *) answer + answer_fields[i].offset);

                if (answer_fields[i].type == BUS_TEXT && value &&
                    answer_fields[i].offset != offsetof(Answer, result))
                        json_add_string(&json, answer_fields[i].key, value);
        }
        if (answer->seq > 0)
                json_add_u64(&json, "seq", answer->seq);
        json_close_object(&json);

        int r = json_take(&json, &text, NULL);
        if (r == 0)
                append_frame(run, 'A', bytes_of_string(text));
        return r;
}

static int begin_stream(Run *run, const Answer *answer)
{
        int r = http_stream_start(run->http, 200, "application/vnd.devbox.stream", &stream_handlers, run);

        return r < 0 ? r : append_answer(run, answer);
}

static void on_accepted(BusRequest *call, const BusReply *reply)
{
        Run *run = CONTAINER_OF(call, Run, call);
        Answer answer = { 0 };
        int r = reply->reason;

        if (r == 0)
                r = bus_dictionary_read(reply->message, &answer_dictionary, &answer);
        if (r == 0 && answer.digest.size != SHA256_SIZE)
                r = -EBADMSG;
        if (r == 0)
                r = begin_stream(run, &answer);
        if (r != 0) {
                http_request_reject(run->http, r, reply->detail);
                run_free(run);
                return;
        }

        hex_format(answer.digest, run->digest);
        if (streq(answer.outcome, "accepted"))
                return start_worker(run);

        if (answer.result)
                append_frame(run, 'R', bytes_of_string(answer.result));
        done(run);
}

static sd_bus_message *accept_call(Run *run)
{
        const RunBody *body = run->body;
        sd_bus_message *message =
                bus_client_new_call(&run->agent->ledger, "Accept", "ss", body->request, body->delivery);

        if (!message)
                return NULL;

        int r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < body->approvals.n; i++)
                r = sd_bus_message_append(message, "s", body->approvals.items[i].envelope);
        if (r >= 0)
                r = sd_bus_message_close_container(message);

        return r < 0 ? sd_bus_message_unref(message) : message;
}

/* One that has ended, but whose output is not read, gives way: the hub asks for its result again. */
static void make_room(Agent *agent)
{
        Run *run;

        LIST_FOREACH(run, &agent->runs.list, entry)
                if (run->state == RUN_DONE && time_now(CLOCK_MONOTONIC) >= run->done_at_usec + REST_USEC) {
                        http_stream_abort(run->http);
                        run_free(run);
                        return;
                }
}

void run_start(Agent *agent, HttpRequest *request)
{
        _cleanup_(run_body_freep) RunBody *body = NULL;
        SchemaFault fault = { .why = NULL };
        size_t size;
        const char *text = http_request_body(request, &size);

        if (agent->runs.n >= RUNS_MAX)
                make_room(agent);
        if (agent->runs.n >= RUNS_MAX)
                return http_request_reject(request, DEVBOX_ERROR_BUSY, NULL);

        int r = run_body_parse(BYTES(text, size), &body, &fault);
        Run *run = r == 0 ? calloc(1, sizeof *run) : NULL;
        if (!run)
                return http_request_reject(request, r > 0 ? DEVBOX_ERROR_BAD_REQUEST : -ENOMEM, fault.why);

        *run = (Run){ .agent = agent, .http = request, .body = TAKE_PTR(body) };
        LIST_INSERT_HEAD(&agent->runs.list, run, entry);
        agent->runs.n++;
        agent->runs.total++;
        bus_client_send_take(&agent->ledger, &run->call, accept_call(run), on_accepted);
}
