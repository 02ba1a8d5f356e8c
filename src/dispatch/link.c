/* SPDX-License-Identifier: MIT */
/* Prepares a session (facts, session, documents), then sends requests in it. Each step is one call; the
 * failure of one ends the runs that the device has not accepted, and makes the accepted ones ask again
 * later. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/text.h"
#include "basic/utf8.h"
#include "codec/binary-text.h"
#include "dispatch/link-internal.h"
#include "log/log.h"

#define STEP_USEC    (5 * USEC_PER_SEC)
#define STEP_MAX     (1024 * 1024)
#define SESSION_USEC (60 * USEC_PER_SEC) /* a session is used again within this time */

void device_link_reset(DeviceLink *link)
{
        facts_query_cancel(&link->query);
        device_facts_done(&link->facts);
        link->step = http_call_free(link->step);
        memset(link->session, 0, sizeof link->session);
        link->state = LINK_IDLE;
}

static void link_fail(DeviceLink *link, int reason)
{
        LinkRun *run = TAILQ_FIRST(&link->runs), *next;

        device_link_reset(link);
        if (reason == DEVBOX_ERROR_RATE_LIMITED) /* of sessions: no reason to end a request */
                return device_link_prepare_after(link, backoff_next(&link->backoff));
        for (; run; run = next) {
                next = TAILQ_NEXT(run, entry);
                if (!run->call)
                        link_run_fail(run, reason);
        }
}

static void link_send_waiting(DeviceLink *link)
{
        LinkRun *run = TAILQ_FIRST(&link->runs), *next;
        bool has_turn = true; /* the next one that is in order */

        link->used_at_usec = time_now(CLOCK_MONOTONIC);
        for (; run; run = next) {
                next = TAILQ_NEXT(run, entry);
                if (run->request.in_order && !TAKE(has_turn, false))
                        continue;
                if (!run->call)
                        link_run_send(run);
        }
}

/* ---- the steps of a session */

static void link_post(DeviceLink *link, const char *path, const char *body,
                      void (*on_complete)(HttpCall *call, int error, void *userdata))
{
        static const char *const headers[] = { "Content-Type: application/json", NULL };
        const HttpCallHandlers handlers = { .on_complete = on_complete };
        char url[128];
        const HttpCallOptions options = { .method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .body = body,
                                          .body_size = strlen(body),
                                          .timeout_usec = STEP_USEC,
                                          .response_max = STEP_MAX };

        (void) snprintf(url, sizeof url, "http://%s:%u%s", link->facts.address, link->context->agent_port,
                        path);
        link->step = http_call_free(link->step);
        if (http_call_start(link->context->http, &options, &handlers, link, &link->step) < 0)
                link_fail(link, DEVBOX_ERROR_INTERNAL);
}

/* Returns whether the step succeeded; otherwise the link has failed. */
static bool step_succeeded(DeviceLink *link, HttpCall *call, int error)
{
        if (error == 0 && http_call_status(call) == 200)
                return true;

        size_t size;
        const char *body = http_call_body(call, &size);

        log_debug("The agent of %s: status %u, error %d", link->name, http_call_status(call), error);
        int reason = error == 0 ? device_json_reason(BYTES(body, size)) : DEVBOX_ERROR_MESH_UNREACHABLE;
        link->ledger_failed |= reason == DEVBOX_ERROR_AUDIT_UNAVAILABLE;
        link_fail(link, reason);
        return false;
}

/* The documents are roots and a manifest; of the latter a person can do something about it. */
static bool is_about_manifest(DevboxError reason)
{
        return reason == DEVBOX_ERROR_BAD_SCHEMA ||
               streq(devbox_error_audit_status(reason), "rejected_manifest");
}

/* Without its manifest the device runs nothing of what waits here: each learns why. */
static void note_rejection(DeviceLink *link, Bytes body)
{
        _cleanup_(device_json_freep) cJSON *tree =
                cJSON_ParseWithLength((const char *) body.data, body.size);
        const char *why = device_json_text(cJSON_GetObjectItemCaseSensitive(tree, "error"), "message");
        DevboxError reason = (DevboxError) device_json_error_reason(tree);
        int64_t version = link->facts.manifest->version;
        char cure[DEVICE_NAME_SIZE + 128] = "";
        LinkRun *run;

        if (!is_about_manifest(reason))
                return;
        if (!why || strlen(why) > DEVICE_MESSAGE_SIZE / 2 || !utf8_is_visible(why))
                why = devbox_error_sentence(reason);
        if (reason == DEVBOX_ERROR_MANIFEST_CEILING)
                (void) snprintf(cure, sizeof cure,
                                "; change that file on %s and run there: devboxctl device reload; or "
                                "publish another manifest",
                                link->name);
        (void) snprintf(link->rejection, sizeof link->rejection,
                        "%s rejects manifest version %" PRIi64 ": %s%s", link->name, version, why, cure);
        TAILQ_FOREACH(run, &link->runs, entry)
                if (!run->call)
                        memcpy(run->message, link->rejection, sizeof run->message);

        if (TAKE(link->rejected_version, version) != version)
                log_warning("%s", link->rejection);
}

static void on_documents(HttpCall *call, int error, void *userdata)
{
        DeviceLink *link = userdata;
        size_t size;
        const char *body = http_call_body(call, &size);

        if (error == 0 && http_call_status(call) != 200)
                note_rejection(link, BYTES(body, size));
        if (!step_succeeded(link, call, error))
                return;

        link->rejected_version = 0;
        link->state = LINK_READY;
        link_send_waiting(link);
}

static void send_documents(DeviceLink *link)
{
        _cleanup_(text_done) Text body = TEXT_NULL;

        link->state = LINK_DOCUMENTS;
        text_append(&body, "{\"roots\":[");
        for (size_t i = 0; i < link->facts.n_roots; i++)
                text_appendf(&body, "%s{\"envelope\":%s}", i > 0 ? "," : "", link->facts.roots[i]);
        text_appendf(&body, "],\"manifest\":%s,\"keepalive_sec\":%u}", link->facts.manifest_text,
                     link->facts.keepalive_sec);
        if (body.error < 0)
                return link_fail(link, DEVBOX_ERROR_INTERNAL);

        link_post(link, "/v1/documents", body.data, on_documents);
}

static void on_session(HttpCall *call, int error, void *userdata)
{
        DeviceLink *link = userdata;
        _cleanup_(device_json_freep) cJSON *tree = NULL;
        size_t size;

        if (!step_succeeded(link, call, error))
                return;

        const char *body = http_call_body(call, &size);
        tree = cJSON_ParseWithLength(body, size);
        const char *session = device_json_text(tree, "session");
        if (!session || hex_parse(session, link->session, sizeof link->session) < 0)
                return link_fail(link, DEVBOX_ERROR_INTERNAL);

        link->counter = 0;
        witness_set_checkpoint(link->witness, strempty(device_json_text(tree, "checkpoint")));
        send_documents(link);
}

static void on_facts(FactsQuery *query, DeviceFacts *facts, int reason)
{
        DeviceLink *link = CONTAINER_OF(query, DeviceLink, query);

        if (!facts)
                return link_fail(link, reason);

        link->facts = *facts;
        link->state = LINK_SESSION;
        link_post(link, "/v1/session", "", on_session);
}

void device_link_prepare(DeviceLink *link)
{
        if (link->state == LINK_READY && time_now(CLOCK_MONOTONIC) - link->used_at_usec < SESSION_USEC)
                return link_send_waiting(link);
        if (link->state == LINK_READY)
                device_link_reset(link);
        if (link->state != LINK_IDLE || TAILQ_EMPTY(&link->runs))
                return;

        link->state = LINK_FACTS;
        facts_query_start(&link->query, link->context->mesh, link->name, on_facts);
}

void device_link_prepare_after(DeviceLink *link, usec_t after_usec)
{
        (void) sd_event_source_set_time_relative(link->timer, after_usec);
        (void) sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        device_link_prepare(userdata);
        return 0;
}

/* ---- public */

int device_link_new(const LinkContext *context, const char *device, DeviceLink **ret_link)
{
        _cleanup_(device_link_freep) DeviceLink *link = calloc(1, sizeof *link);
        if (!link)
                return -ENOMEM;

        TAILQ_INIT(&link->runs);
        link->context = context;
        link->backoff = (Backoff){ .min_usec = 100 * USEC_PER_MSEC, .max_usec = 5 * USEC_PER_SEC };
        (void) snprintf(link->name, sizeof link->name, "%s", device);
        int r = sd_event_add_time_relative(context->event, &link->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
                                           link);
        if (r >= 0)
                r = sd_event_source_set_enabled(link->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = witness_new(context->http, context->ledger, link->name, &link->witness);
        if (r < 0)
                return r;

        *ret_link = TAKE_PTR(link);
        return 0;
}

DeviceLink *device_link_free(DeviceLink *link)
{
        if (!link)
                return NULL;

        assert(TAILQ_EMPTY(&link->runs));
        device_link_reset(link);
        witness_free(link->witness);
        sd_event_source_disable_unref(link->timer);
        free(link);
        return NULL;
}

const char *device_link_name(const DeviceLink *link)
{
        return link->name;
}

uint64_t device_link_entries(const DeviceLink *link)
{
        return link->entries;
}

uint64_t device_link_witnessed(const DeviceLink *link)
{
        return witness_entries(link->witness);
}

const char *device_link_rejection(const DeviceLink *link, uint64_t manifest_version)
{
        return link->rejected_version > 0 && (uint64_t) link->rejected_version == manifest_version
                       ? link->rejection
                       : NULL;
}

const char *device_link_witness_problem(const DeviceLink *link)
{
        return witness_problem(link->witness);
}

const char *device_link_ledger_problem(const DeviceLink *link)
{
        return link->ledger_failed ? devbox_error_sentence(DEVBOX_ERROR_AUDIT_UNAVAILABLE) : NULL;
}

bool device_link_witness_is_known(const DeviceLink *link)
{
        return witness_is_known(link->witness);
}

bool device_link_ledger_is_known(const DeviceLink *link)
{
        return link->ledger_known || link->ledger_failed;
}

bool device_link_is_idle(const DeviceLink *link)
{
        return TAILQ_EMPTY(&link->runs) && !witness_is_running(link->witness);
}
