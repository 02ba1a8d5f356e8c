/* SPDX-License-Identifier: MIT */
/* One request in a session: its delivery, the frames of the response, and the result, which is the device's
 * own. */

#include <stdio.h>

#include "basic/utf8.h"
#include "codec/binary-text.h"
#include "dispatch/link-internal.h"
#include "log/log.h"

/* How often a request is sent to an agent that has as many under way as it can have: for three seconds. */
#define BUSY_MAX 6

/* How often a request is sent again because its session was over: others may have ended it. */
#define RENEWALS_MAX 5

#define REFUSAL_MAX 4096

/* ---- the end of a run */

static void run_end(LinkRun *run, const Result *result, int reason)
{
        run->call = http_call_free(run->call);
        run->handlers->on_end(result, result ? run->result : NULL, reason, run->message, run->userdata);
}

static void ask_again(LinkRun *run)
{
        DeviceLink *link = run->link;

        run->call = http_call_free(run->call);
        run->n_renewals = 0;
        device_link_prepare_after(link, backoff_next(&link->backoff));
}

void link_run_fail(LinkRun *run, int reason)
{
        if (run->arrived && reason != DEVBOX_ERROR_PEER_REVOKED)
                ask_again(run);
        else
                run_end(run, NULL, reason);
}

static void set_arrived(LinkRun *run)
{
        if (!TAKE(run->arrived, true))
                run->handlers->on_arrived(run->userdata);
}

/* If it is the current one: several may be refused for the same reason. */
static void end_session_of(LinkRun *run)
{
        if (memcmp(run->session, run->link->session, sizeof run->session) == 0)
                device_link_reset(run->link);
}

static void deliver_again(LinkRun *run)
{
        set_arrived(run);
        run->request.in_order |= run->request.may_wait;
        ask_again(run);
}

/* The device may have accepted it without a word that arrived: its ledger, its agent or the way died. Or the
 * delivery is still under way: it is delivered again in a new session, so that this one cannot be accepted
 * after the answer to that. */
static void on_no_answer(LinkRun *run)
{
        end_session_of(run);
        deliver_again(run);
}

static void on_busy(LinkRun *run)
{
        if (++run->n_busy < BUSY_MAX && !run->request.may_wait)
                return ask_again(run);

        (void) snprintf(run->message, sizeof run->message,
                        "%s runs as many requests as it can; try again when one has ended", run->link->name);
        link_run_fail(run, DEVBOX_ERROR_BUSY);
}

static bool is_withdrawn(const LinkRequest *request)
{
        return request->withdrawn || time_now(CLOCK_REALTIME) / USEC_PER_MSEC >= request->expires_ms;
}

/* ---- a run: deliver, read frames, verify the result */

static int make_delivery(LinkRun *run, char **ret_envelope)
{
        DeviceLink *link = run->link;
        _cleanup_(freep) char *payload = NULL;
        Delivery delivery = { .device = link->name,
                              .counter = ++link->counter,
                              .request_sha256 = *run->request.digest,
                              .withdraws = is_withdrawn(&run->request) };

        memcpy(delivery.session, link->session, sizeof delivery.session);
        int r = delivery_format(&delivery, &payload, NULL);
        return r != 0 ? r
                      : envelope_make(ENVELOPE_DELIVERY, payload, DISPATCHER_ROLE,
                                      link->context->keys->dispatcher, ret_envelope);
}

/* Envelopes are JSON objects, so that they are parts of the body as they are. */
static int make_body(LinkRun *run, char **ret_body)
{
        _cleanup_(freep) char *delivery = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;

        int r = make_delivery(run, &delivery);
        if (r != 0)
                return r;

        text_appendf(&text, "{\"request\":%s,\"delivery\":%s,\"approvals\":[", run->request.envelope,
                     delivery);
        for (size_t i = 0; i < run->request.n_approvals; i++)
                text_appendf(&text, "%s{\"envelope\":%s}", i > 0 ? "," : "", run->request.approvals[i]);
        text_append(&text, "]}");
        return text_take(&text, ret_body, NULL);
}

static int on_answer(LinkRun *run, Bytes json)
{
        DeviceAnswer answer;

        int r = device_json_answer(json, &answer);
        if (r < 0)
                return r;

        if (!answer.denied)
                set_arrived(run);
        if (answer.reason != 0)
                run->reason = (DevboxError) answer.reason;
        run->link->ledger_failed = run->reason == DEVBOX_ERROR_AUDIT_UNAVAILABLE;
        run->link->ledger_known = true;
        if (answer.message[0] != '\0')
                memcpy(run->message, answer.message, sizeof run->message);
        return 0;
}

static int on_frame(char type, Bytes payload, void *userdata)
{
        LinkRun *run = userdata;

        switch (type) {
        case 'A':
                return on_answer(run, payload);
        case 'O':
        case 'E':
                run->handlers->on_output(type, payload, run->userdata);
                return 0;
        case 'R':
                free(run->result);
                run->result = strndup((const char *) payload.data, payload.size);
                return run->result ? 0 : -ENOMEM;
        default:
                return -EPROTO;
        }
}

static int on_receive(HttpCall *call, const char *data, size_t size, void *userdata)
{
        LinkRun *run = userdata;

        if (http_call_status(call) != 200) {
                text_append_bytes(&run->refusal, data, MIN(size, REFUSAL_MAX - run->refusal.size));
                return 0;
        }
        if (!run->handlers->has_room(run->userdata))
                return -EAGAIN;

        return frames_feed(&run->frames, BYTES(data, size), on_frame, run);
}

/* Errors: -EKEYREJECTED it is not the device's statement about this request. */
static int parse_result(const LinkRun *run, Result **ret_result)
{
        const KeySet keys = { .role = "device", .keys = &run->key, .n_keys = 1, .threshold = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(result_freep) Result *result = NULL;

        int r = envelope_parse(bytes_of_string(run->result), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL);
        if (r == 0)
                r = result_parse(envelope_payload(envelope), &result, NULL);
        if (r != 0 || !sha256_equal(&result->request_sha256, run->request.digest))
                return r < 0 ? r : -EKEYREJECTED;

        *ret_result = TAKE_PTR(result);
        return 0;
}

static bool asks_for_renewal(DevboxError reason)
{
        return reason == DEVBOX_ERROR_SESSION_MISMATCH || reason == DEVBOX_ERROR_MANIFEST_NEEDED;
}

/* The hub is no witness of itself: its own ledger has that chain. */
static void witness_device(const LinkRun *run)
{
        DeviceLink *link = run->link;
        char url[128];

        if (streq(link->name, HUB_NAME))
                return;
        (void) snprintf(url, sizeof url, "http://%s:%u", run->address, link->context->agent_port);
        if (!link->witness || witness_start(link->witness, url) < 0)
                log_debug("The chain of %s is not witnessed now", link->name);
}

/* Without a statement of the device: perhaps the session is not one of its ledger's any more, or it has lost
 * its manifest, or it is revoked. */
static void on_unsigned(LinkRun *run, int reason)
{
        if (run->arrived && reason != 0)
                end_session_of(run);
        link_run_fail(run, reason);
}

static void on_refusal(LinkRun *run)
{
        int reason = device_json_reason(BYTES(run->refusal.data, run->refusal.size));

        run->link->ledger_failed |= reason == DEVBOX_ERROR_AUDIT_UNAVAILABLE;
        if (reason == DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                on_no_answer(run);
        else if (reason == DEVBOX_ERROR_BUSY)
                on_busy(run);
        else
                on_unsigned(run, reason);
}

/* A delivery that is not of this session says nothing about the request. */
static bool has_answer(const LinkRun *run)
{
        return run->result && run->reason != DEVBOX_ERROR_SESSION_MISMATCH;
}

static void on_run_complete(HttpCall *call, int error, void *userdata)
{
        LinkRun *run = userdata;
        DeviceLink *link = run->link;
        _cleanup_(result_freep) Result *result = NULL;

        link->used_at_usec = time_now(CLOCK_MONOTONIC);
        if (error == 0 && http_call_status(call) != 200)
                return on_refusal(run);
        if (error == 0 && asks_for_renewal(run->reason) && run->n_renewals++ < RENEWALS_MAX) {
                run->call = http_call_free(run->call);
                end_session_of(run);
                return device_link_prepare(link);
        }
        if (error != 0 && http_call_was_sent(call))
                return on_no_answer(run);
        if (error != 0)
                return on_unsigned(run, DEVBOX_ERROR_MESH_UNREACHABLE);
        if (!has_answer(run))
                return on_unsigned(run, run->reason);

        int r = parse_result(run, &result);
        if (r < 0) {
                log_warning("%s sent a result that is not its own, ignoring", link->name);
                return link_run_fail(run, DEVBOX_ERROR_BAD_SIG);
        }

        backoff_reset(&link->backoff);
        link->entries = MAX(link->entries, (uint64_t) result->size);
        witness_device(run);
        run_end(run, result, run->reason);
}

/* That of an earlier attempt. */
static void forget_answer(LinkRun *run)
{
        frames_done(&run->frames);
        run->frames = (Frames){ .n_header = 0 };
        text_reset(&run->refusal);
        free(TAKE_PTR(run->result));
        run->reason = 0;
        run->message[0] = '\0';
}

void link_run_send(LinkRun *run)
{
        static const HttpCallHandlers handlers = { .on_receive = on_receive,
                                                   .on_complete = on_run_complete };
        static const char *const headers[] = { "Content-Type: application/json", NULL };
        DeviceLink *link = run->link;
        _cleanup_(freep) char *body = NULL;
        char url[128];

        int r = run->handlers->on_sending(run->userdata);
        if (r < 0)
                return link_run_fail(run, DEVBOX_ERROR_AUDIT_UNAVAILABLE);
        r = make_body(run, &body);
        if (r == 0) {
                const HttpCallOptions options = { .method = "POST",
                                                  .url = url,
                                                  .headers = headers,
                                                  .body = body,
                                                  .body_size = strlen(body),
                                                  .own_connection = true, /* sent only where a device is */
                                                  .timeout_usec = USEC_INFINITY,
                                                  .response_max = SIZE_MAX };

                (void) snprintf(url, sizeof url, "http://%s:%u/v1/requests", link->facts.address,
                                link->context->agent_port);
                forget_answer(run);
                memcpy(run->session, link->session, sizeof run->session);
                memcpy(run->address, link->facts.address, sizeof run->address);
                run->key = link->facts.key;
                r = http_call_start(link->context->http, &options, &handlers, run, &run->call);
        }
        if (r != 0)
                link_run_fail(run, DEVBOX_ERROR_INTERNAL);
}

int link_run_start(DeviceLink *link, const LinkRequest *request, const LinkRunHandlers *handlers,
                   void *userdata, LinkRun **ret_run)
{
        LinkRun *run = calloc(1, sizeof *run);
        if (!run)
                return -ENOMEM;

        *run = (LinkRun){ .link = link,
                          .request = *request,
                          .handlers = handlers,
                          .userdata = userdata,
                          .arrived = request->arrived };
        TAILQ_INSERT_TAIL(&link->runs, run, entry);
        device_link_prepare_after(link, 0);
        *ret_run = run;
        return 0;
}

LinkRun *link_run_free(LinkRun *run)
{
        if (!run)
                return NULL;

        TAILQ_REMOVE(&run->link->runs, run, entry);
        if (run->request.in_order)
                device_link_prepare_after(run->link, 0); /* for the next one */
        http_call_free(run->call);
        frames_done(&run->frames);
        text_done(&run->refusal);
        free(run->result);
        free(run);
        return NULL;
}

bool link_run_may_have_arrived(const LinkRun *run)
{
        return run->arrived || (run->call && http_call_was_sent(run->call));
}

bool link_run_is_in_order(const LinkRun *run)
{
        return run->request.in_order;
}

void link_run_resume(LinkRun *run)
{
        if (run->call)
                http_call_resume(run->call);
}

void link_run_withdraw(LinkRun *run)
{
        if (TAKE(run->request.withdrawn, true))
                return;

        deliver_again(run);
}
