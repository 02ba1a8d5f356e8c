/* SPDX-License-Identifier: MIT */
/* The hub's answer to a claim. */

#include "mesh/claim.h"

#include <sodium.h>
#include <stdio.h>

#include "mesh/admission.h"
#include "mesh/peers.h"
#include "proto/error.h"

#define RETRY_MS 1000

void claim_outcome_done(ClaimOutcome *outcome)
{
        free(outcome->answer);
        *outcome = CLAIM_OUTCOME_NULL;
}

static void set_event(ClaimOutcome *outcome, MeshEvent event, const char *device)
{
        outcome->event = event;
        (void) snprintf(outcome->device, sizeof outcome->device, "%s", device);
}

/* Records an event that changes nothing, unless there were many. Returns `error`, or that of the database.
 */
static int reject(const Hub *hub, MeshEvent event, const char *device, int error, ClaimOutcome *outcome)
{
        RateLimit *limit = event == MESH_EVENT_TOKEN_REUSED ? hub->alarms : hub->rejections;
        unsigned suppressed;

        if (!ratelimit_pass(limit, (usec_t) hub->time.boottime_ms * USEC_PER_MSEC, &suppressed))
                return error;

        set_event(outcome, event, device);
        int r = outbox_add_record(hub->store->database, event, device,
                                  devbox_error_code((DevboxError) error));
        return r < 0 ? r : error;
}

/* ---- the first claim */

/* Whether no other peer has one of the keys, nor ever had, and the hub does not. A device that comes back
 * may keep its identity, but never the key of a tunnel. */
static int keys_are_new(const Hub *hub, const Invitation *claimed)
{
        Bytes wireguard_key = BYTES_OF(claimed->wireguard_key);
        Bytes device_key = BYTES_OF(claimed->device_key.bytes);

        if (memcmp(hub->wireguard_key.bytes, claimed->wireguard_key, WIREGUARD_KEY_SIZE) == 0)
                return 0;
        int r = query_exists(hub->store->database,
                             "SELECT 1 FROM wireguard_key WHERE public_key = ?"
                             " UNION ALL SELECT 1 FROM device WHERE device_key = ? AND name != ?"
                             " UNION ALL SELECT 1 FROM token WHERE state IN ('claimed', 'held') AND id != ?"
                             " AND (wireguard_key = ? OR device_key = ?)",
                             "bbtbbb", wireguard_key, device_key, claimed->device, BYTES_OF(claimed->id),
                             wireguard_key, device_key);
        return r < 0 ? r : r == 0;
}

/* The nonce is drawn here, behind the claim that it is committed with: nobody can have searched for a claim
 * that fits it. 1: the row was still unclaimed. */
static int compare_and_set(const Hub *hub, const Invitation *claimed)
{
        const MeshTime *deadline = &claimed->deadline;

        return query_exists(hub->store->database,
                            "UPDATE token SET state = 'claimed', claim_sha256 = ?, claimed_at_ms = ?,"
                            " device_key = ?, wireguard_key = ?, ephemeral_key = ?, description = ?,"
                            " source = ?, hub_nonce = ?, deadline_ms = ?, deadline_boottime_ms = ?,"
                            " boot_id = ? WHERE id = ? AND state = 'issued' RETURNING 1",
                            "bibbbttbiitb", BYTES_OF(claimed->claim_sha256.bytes), claimed->claimed_at_ms,
                            BYTES_OF(claimed->device_key.bytes), BYTES_OF(claimed->wireguard_key),
                            BYTES_OF(claimed->ephemeral_key), claimed->description, claimed->source,
                            BYTES_OF(claimed->hub_nonce), deadline->wall_ms, deadline->boottime_ms,
                            deadline->boot_id, BYTES_OF(claimed->id));
}

static void take_claim(const Hub *hub, const Claim *claim, const Sha256 *digest, const char *source,
                       Invitation *invitation)
{
        invitation->state = INVITATION_CLAIMED;
        invitation->claim_sha256 = *digest;
        invitation->claimed_at_ms = hub->time.wall_ms;
        invitation->device_key = claim->device_key;
        memcpy(invitation->wireguard_key, claim->wireguard_key, sizeof invitation->wireguard_key);
        memcpy(invitation->ephemeral_key, claim->ephemeral_key, sizeof invitation->ephemeral_key);
        memcpy(invitation->description, claim->description, sizeof invitation->description);
        (void) snprintf(invitation->source, sizeof invitation->source, "%s", source);
        invitation->deadline = hub->time;
        invitation->deadline.wall_ms += INVITATION_CLAIMED_MS;
        invitation->deadline.boottime_ms += INVITATION_CLAIMED_MS;
        if (!invitation_is_bound(invitation))
                randombytes_buf(invitation->hub_nonce, sizeof invitation->hub_nonce);
}

static int claim_issued(const Hub *hub, const Invitation *invitation, ClaimOutcome *outcome)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(hub->store->database, &transaction);
        if (r == 0)
                r = compare_and_set(hub, invitation);
        if (r >= 0)
                r = r == 0 ? -EBUSY
                           : outbox_add_record(hub->store->database, MESH_EVENT_CLAIMED, invitation->device,
                                               invitation->description);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                return r;

        set_event(outcome, MESH_EVENT_CLAIMED, invitation->device);
        return 0;
}

/* ---- later ones */

/* A second device has the token: which of the two the operator meant cannot be known here. */
static int hold(const Hub *hub, const Invitation *invitation, ClaimOutcome *outcome)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(hub->store->database, &transaction);
        if (r == 0)
                r = query_run(hub->store->database,
                              "UPDATE token SET state = 'held' WHERE id = ? AND state = 'claimed'", "b",
                              BYTES_OF(invitation->id));
        if (r == 0)
                r = outbox_add_record(hub->store->database, MESH_EVENT_HELD, invitation->device, "");
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                return r;

        set_event(outcome, MESH_EVENT_HELD, invitation->device);
        return DEVBOX_ERROR_TOKEN_USED;
}

static int expire(const Hub *hub, const Invitation *invitation, ClaimOutcome *outcome)
{
        int r = invitation_expire(hub, invitation);
        if (r < 0)
                return r;

        set_event(outcome, MESH_EVENT_EXPIRED, invitation->device);
        return DEVBOX_ERROR_TOKEN_EXPIRED;
}

/* ---- the answer */

static int seal_answer(const Hub *hub, const Invitation *invitation, const Answer *answer,
                       ClaimOutcome *outcome)
{
        _cleanup_(secret_freep) Secret *key = NULL;

        int r = answer_key(hub->claim_key, invitation->ephemeral_key, &invitation->claim_sha256, &key);
        return r < 0 ? r : answer_seal(answer, key, &outcome->answer, &outcome->answer_size);
}

static int answer_pending(const Hub *hub, const Invitation *invitation, ClaimOutcome *outcome)
{
        Answer answer = { .state = ANSWER_PENDING, .retry_ms = RETRY_MS, .hub_time_ms = hub->time.wall_ms };

        memcpy(answer.nonce, invitation->hub_nonce, sizeof answer.nonce);
        return seal_answer(hub, invitation, &answer, outcome);
}

static int answer_admitted(const Hub *hub, const Invitation *invitation, ClaimOutcome *outcome)
{
        _cleanup_(answer_freep) Answer *answer = NULL;

        int r = admission_answer(hub, invitation, &answer);
        return r != 0 ? r : seal_answer(hub, invitation, answer, outcome);
}

/* ---- the table of claim.h */

static int answer_first(const Hub *hub, const Invitation *claimed, ClaimOutcome *outcome)
{
        int r = keys_are_new(hub, claimed);
        if (r < 0)
                return r;
        if (r == 0)
                return reject(hub, MESH_EVENT_CLAIM_REJECTED, claimed->device, DEVBOX_ERROR_UNAUTHORIZED,
                              outcome);

        r = claim_issued(hub, claimed, outcome);
        return r != 0 ? r : answer_pending(hub, claimed, outcome);
}

static int answer_again(const Hub *hub, const Invitation *invitation, bool same, ClaimOutcome *outcome)
{
        switch (invitation->state) {
        case INVITATION_CLAIMED:
                return same ? answer_pending(hub, invitation, outcome) : hold(hub, invitation, outcome);
        case INVITATION_SPENT:
                return same ? answer_admitted(hub, invitation, outcome)
                            : reject(hub, MESH_EVENT_TOKEN_REUSED, invitation->device,
                                     DEVBOX_ERROR_TOKEN_USED, outcome);
        case INVITATION_HELD:
                return DEVBOX_ERROR_TOKEN_USED;
        default:
                return DEVBOX_ERROR_TOKEN_EXPIRED;
        }
}

/* Whether the claimant has the token, and may use it. */
static bool claimant_is_invited(const Invitation *invitation, const Claim *claim)
{
        Token token = { .id = { 0 } };
        Sha256 digest;

        sha256(BYTES_OF(claim->secret), &digest);
        memcpy(token.device_key_sha256, invitation->device_key_sha256, sizeof token.device_key_sha256);
        return sodium_memcmp(digest.bytes, invitation->secret_sha256.bytes, sizeof digest.bytes) == 0 &&
               token_admits(&token, &claim->device_key);
}

static int judge(const Hub *hub, const Claim *claim, const Sha256 *digest, const char *source,
                 ClaimOutcome *outcome)
{
        Invitation invitation;

        int r = invitation_find(hub, claim->token_id, &invitation);
        if (r < 0)
                return r;
        if (r == 0 || !claimant_is_invited(&invitation, claim))
                return reject(hub, MESH_EVENT_CLAIM_REJECTED, r == 0 ? "" : invitation.device,
                              DEVBOX_ERROR_UNAUTHORIZED, outcome);
        if (invitation_is_open(&invitation) && invitation_is_due(&invitation, &hub->time))
                return expire(hub, &invitation, outcome);
        if (invitation.state == INVITATION_ISSUED) {
                take_claim(hub, claim, digest, source, &invitation);
                return answer_first(hub, &invitation, outcome);
        }

        return answer_again(hub, &invitation, sha256_equal(digest, &invitation.claim_sha256), outcome);
}

int hub_claim(const Hub *hub, Bytes sealed, const char *source, ClaimOutcome *ret_outcome)
{
        Sha256 digest;
        Claim claim;

        *ret_outcome = CLAIM_OUTCOME_NULL;
        int r = claim_open(sealed, hub->claim_key, &claim, &digest);
        if (r < 0)
                return r;
        if (r > 0)
                return reject(hub, MESH_EVENT_CLAIM_REJECTED, "", DEVBOX_ERROR_UNAUTHORIZED, ret_outcome);

        r = judge(hub, &claim, &digest, source, ret_outcome);
        claim_done(&claim);
        return r;
}

/* ---- where claims came from */

/* The peer whose tunnel a claim came through, and its address there. */
typedef struct ClaimTunnel {
        WireguardKey key;
        char address[INVITATION_SOURCE_SIZE];
} ClaimTunnel;

static int read_tunnels(Database *database, ClaimTunnel tunnels[static INVITATIONS_MAX], size_t *ret_n)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        size_t n = 0;

        int r = query(database, &rows,
                      "SELECT DISTINCT tunnel.bootstrap_key, claimed.source FROM token claimed"
                      " JOIN token tunnel ON tunnel.bootstrap_address = claimed.source"
                      " WHERE claimed.state IN ('claimed', 'held')",
                      "");
        while (r >= 0 && n < INVITATIONS_MAX && (r = statement_step(rows)) > 0) {
                ClaimTunnel *tunnel = &tunnels[n++];

                r = statement_copy_bytes(rows, 0, tunnel->key.bytes, sizeof tunnel->key.bytes);
                (void) snprintf(tunnel->address, sizeof tunnel->address, "%s",
                                strempty(statement_text(rows, 1)));
        }
        *ret_n = n;
        return MIN(r, 0);
}

/* Returns 1, or 0: the peer has not been heard. */
static int locate(Database *database, const ClaimTunnel *tunnel, const WireguardDevice *running)
{
        const WireguardPeer *peer = wireguard_device_find_peer(running, &tunnel->key);
        char text[IP_PREFIX_TEXT_SIZE];
        SockAddr outside = { 0 };
        IpPrefix address;

        if (!peer || !wireguard_endpoint_is_known(&peer->endpoint))
                return 0;
        memcpy(&outside, &peer->endpoint, sizeof peer->endpoint);
        int r = ip_prefix_from_sockaddr(&outside, &address);
        if (r < 0)
                return r;

        r = query_run(database,
                      "UPDATE token SET source = ? WHERE source = ? AND state IN ('claimed', 'held')", "tt",
                      ip_prefix_format_address(&address, text), tunnel->address);
        return r < 0 ? r : 1;
}

int claims_locate(Database *database, const WireguardDevice *running)
{
        ClaimTunnel tunnels[INVITATIONS_MAX];
        int n_left = 0;
        size_t n;

        int r = read_tunnels(database, tunnels, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = locate(database, &tunnels[i], running);
                n_left += r == 0;
        }
        return r < 0 ? r : n_left;
}
