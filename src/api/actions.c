/* SPDX-License-Identifier: MIT */
/* The actions and their authorisation.
 *
 * They need the token of the configuration, compared in constant time; without a token in the
 * configuration, or with the placeholder of the example, every action is denied. Of a request they take at
 * most the name of a device. */

#include "api/api-internal.h"
#include "api/handlers.h"

#include <stdio.h>

#include "codec/json.h"
#include "log/log.h"

#define TOKEN_HEADER "X-Devbox-Token"

/* RFC 9110 requires a challenge with a 401; no browser prompts for a password with this scheme. */
#define CHALLENGE TOKEN_HEADER " realm=\"devbox\""

/* On the Unix socket these need no token: only root and the group devbox-admin can connect to it. A decision
 * is that of whoever has the token, also there. */
static const bool local_suffices[_ACTION_KIND_MAX] = {
        [ACTION_READ_MESH] = true,
        [ACTION_REVOKE_PEER] = true,
        [ACTION_READ_REQUESTS] = true,
        [ACTION_READ_AUDIT] = true,
};

void api_action_count(Api *api, ActionKind kind, ActionOutcome outcome)
{
        api->counters.actions[kind][outcome]++;
}

static void log_accepted(ActionKind kind, const char *job)
{
        (void) log_full(LOG_NOTICE, 0,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACTION_ACCEPTED },
                                   { "DEVBOX_ACTION", action_kind_to_string(kind) }, { "DEVBOX_JOB", job }),
                        "Action %s accepted", action_kind_to_string(kind));
}

static void log_denied(Api *api, ActionKind kind, DevboxError reason)
{
        char more[48] = "";
        usec_t now_usec = 0;
        unsigned suppressed;

        (void) sd_event_now(api->event, CLOCK_MONOTONIC, &now_usec);
        if (!ratelimit_pass(&api->denied_limit, now_usec, &suppressed))
                return;

        if (suppressed > 0)
                (void) snprintf(more, sizeof more, " (%u more since the last such line)", suppressed);
        (void) log_full(LOG_WARNING, 0,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ACTION_DENIED },
                                   { "DEVBOX_ACTION", action_kind_to_string(kind) },
                                   { "DEVBOX_OUTCOME", devbox_error_code(reason) }),
                        "Action %s denied: %s%s", action_kind_to_string(kind), devbox_error_sentence(reason),
                        more);
}

static int check_token(const Config *config, const HttpRequest *request)
{
        const char *token;

        if (!config->auth_token || config->auth_token_is_placeholder)
                return DEVBOX_ERROR_TOKEN_PLACEHOLDER;

        switch (http_request_header(request, TOKEN_HEADER, &token)) {
        case 0:
                return secret_equals(config->auth_token, token) ? 0 : DEVBOX_ERROR_TOKEN_INVALID;
        case -ENOENT:
                return DEVBOX_ERROR_TOKEN_REQUIRED;
        default:
                return DEVBOX_ERROR_BAD_REQUEST;
        }
}

bool api_action_authorise(Api *api, HttpRequest *request, ActionKind kind)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        if (local_suffices[kind] && http_request_is_local(request))
                return true;

        int reason = check_token(api->config.config, request);
        if (reason == 0)
                return true;

        api_action_count(api, kind, ACTION_DENIED);
        log_denied(api, kind, (DevboxError) reason);

        int r = http_response_new_error(reason, NULL, &response);
        if (r >= 0 && http_response_status(response) == 401)
                r = http_response_add_header(response, "WWW-Authenticate", CHALLENGE);
        if (r < 0)
                http_request_reject(request, r, NULL);
        else
                http_request_respond(request, response);
        return false;
}

/* 409: the request is valid, the configuration is not. */
static void reject_restart(HttpRequest *request, int reason, const char *problem)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        if (reason != DEVBOX_ERROR_CONFIG_INVALID ||
            http_response_new_error_status(409, reason, problem, &response) < 0)
                http_request_reject(request, reason, NULL);
        else
                http_request_respond(request, response);
}

void api_handle_restart(HttpRequest *request, void *owner)
{
        static const char body[] = "{\"status\":\"restarting\"}";
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        const char *problem = NULL;
        Api *api = owner;

        int r = http_response_new_static(202, "application/json", body, strlen(body), &response);
        if (r >= 0)
                r = api_restart(api, &problem);
        if (r != 0) {
                api_action_count(api, ACTION_RESTART, ACTION_FAILED);
                reject_restart(request, r, problem);
                return;
        }

        api_action_count(api, ACTION_RESTART, ACTION_ACCEPTED);
        log_accepted(ACTION_RESTART, NULL);
        http_request_respond(request, response);
}

static const char *run_status(const SelftestRun *run)
{
        if (run->running)
                return "running";

        return streq(run->result, "success") ? "passed" : "failed";
}

static int run_to_json(const SelftestRun *run, char **ret_body, size_t *ret_size)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "id", run->id);
        json_add_string(&json, "status", run_status(run));
        json_add_string(&json, "result", run->running ? NULL : run->result);
        if (run->running || run->exit_code < 0)
                json_add_null(&json, "exit_code");
        else
                json_add_u64(&json, "exit_code", (uint64_t) run->exit_code);
        json_add_time(&json, "started_at", run->started_at_usec);
        json_add_time(&json, "finished_at", run->finished_at_usec);
        json_close_object(&json);
        return json_take(&json, ret_body, ret_size);
}

static int render_run(const SelftestRun *run, unsigned status, HttpResponse **ret_response)
{
        char *body;
        size_t size;

        int r = run_to_json(run, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(status, "application/json", body, size, ret_response);
}

static void on_run(const SelftestAnswer *answer, void *userdata)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;

        int r = answer->run ? render_run(answer->run, 200, &response) : answer->reason;
        if (r != 0)
                http_request_reject(userdata, r, answer->detail);
        else
                http_request_respond(userdata, response);
}

static void on_started(const SelftestAnswer *answer, void *userdata)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        Api *api = http_request_owner(userdata);
        char location[64];

        int r = answer->run ? render_run(answer->run, 202, &response) : answer->reason;
        if (r == 0) {
                (void) snprintf(location, sizeof location, "/actions/run-tests/%s", answer->run->id);
                r = http_response_add_header(response, "Location", location);
        }
        if (r != 0) {
                api_action_count(api, ACTION_RUN_TESTS, ACTION_FAILED);
                http_request_reject(userdata, r, answer->detail);
                return;
        }

        api_action_count(api, ACTION_RUN_TESTS, ACTION_ACCEPTED);
        log_accepted(ACTION_RUN_TESTS, answer->run->id);
        http_request_respond(userdata, response);
}

void api_handle_run_tests(HttpRequest *request, void *owner)
{
        selftest_start(((Api *) owner)->selftest, on_started, request);
}

void api_handle_run(HttpRequest *request, void *owner)
{
        selftest_query(((Api *) owner)->selftest, http_request_parameter(request), on_run, request);
}
