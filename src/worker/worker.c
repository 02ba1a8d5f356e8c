/* SPDX-License-Identifier: MIT */
/* The conversation of a worker:
 *
 *     hello: a fresh key → ← the request, the permit over that key ── check ── run → output … end
 *
 * Whoever holds the connection can have one accepted request run, the one that the ledger issued the permit
 * for, as the manifest's entry in the permit allows it and within the ceiling of this machine; nothing else,
 * and nothing twice. Until the permit is checked, nothing of the request is opened or executed. */

#include "worker/worker.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "basic/text.h"
#include "trust/permit.h"
#include "trust/worker-end.h"

/* From hello to permit: the ledger's commit lies between them. */
#define HELLO_TIMEOUT_SEC 30

/* How often a worker that waits for the agent to read looks at the clock. */
#define SEND_TIMEOUT_SEC 1

/* For the end: twice net.core.wmem_default, which output has filled when the agent does not read. */
#define LAST_BUFFER (208 * 1024)

#define TEXT_MAX (1024 * 1024) /* of an envelope: base64 of ENVELOPE_PAYLOAD_MAX, and its frame */

typedef struct Worker {
        const WorkerKind *kind;
        const WorkerMachine *machine;
        int channel_fd;
        PermitWorker key;
        Text request_text, permit_text;
        Envelope *envelope;
        Request *request;
        Permit *permit;
        Secret *end_key;
} Worker;

const WorkerKind worker_kinds[] = {
        { "exec", { [CAPABILITY_SHELL_EXEC] = exec_run } },
        { "fsr", { [CAPABILITY_FS_LIST] = fs_list_run, [CAPABILITY_FS_READ] = fs_read_run } },
        { "fsw", { [CAPABILITY_FS_WRITE] = fs_write_run } },
        {},
};

static void worker_done(Worker *worker)
{
        text_done(&worker->request_text);
        text_done(&worker->permit_text);
        envelope_free(worker->envelope);
        request_free(worker->request);
        permit_free(worker->permit);
        secret_free(worker->end_key);
        secret_free((Secret *) worker->key.secret);
}

/* ---- hello, request, permit */

static int say_hello(Worker *worker)
{
        const struct timeval timeout = { .tv_sec = HELLO_TIMEOUT_SEC };
        Secret *secret = NULL;

        if (setsockopt(worker->channel_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0)
                return -errno;

        int r = x25519_generate(&secret, worker->key.key);
        if (r < 0)
                return r;

        worker->key.secret = secret;
        return channel_send(worker->channel_fd, CHANNEL_HELLO, BYTES_OF(worker->key.key));
}

/* Receives the pieces of request and permit, and whether to run. Errors: -EBADMSG anything else, or too
 * much. */
static int receive(Worker *worker, bool *ret_run)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;

        for (;;) {
                int r = channel_receive(worker->channel_fd, &type, buffer, &size);
                if (r < 0)
                        return r;
                if ((type == CHANNEL_RUN || type == CHANNEL_CANCEL) && size == 0) {
                        *ret_run = type == CHANNEL_RUN;
                        return 0;
                }
                if (type != CHANNEL_REQUEST && type != CHANNEL_PERMIT)
                        return -EBADMSG;

                Text *text = type == CHANNEL_REQUEST ? &worker->request_text : &worker->permit_text;
                if (text->size + size > TEXT_MAX)
                        return -EBADMSG;
                text_append_bytes(text, buffer, size);
                if (text->error < 0)
                        return text->error;
        }
}

static int parse_request(Worker *worker)
{
        int r = envelope_parse(BYTES(worker->request_text.data, worker->request_text.size),
                               ENVELOPE_PAYLOAD_MAX, &worker->envelope);
        if (r == 0)
                r = request_parse(envelope_payload(worker->envelope), &worker->request, NULL);

        return r;
}

/* The dispatcher's signature was checked by the ledger; the permit names the digest of what it accepted. */
static int accept_permit(Worker *worker)
{
        const Bytes permit = BYTES(worker->permit_text.data, worker->permit_text.size);

        int r = permit_open(permit, worker->machine->device_key, &worker->key, &worker->permit,
                            &worker->end_key);
        if (r == 0)
                r = parse_request(worker);
        if (r != 0)
                return r;

        const PermitUse use = { .request = worker->request,
                                .request_sha256 = &worker->envelope->digest,
                                .ceiling = worker->machine->ceiling };
        r = permit_check(worker->permit, &use, NULL);
        if (r != 0)
                return r;

        return worker->kind->functions[worker->request->kind] ? 0 : DEVBOX_ERROR_UNKNOWN_CAPABILITY;
}

/* ---- run, end */

static uint64_t now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

static int run(const Worker *worker, Output *output, JobOutcome *ret_outcome)
{
        const Capability *capability = &worker->permit->capabilities.items[0];
        const PathRoots *roots = &worker->permit->roots;
        const Arguments *arguments = &worker->request->arguments;
        ExecutedArguments command = { .n = 0 };
        const Job job = {
                .request = worker->request, .capability = capability, .command = &command, .roots = roots
        };
        const struct timeval send_timeout = { .tv_sec = SEND_TIMEOUT_SEC };

        if (setsockopt(worker->channel_fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof send_timeout) < 0)
                return -errno;

        if (arguments->argv.n > 0)
                (void) capability_match_command(capability, roots, arguments, &command);

        output_init(output, worker->channel_fd, job_output_max(&job));
        output->deadline_usec = deadline_after(job_timeout_usec(&job));
        int r = worker->kind->functions[worker->request->kind](&job, output, ret_outcome);
        if (r != -ETIMEDOUT)
                return r;

        /* An agent that does not read cannot keep a program beyond its time. */
        *ret_outcome = (JobOutcome){ .status = RESULT_TIMEOUT, .exit_code = -1 };
        return 0;
}

static void set_stream(WorkerEndStream *stream, const Output *output, OutputStream which)
{
        stream->size = output->streams[which].size;
        sha256_final(&output->streams[which].digest, &stream->sha256);
        stream->beginning_size = output->streams[which].beginning_size;
        sha256_final(&output->streams[which].beginning_digest, &stream->beginning_sha256);
}

/* Why a request could not be carried out, for the person who asked: on standard error. */
static int explain(const Worker *worker, Output *output, const JobOutcome *outcome)
{
        if (!outcome->why)
                return 0;

        const char *subject = worker->request->kind == CAPABILITY_SHELL_EXEC
                                      ? worker->permit->capabilities.items[0].bin
                                      : strempty(worker->request->arguments.container);
        return output_printf(output, OUTPUT_STDERR, "%s %s\n", subject, outcome->why);
}

static int send_end(const Worker *worker, const Output *output, const JobOutcome *outcome,
                    uint64_t started_at_ms)
{
        uint8_t bytes[WORKER_END_SIZE_MAX];
        WorkerEnd end = { .status = outcome->status,
                          .process_may_continue = outcome->process_may_continue,
                          .exit_code = outcome->exit_code,
                          .exit_signal = outcome->exit_signal,
                          .started_at_ms = started_at_ms,
                          .finished_at_ms = now_ms() };

        if (outcome->exit_signal != 0)
                end.exit_code = -1;
        if (outcome->reason != 0)
                (void) snprintf(end.reason, sizeof end.reason, "%s", devbox_error_code(outcome->reason));
        set_stream(&end.out, output, OUTPUT_STDOUT);
        set_stream(&end.err, output, OUTPUT_STDERR);

        size_t size = worker_end_seal(&end, worker->end_key, &worker->envelope->digest, bytes);
        (void) setsockopt(worker->channel_fd, SOL_SOCKET, SO_SNDBUF, &(int){ LAST_BUFFER }, sizeof(int));
        return channel_send(worker->channel_fd, CHANNEL_END, BYTES(bytes, size));
}

int worker_serve(const WorkerKind *kind, const WorkerMachine *machine, int channel_fd)
{
        _cleanup_(worker_done)
                Worker worker = { .kind = kind, .machine = machine, .channel_fd = channel_fd };
        JobOutcome outcome = { .status = RESULT_CANCELLED, .exit_code = -1 };
        bool wanted = false;
        Output output;

        int r = say_hello(&worker);
        if (r == 0)
                r = receive(&worker, &wanted);
        if (r == 0)
                r = accept_permit(&worker);
        if (r != 0)
                return r;

        uint64_t started_at_ms = now_ms();
        output_init(&output, channel_fd, 0);
        if (wanted)
                r = run(&worker, &output, &outcome);
        if (r == 0)
                r = explain(&worker, &output, &outcome);

        return r < 0 ? r : send_end(&worker, &output, &outcome, started_at_ms);
}
