/* SPDX-License-Identifier: MIT */
/* The steps by which this machine joins a network. */

#include "ctl/join/join.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/time.h"
#include "crypto/fingerprint.h"
#include "ctl/join/diagnose.h"
#include "ctl/join/hub-http.h"
#include "ctl/join/machine.h"
#include "ctl/mesh/checks.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/systemd-client.h"

#define ATTEMPT_USEC (5 * USEC_PER_SEC)
#define REACH_USEC   (30 * USEC_PER_SEC)   /* until the hub has answered once */
#define ANSWER_USEC  (60 * USEC_PER_SEC)   /* inside the device's own tunnel */
#define RETRY_USEC   (100 * USEC_PER_MSEC) /* devbox-mesh sets the link up after it has replied */
#define SKEW_MS      INT64_C(30000)        /* what manifests allow by default */

void join_done(Join *join)
{
        token_done(&join->token);
        explicit_bzero(&join->sealed, sizeof join->sealed);
        manifest_free(join->manifest);
        root_free(join->root);
        join_opened_done(&join->opened);
        device_status_done(&join->ledger);
        mesh_status_done(&join->mesh);
}

static bool state_is(const Join *join, const char *state)
{
        return streq(strempty(join->mesh.join_state), state);
}

/* ---- what is so already */

static int check_name(const Join *join)
{
        const char *device = strempty(join->ledger.device);

        if (!join->has_token || *device == '\0' || streq(device, join->token.device))
                return 0;

        return problem_set(
                &join->ctl->problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                "the invitation is for %s, and this machine is the device %s: ask for one of that "
                "name, or give up its history with: devboxctl device reset",
                join->token.device, device);
}

/* A device is not notified of its revocation: the hub's address does not answer it any more. */
static int show_joined(const Join *join)
{
        usec_t elapsed_usec;

        int r = progress_line(&join->progress, "Network", "%s; this machine has joined it already, as %s",
                              strempty(join->mesh.network), strempty(join->mesh.address));
        if (r == 0)
                r = hub_http_ping(strempty(join->mesh.hub_address), ATTEMPT_USEC, &elapsed_usec);

        return r != DEVBOX_ERROR_MESH_UNREACHABLE
                       ? r
                       : progress_line(
                                 &join->progress, "Hub",
                                 "does not answer; if it has revoked this machine, run devboxctl leave, "
                                 "then devboxctl enroll with a new invitation");
}

int join_look(Join *join, bool *ret_joined)
{
        char **problem = &join->ctl->problem;

        int r = mesh_client_get_status(join->bus, &join->mesh, problem);
        if (r == 0)
                r = ledger_client_get_status(join->bus, &join->ledger, problem);
        if (r != 0)
                return r;
        if (streq(join->mesh.role, "hub"))
                return problem_set(
                        problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                        "this machine is the hub of %s; it becomes a device, too, with: devboxctl "
                        "invite hub --self",
                        strempty(join->mesh.network));

        *ret_joined = state_is(join, "joined");
        if (*ret_joined && join->has_token)
                return problem_set(problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                                   "this machine is in the network %s already; to join again run first: "
                                   "devboxctl leave",
                                   strempty(join->mesh.network));
        return *ret_joined ? show_joined(join) : check_name(join);
}

/* ---- the network */

int join_ask(Join *join)
{
        const Token *token = &join->token;
        char words[FINGERPRINT_SIZE];

        if (!join->has_token)
                return progress_line(&join->progress, "Network", "%s; going on from: %s",
                                     strempty(join->mesh.network), strempty(join->mesh.join_state));

        fingerprint_format_root(&token->root_sha256, words);
        int r = progress_line(&join->progress, "Network", "%s, hub %s, as %s", token->network,
                              token->endpoints[0].host, token->device);
        if (r == 0)
                r = progress_line(&join->progress, "Fingerprint", "%s", words);
        if (r < 0 || join->yes)
                return r;

        r = progress_ask(&join->progress, "Does the operator see the same fingerprint? Join?");
        if (r == -ENOTTY)
                return problem_set(
                        &join->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                        "there is no terminal to ask on; compare the fingerprint %s, and give --yes", words);
        return r < 0    ? r
               : r == 1 ? 0
                        : problem_set(&join->ctl->problem, DEVBOX_ERROR_ACCESS_DENIED, "nothing was done");
}

/* ---- the claim */

int join_claim(Join *join)
{
        uint8_t token[TOKEN_SIZE_MAX];
        char description[CLAIM_DESCRIPTION_MAX + 1];
        char **problem = &join->ctl->problem;
        JoinClaim body = { 0 };
        Signature signature;

        machine_describe(description);
        const JoinStart start = {
                .token = BYTES(token, join->has_token ? token_format(&join->token, token) : 0),
                .device_key = &join->ledger.key,
                .description = description,
        };
        int r = join_client_start(join->bus, &start, &body, problem);
        explicit_bzero(token, sizeof token);
        if (r == 0)
                r = ledger_client_sign_claim(join->bus, BYTES(body.bytes, body.size), &signature, problem);
        explicit_bzero(&body, sizeof body);
        if (r == 0)
                r = join_client_sign(join->bus, &signature, &join->sealed, problem);
        mesh_status_done(&join->mesh);
        if (r == 0)
                r = mesh_client_get_status(join->bus, &join->mesh, problem);

        return r != 0 ? r : progress_line(&join->progress, "Keys", "made and on the disk");
}

/* ---- the operator's decision */

/* Sends the claim, until the hub has answered, for the first time within half a minute. */
static int ask_hub(Join *join, HttpResult *ret_answer)
{
        usec_t deadline_usec = deadline_after(REACH_USEC);
        char **problem = &join->ctl->problem;
        int r;

        while ((r = hub_http_enroll(&join->sealed, ATTEMPT_USEC, ret_answer, problem)) ==
               DEVBOX_ERROR_MESH_UNREACHABLE) {
                if (deadline_left(deadline_usec) == 0)
                        return hub_diagnose(join->bus, problem);
                r = client_wait(join->bus, RETRY_USEC);
                if (r < 0)
                        return r;
        }

        return r;
}

static int poll_hub(Join *join)
{
        _cleanup_(http_result_done) HttpResult answer = { 0 };

        int r = ask_hub(join, &answer);
        if (r != 0)
                return r;

        join_opened_done(&join->opened);
        return join_client_open(join->bus, (Bytes){ (const uint8_t *) answer.body, answer.size },
                                &join->opened, &join->ctl->problem);
}

/* A manifest that is dated ahead of the clock here is rejected. */
static int show_clock(Join *join)
{
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
        int64_t ahead_ms = join->opened.hub_time_ms > 0 ? now_ms - (int64_t) join->opened.hub_time_ms : 0;
        char span[FIGURE_MAX];

        if (ahead_ms > -SKEW_MS && ahead_ms < SKEW_MS)
                return 0;

        return progress_line(
                &join->progress, "Clock", "%s %s the hub's; see: chronyc tracking (WSL: hwclock -s)",
                format_span(span, (usec_t) (ahead_ms < 0 ? -ahead_ms : ahead_ms) * USEC_PER_MSEC),
                ahead_ms < 0 ? "behind" : "ahead of");
}

static int show_digits(Join *join)
{
        const char *digits = strempty(join->opened.digits);

        int r = progress_end(&join->progress, "answers over WireGuard");
        if (r == 0)
                r = show_clock(join);
        if (r == 0 && *digits)
                r = progress_line(&join->progress, "Both screens must show", "        %s", digits);
        return r < 0 ? r : progress_begin(&join->progress, "waiting for the operator …");
}

int join_wait(Join *join)
{
        int r = progress_begin(&join->progress, "asking the hub …");

        if (r == 0)
                r = poll_hub(join);
        if (r > 0)
                (void) progress_end(&join->progress, "failed");
        if (r == 0)
                r = show_digits(join);
        while (r == 0 && !streq(join->opened.state, "admitted")) {
                r = client_wait(join->bus, MAX(join->opened.retry_ms * USEC_PER_MSEC, RETRY_USEC));
                if (r == 0)
                        r = poll_hub(join);
        }

        return r != 0 ? r : progress_end(&join->progress, "admitted");
}

/* ---- what the operator signed */

static int reject(const Join *join, int r, const char *what)
{
        return r < 0 ? r
                     : problem_set(&join->ctl->problem, (DevboxError) r, "%s: %s; nothing was installed",
                                   what, devbox_error_sentence((DevboxError) r));
}

static const Sha256 *invited_root(const Join *join)
{
        return join->has_token ? &join->token.root_sha256 : &join->mesh.root_sha256;
}

/* From the root that the invitation names, by its digest, to the current one. */
static int verify_roots(Join *join)
{
        const Sha256 *pin = invited_root(join);
        int r = 0;

        for (size_t i = 0; i < join->opened.n_roots && r == 0; i++) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;
                Root *next = NULL;

                r = envelope_parse(bytes_of_string(join->opened.roots[i]), ENVELOPE_PAYLOAD_MAX, &envelope);
                if (r == 0 && !join->root && !sha256_equal(&envelope->digest, pin))
                        continue;
                if (r == 0)
                        r = join->root ? root_accept_next(join->root, envelope, &next)
                                       : root_accept_first(envelope, pin, &next);
                if (r == 0) {
                        join->first_root = join->root ? join->first_root : i;
                        root_free(join->root);
                        join->root = next;
                }
        }

        if (r == 0 && !join->root)
                r = DEVBOX_ERROR_ROOT_CHAIN;
        return r != 0 ? reject(join, r, "the root of the hub") : 0;
}

static int verify_manifest(Join *join)
{
        const DeviceStatus *ledger = &join->ledger;
        const ManifestJudge judge = {
                .root = join->root,
                .device = join->has_token ? join->token.device : strempty(join->mesh.device),
                .device_key = &ledger->key,
                .ceiling_unknown = true, /* join_fit() */
                .floor = { (int64_t) ledger->manifest_epoch, (int64_t) ledger->manifest_version,
                           ledger->manifest_sha256 },
                .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                .time_floor_ms = ledger->time_floor_ms
        };
        _cleanup_(manifest_verdict_done) ManifestVerdict verdict = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        int r = envelope_parse(bytes_of_string(strempty(join->opened.manifest)), ENVELOPE_PAYLOAD_MAX,
                               &envelope);
        if (r == 0)
                r = manifest_accept(&judge, envelope, &verdict);
        if (r != 0)
                return reject(join, r, "the manifest");

        join->manifest = TAKE_PTR(verdict.manifest);
        return 0;
}

int join_verify(Join *join)
{
        int r = verify_roots(join);

        return r != 0 ? r : verify_manifest(join);
}

/* ---- the ledger */

/* A device whose clock is not synchronised only answers questions. */
static int show_unsynchronised(Join *join)
{
        const CheckContext context = {
                .bus = join->bus, .mesh = &join->mesh, .now_ms = join->ctl->now_ms, .local = true
        };
        Finding clock = { 0 };

        int r = check_clock(&context, &clock);
        return r < 0 || clock.state != FINDING_BAD
                       ? r
                       : progress_line(&join->progress, "Clock",
                                       "%s: devbox runs and writes nothing until it is; %s", clock.text,
                                       clock.cure);
}

/* A device that comes back follows the roots that it missed, so that its ledger knows the one that it is
 * enrolled with. Where they do not follow its own, Enroll is what fails. */
static int follow_roots(Join *join)
{
        char **problem = &join->ctl->problem;
        int r = 0;

        for (size_t i = 0; i < join->opened.n_roots && r == 0; i++)
                r = ledger_client_install_root(join->bus, join->opened.roots[i], problem);
        if (r != DEVBOX_ERROR_ROOT_CHAIN)
                return r;

        free(*problem);
        *problem = NULL;
        return 0;
}

int join_install(Join *join)
{
        DeviceEnrolment enrolment = { .device = join->manifest->device,
                                      .root = join->opened.roots[join->first_root],
                                      .lost_size = join->opened.lost_size,
                                      .lost_head = join->opened.lost_head };
        uint8_t token[TOKEN_SIZE_MAX];
        ManifestInstallation installed = { 0 };
        char **problem = &join->ctl->problem;

        memcpy(enrolment.chain_id, join->opened.chain_id, CHAIN_ID_SIZE);
        enrolment.root_sha256 = *invited_root(join);
        if (join->has_token) {
                sha256(BYTES(token, token_format(&join->token, token)), &enrolment.token_sha256);
                explicit_bzero(token, sizeof token);
        }

        int r = *strempty(join->ledger.device) ? follow_roots(join) : 0;
        if (r == 0)
                r = ledger_client_enroll(join->bus, &enrolment, problem);
        if (r == DEVBOX_ERROR_ENROLLED_OTHERWISE)
                return problem_set(problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                                   "this machine has a history with another hub, or of before this one was "
                                   "made anew: to give that up, run devboxctl leave and devboxctl device "
                                   "reset, and join with a new invitation");
        for (size_t i = join->first_root + 1; i < join->opened.n_roots && r == 0; i++)
                r = ledger_client_install_root(join->bus, join->opened.roots[i], problem);
        if (r == 0)
                r = ledger_client_install_manifest(join->bus, join->opened.manifest, &installed, problem);
        if (r != 0)
                return r;

        r = progress_line(&join->progress, "Manifest", "version %" PRIu64 ", within this machine's ceiling",
                          installed.version);
        return r < 0 ? r : show_unsynchronised(join);
}

/* ---- the tunnel */

static int ping(Join *join, const char *hub_address, usec_t *ret_elapsed_usec)
{
        usec_t deadline_usec = deadline_after(ANSWER_USEC);
        int r;

        while ((r = hub_http_ping(hub_address, ATTEMPT_USEC, ret_elapsed_usec)) ==
               DEVBOX_ERROR_MESH_UNREACHABLE) {
                if (deadline_left(deadline_usec) == 0)
                        return problem_set(
                                &join->ctl->problem, DEVBOX_ERROR_MESH_UNREACHABLE,
                                "the hub does not answer at %s inside the tunnel; run it again, or "
                                "see: devboxctl doctor",
                                hub_address);
                r = client_wait(join->bus, RETRY_USEC);
                if (r < 0)
                        return r;
        }

        return r;
}

int join_complete(Join *join)
{
        char **problem = &join->ctl->problem;
        usec_t elapsed_usec = 0;

        int r = state_is(join, "installed") ? 0 : join_client_call(join->bus, "FinishJoin", problem);
        if (r != 0)
                return r;

        mesh_status_done(&join->mesh);
        r = mesh_client_get_status(join->bus, &join->mesh, problem);
        if (r == 0)
                r = ping(join, strempty(join->mesh.hub_address), &elapsed_usec);
        if (r == 0)
                r = join_client_call(join->bus, "ConfirmJoin", problem);
        if (r != 0)
                return r;

        return progress_line(&join->progress, "Mesh", "%s on wg0; the hub answers in %.0f ms",
                             strempty(join->mesh.address), (double) elapsed_usec / 1000);
}

int join_start(Join *join)
{
        char **problem = &join->ctl->problem;
        _cleanup_(freep) char *state = NULL;

        int r = systemd_client_get_state(join->bus, DEVICE_TARGET, &state, problem);
        if (r == 0 && !streq(state, "active")) {
                r = systemd_client_reload(join->bus, problem);
                if (r == 0)
                        r = systemd_client_enable(join->bus, DEVICE_TARGET, problem);
        }
        return r != 0 || join->ctl->json
                       ? r
                       : print_line(stdout, DEVICE_TARGET " is active. To leave: devboxctl leave");
}
