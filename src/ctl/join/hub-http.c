/* SPDX-License-Identifier: MIT */
/* HTTP to the hub, inside the tunnels. */

#include "ctl/join/hub-http.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/problem.h"
#include "trust/answer.h"

#define HEALTH_PORT 8080

/* {"error":{"code":"token_expired","message":"…"}}; the message is the hub's, which nothing vouches for yet:
 * the sentence of the code is shown. */
static int reject(const HttpResult *result, char **ret_problem)
{
        _cleanup_(json_deletep) cJSON *document = cJSON_Parse(result->body);
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(document, "error");
        const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "code"));
        DevboxError reason;

        if (!code || devbox_error_from_code(code, &reason) < 0)
                return problem_set(
                        ret_problem, DEVBOX_ERROR_INTERNAL,
                        "the hub answers with HTTP status %u; see there: journalctl -u devbox-api "
                        "-u devbox-mesh",
                        result->status);

        return problem_set(ret_problem, reason, "the hub says: %s (%u %s)", devbox_error_sentence(reason),
                           result->status, devbox_error_code(reason));
}

static bool is_unreachable(int r)
{
        return r == -ETIMEDOUT || r == -EHOSTUNREACH || r == -ENETUNREACH || r == -ECONNREFUSED ||
               r == -ECONNRESET || r == -EADDRNOTAVAIL || r == -ENOKEY || r == -EDESTADDRREQ;
}

static int run(const HttpCallOptions *options, HttpResult *ret_result)
{
        int r = http_run(options, ret_result);

        return is_unreachable(r) ? DEVBOX_ERROR_MESH_UNREACHABLE : r;
}

int hub_http_enroll(const JoinClaim *sealed, usec_t timeout_usec, HttpResult *ret_answer, char **ret_problem)
{
        static const char *const headers[] = { "Content-Type: application/octet-stream", NULL };
        _cleanup_(http_result_done) HttpResult result = { 0 };
        char url[64];

        (void) snprintf(url, sizeof url, "http://%s:%d/enroll", ENROLMENT_HUB_ADDRESS, ENROLMENT_PORT);
        int r = run(&(HttpCallOptions){ .method = "POST",
                                        .url = url,
                                        .headers = headers,
                                        .body = (const char *) sealed->bytes,
                                        .body_size = sealed->size,
                                        .timeout_usec = timeout_usec,
                                        .response_max = ANSWER_SIZE_MAX },
                    &result);
        if (r != 0)
                return r;
        if (result.status != 200)
                return reject(&result, ret_problem);

        *ret_answer = TAKE(result, (HttpResult){ 0 });
        return 0;
}

int hub_http_ping(const char *hub_address, usec_t timeout_usec, usec_t *ret_elapsed_usec)
{
        _cleanup_(http_result_done) HttpResult result = { 0 };
        usec_t begin_usec = time_now(CLOCK_MONOTONIC);
        char url[96];

        (void) snprintf(url, sizeof url, "http://%s:%d/healthz", hub_address, HEALTH_PORT);
        int r = run(&(HttpCallOptions){ .url = url, .timeout_usec = timeout_usec, .response_max = 4096 },
                    &result);
        if (r == 0)
                *ret_elapsed_usec = time_now(CLOCK_MONOTONIC) - begin_usec;
        return r;
}
