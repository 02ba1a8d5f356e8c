/* SPDX-License-Identifier: MIT */
/* From a claimed invitation to a device of the network. */

#include "ctl/hub/admission.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/time.h"
#include "ctl/hub/device-manifest.h"
#include "ctl/print.h"
#include "ctl/problem.h"

#define POLL_USEC      USEC_PER_SEC
#define SOURCE_POLLS   3 /* until a hub that can read WireGuard knows where a claim came from */
#define HANDSHAKE_USEC (60 * USEC_PER_SEC) /* a device polls every second, then installs */

int admission_find(const Admission *admission, ClientRows *ret_rows, const MeshPending **ret_pending)
{
        int r = client_query(admission->session->bus, &mesh_list_pending, ret_rows,
                             &admission->session->ctl->problem);
        if (r != 0)
                return r;

        const MeshPending *rows = ret_rows->items;
        *ret_pending = NULL;
        for (size_t i = 0; i < ret_rows->n; i++)
                if (streq(rows[i].name, admission->name))
                        *ret_pending = &rows[i];

        return 0;
}

/* ---- waiting */

static int reject_state(const Admission *admission, const MeshPending *pending)
{
        char **problem = &admission->session->ctl->problem;

        if (!pending)
                return problem_set(problem, DEVBOX_ERROR_TOKEN_EXPIRED,
                                   "the invitation has expired; make a new one with: %s%s%s invite %s",
                                   CTL_COMMAND(admission->session->ctl), admission->name);

        return problem_set(
                problem, DEVBOX_ERROR_TOKEN_USED,
                "two devices used this invitation, which is in the wrong hands, and neither is admitted; "
                "run: %s%s%s pending %s --withdraw, and invite again with --bind",
                CTL_COMMAND(admission->session->ctl), admission->name);
}

/* A claim without a source is waited for a little: people compare where it came from. */
static bool has_ended(const MeshPending *pending, unsigned *n_claimed)
{
        if (!pending || streq(pending->state, "held") || *strempty(pending->source))
                return true;

        return streq(pending->state, "claimed") && ++*n_claimed > SOURCE_POLLS;
}

int admission_wait(const Admission *admission, ClientRows *ret_rows, const MeshPending **ret_pending)
{
        unsigned n_claimed = 0;

        int r = progress_begin(admission->progress, "waiting for %s …", admission->name);

        while (r == 0) {
                r = admission_find(admission, ret_rows, ret_pending);
                if (r != 0)
                        break;
                if (has_ended(*ret_pending, &n_claimed))
                        break;

                client_rows_done(ret_rows);
                r = client_wait(admission->session->bus, POLL_USEC);
        }
        if (r != 0)
                return r;

        const MeshPending *pending = *ret_pending;
        if (!pending || !streq(pending->state, "claimed")) {
                r = progress_end(admission->progress, "it is not open any more");
                return r < 0 ? r : reject_state(admission, pending);
        }
        return progress_end(admission->progress, "joined from %s (%s)",
                            *strempty(pending->source) ? pending->source : "an unknown address",
                            strempty(pending->description));
}

/* ---- digits */

/* "482913" and "482 913" are the same. */
static bool digits_equal(const char *a, const char *b)
{
        for (;; a++, b++) {
                a += strspn(a, " ");
                b += strspn(b, " ");
                if (*a != *b || *a == '\0')
                        return *a == *b;
        }
}

static int reject_digits(const Admission *admission)
{
        return problem_set(
                &admission->session->ctl->problem, DEVBOX_ERROR_ACCESS_DENIED,
                "not admitted. If the six digits differ, another machine is between the device and the "
                "hub: run %s%s%s pending %s --withdraw, and invite it again",
                CTL_COMMAND(admission->session->ctl), admission->name);
}

/* A bound invitation names the key of its one device; for others a person compares. */
static int confirm(const Admission *admission, const MeshPending *pending)
{
        const char *digits = strempty(pending->digits);

        if (pending->bound && (admission->yes || admission->session->ctl->json))
                return 0;
        if (admission->digits)
                return !pending->bound && digits_equal(admission->digits, digits) ? 0
                                                                                  : reject_digits(admission);

        int r = pending->bound
                        ? progress_line(admission->progress, "bound to the device's key", "%s", "admit it?")
                        : progress_line(admission->progress, "Both screens must show", "%s", digits);
        if (r < 0)
                return r;
        r = progress_ask(admission->progress, "is it so?");
        if (r == -ENOTTY)
                return problem_set(&admission->session->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "there is no terminal to ask on; run: %s%s%s admit %s --digits 'DIGITS', "
                                   "with those that the device shows",
                                   CTL_COMMAND(admission->session->ctl), admission->name);
        return r < 0 ? r : r == 1 ? 0 : reject_digits(admission);
}

/* ---- the manifest */

static int sign_and_admit(const Admission *admission, const MeshPending *pending)
{
        const DeviceManifest wanted = { admission->name, admission->manifest_path, &pending->device_key,
                                        &pending->next };
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *envelope = NULL;
        HubSession *session = admission->session;

        int r = device_manifest_make(session, &wanted, &manifest);
        if (r == 0)
                r = hub_session_sign_manifest(session, manifest, &envelope);
        if (r == 0)
                r = device_manifest_keep(session, &wanted);
        if (r == 0)
                r = mesh_client_admit(session->bus, admission->name, envelope, &session->ctl->problem);
        if (r != 0)
                return r;

        return progress_line(admission->progress, "manifest",
                             "signed for this device's key, version %" PRIi64, manifest->version);
}

/* ---- the first handshake */

static int report(const Admission *admission, const MeshPeer *peer)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        uint64_t now_ms = hub_session_now_ms(admission->session);
        Ctl *ctl = admission->session->ctl;

        if (ctl->json) {
                json_open_object(&json, NULL);
                json_add_string(&json, "name", peer->name);
                json_add_string(&json, "address", peer->address);
                json_add_time(&json, "last_handshake_at", peer->last_handshake_ms * USEC_PER_MSEC);
                json_close_object(&json);
                return print_json(&json);
        }
        if (peer->last_handshake_ms == 0)
                return print_line(stdout,
                                  "%s is %s and admitted, but has not answered yet: look at its "
                                  "screen, which may ask a question; else run on it: devboxctl enroll",
                                  peer->name, peer->address);

        return print_line(stdout, "%s is %s, handshake %.1f s ago. Try%s: devboxctl run %s COMMAND",
                          peer->name, peer->address,
                          (double) (now_ms - MIN(now_ms, peer->last_handshake_ms)) / 1000,
                          ctl->host ? " on the hub" : "", peer->name);
}

static int wait_for_handshake(const Admission *admission)
{
        HubSession *session = admission->session;
        usec_t deadline_usec = deadline_after(HANDSHAKE_USEC);

        int r = progress_begin(admission->progress, "waiting for its handshake …");
        while (r == 0) {
                _cleanup_(client_rows_done) ClientRows row = { 0 };

                r = mesh_client_get_peer(session->bus, admission->name, &row, &session->ctl->problem);
                if (r != 0)
                        return r;

                const MeshPeer *peer = row.items;
                if (peer->last_handshake_ms > 0 || deadline_left(deadline_usec) == 0) {
                        r = progress_end(admission->progress,
                                         peer->last_handshake_ms > 0 ? "done" : "none yet");
                        return r < 0 ? r : report(admission, peer);
                }
                r = client_wait(session->bus, POLL_USEC);
        }

        return r;
}

int admission_continue(const Admission *admission)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        HubSession *session = admission->session;
        char **problem = &session->ctl->problem;

        int r = mesh_client_get_peer(session->bus, admission->name, &row, problem);
        if (r < 0 || (r > 0 && r != DEVBOX_ERROR_PEER_UNKNOWN))
                return r;
        if (r == DEVBOX_ERROR_PEER_UNKNOWN || streq(((const MeshPeer *) row.items)->state, "revoked"))
                return problem_set(problem, DEVBOX_ERROR_NOT_FOUND,
                                   "no machine has used an invitation of %s; see: %s%s%s pending",
                                   admission->name, CTL_COMMAND(admission->session->ctl));

        r = progress_line(admission->progress, admission->name, "is admitted already");
        return r != 0 ? r : wait_for_handshake(admission);
}

int admission_complete(const Admission *admission, const MeshPending *pending)
{
        int r = streq(pending->state, "claimed") ? confirm(admission, pending)
                                                 : reject_state(admission, pending);
        if (r == 0)
                r = sign_and_admit(admission, pending);

        return r != 0 ? r : wait_for_handshake(admission);
}
