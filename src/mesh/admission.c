/* SPDX-License-Identifier: MIT */
/* Admission on the hub. */

#include "mesh/admission.h"

#include <sodium.h>

#include "mesh/peers.h"
#include "proto/error.h"

/* ---- the manifest */

static int check_manifest(const Hub *hub, const Invitation *invitation, const char *text,
                          ManifestVerdict *ret_verdict)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        ManifestJudge judge = { .root = hub->root,
                                .device = invitation->device,
                                .device_key = &invitation->device_key,
                                .ceiling_unknown = true, /* only the device has it */
                                .now_ms = (uint64_t) hub->time.wall_ms };

        if (strlen(text) > MANIFEST_TEXT_MAX)
                return DEVBOX_ERROR_BAD_ENVELOPE;
        int r = envelope_parse(bytes_of_string(text), MANIFEST_TEXT_MAX, &envelope);
        if (r != 0)
                return r;
        r = manifest_store_last(hub->store->database, invitation->device, &judge.floor, NULL);
        return r < 0 ? r : manifest_accept(&judge, envelope, ret_verdict);
}

/* ---- the device */

/* The chain id it had, or a new one. */
static int choose_chain(const Hub *hub, const char *device, ChainId *ret_chain)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(hub->store->database, &row, "SELECT chain_id FROM device WHERE name = ?", "t", device);
        if (r == 0)
                r = statement_step(row);
        if (r > 0)
                return statement_copy_bytes(row, 0, ret_chain->bytes, CHAIN_ID_SIZE);
        if (r == 0)
                randombytes_buf(ret_chain->bytes, CHAIN_ID_SIZE);
        return r;
}

static int load_secret(const Hub *hub, const Invitation *invitation,
                       uint8_t ret_secret[static TOKEN_SECRET_SIZE])
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(hub->store->database, &row, "SELECT secret FROM token WHERE id = ?", "b",
                      BYTES_OF(invitation->id));
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        return store_box_open(hub->store, statement_bytes(row, 0), ret_secret);
}

/* The hub's half of the agreement is made here and forgotten: its public key goes into the answer, the
 * result into a box. */
static int agree(const Hub *hub, Invitation *invitation, WireguardKey *ret_preshared_key)
{
        _cleanup_(secret_freep) Secret *ephemeral = NULL, *key = NULL;
        uint8_t token_secret[TOKEN_SECRET_SIZE];

        int r = load_secret(hub, invitation, token_secret);
        if (r == 0)
                r = x25519_generate(&ephemeral, invitation->hub_ephemeral);
        if (r == 0)
                r = enrolment_preshared_key(
                        &(PresharedKeyInput){ .ephemeral = ephemeral,
                                              .other_ephemeral = invitation->ephemeral_key,
                                              .hub_ephemeral = invitation->hub_ephemeral,
                                              .token_secret = token_secret,
                                              .claim_sha256 = &invitation->claim_sha256 },
                        &key);
        sodium_memzero(token_secret, sizeof token_secret);
        if (r < 0)
                return r;

        memcpy(ret_preshared_key->bytes, secret_bytes(key).data, WIREGUARD_KEY_SIZE);
        return 0;
}

/* Adds the device with its key, and pins its chain. */
static int store_device(const Hub *hub, Invitation *invitation)
{
        Peer peer = { .state = PEER_STATE_JOINING,
                      .address = invitation->address,
                      .keepalive_sec = invitation->keepalive_sec,
                      .device_key = invitation->device_key,
                      .since_ms = hub->time.wall_ms };
        WireguardKey preshared_key;

        memcpy(peer.name, invitation->device, sizeof peer.name);
        memcpy(peer.description, invitation->description, sizeof peer.description);
        memcpy(peer.key.bytes, invitation->wireguard_key, sizeof peer.key.bytes);
        int r = choose_chain(hub, invitation->device, &peer.chain);
        if (r < 0)
                return r;
        r = agree(hub, invitation, &preshared_key);
        if (r < 0)
                return r;

        r = peer_store(hub->store, &peer, &preshared_key);
        sodium_memzero(&preshared_key, sizeof preshared_key);
        return r < 0 ? r : outbox_add_pin(hub->store->database, peer.name, &peer.chain, &peer.device_key);
}

/* The bootstrap peer stays until the device answers from its own address, but not for ever. */
static int spend_token(const Hub *hub, const Invitation *invitation, const LostChain *lost)
{
        return query_run(hub->store->database,
                         "UPDATE token SET state = 'spent', secret = NULL, hub_ephemeral = ?, lost_size = ?,"
                         " lost_head = ?, deadline_ms = ?, deadline_boottime_ms = ?, boot_id = ?"
                         " WHERE id = ?",
                         "bibiitb", BYTES_OF(invitation->hub_ephemeral), lost->size,
                         BYTES_OF(lost->head.bytes), hub->time.wall_ms + INVITATION_CLAIMED_MS,
                         hub->time.boottime_ms + INVITATION_CLAIMED_MS, hub->time.boot_id,
                         BYTES_OF(invitation->id));
}

static int admit(const Hub *hub, Invitation *invitation, const ManifestVerdict *verdict,
                 const char *manifest, const LostChain *lost)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = hub->store->database;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = store_device(hub, invitation);
        if (r == 0)
                r = manifest_store_keep(database, verdict, manifest);
        if (r == 0)
                r = spend_token(hub, invitation, lost);
        if (r == 0)
                r = outbox_add_record(database, MESH_EVENT_ADMITTED, invitation->device, "");
        return r < 0 ? r : transaction_commit(&transaction);
}

/* Records it. Returns `error`, or that of the database. */
static int reject_manifest(const Hub *hub, const char *device, int error, const ManifestVerdict *verdict,
                           AdmissionOutcome *outcome)
{
        int r = outbox_add_record(hub->store->database, MESH_EVENT_MANIFEST_REJECTED, device,
                                  devbox_error_code((DevboxError) error));
        if (r < 0)
                return r;

        *outcome = (AdmissionOutcome){ .event = MESH_EVENT_MANIFEST_REJECTED, .fault = verdict->fault };
        return error;
}

/* The one that is claimed, or was already admitted. */
static int find_claimed(const Hub *hub, const char *device, Invitation *ret_invitation)
{
        int r = invitation_find_device(hub, device, ret_invitation);
        if (r < 0)
                return r;
        if (r == 0 || ret_invitation->state == INVITATION_ISSUED)
                return DEVBOX_ERROR_PEER_UNKNOWN;
        if (ret_invitation->state == INVITATION_HELD)
                return DEVBOX_ERROR_TOKEN_USED;

        return ret_invitation->state == INVITATION_CLAIMED && invitation_is_due(ret_invitation, &hub->time)
                       ? DEVBOX_ERROR_TOKEN_EXPIRED
                       : 0;
}

/* Of one that was admitted before: whether it still is. */
static int check_admitted(const Hub *hub, const char *device)
{
        int r = query_exists(hub->store->database,
                             "SELECT 1 FROM device WHERE name = ? AND state != 'revoked'", "t", device);

        return r < 0 ? r : r == 0 ? DEVBOX_ERROR_PEER_REVOKED : 0;
}

int hub_admit(const Hub *hub, const char *device, const char *manifest, const LostChain *lost,
              AdmissionOutcome *ret_outcome)
{
        _cleanup_(manifest_verdict_done) ManifestVerdict verdict = { .manifest = NULL };
        Invitation invitation;

        *ret_outcome = (AdmissionOutcome){ .event = _MESH_EVENT_MAX };
        int r = find_claimed(hub, device, &invitation);
        if (r != 0)
                return r;
        r = check_manifest(hub, &invitation, manifest, &verdict);
        if (r > 0)
                return reject_manifest(hub, device, r, &verdict, ret_outcome);
        if (r < 0)
                return r;
        if (invitation.state == INVITATION_SPENT)
                return verdict.unchanged ? check_admitted(hub, device) : DEVBOX_ERROR_PEER_UNKNOWN;

        r = admit(hub, &invitation, &verdict, manifest, lost);
        if (r == 0)
                ret_outcome->event = MESH_EVENT_ADMITTED;
        return r;
}

int hub_has_lost_chain(const Hub *hub, const char *device)
{
        Invitation invitation;

        int r = invitation_find_device(hub, device, &invitation);
        if (r <= 0 || invitation.state != INVITATION_CLAIMED)
                return MIN(r, 0);

        return query_exists(hub->store->database, "SELECT 1 FROM device WHERE name = ? AND device_key != ?",
                            "tb", device, BYTES_OF(invitation.device_key.bytes));
}

int admission_complete(Database *database, const char *device, int64_t now_ms)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = query_exists(database,
                                 "UPDATE device SET state = 'active', since_ms = ?"
                                 " WHERE name = ? AND state = 'joining' RETURNING 1",
                                 "it", now_ms, device);
        if (r <= 0)
                return r;
        r = query_run(database,
                      "UPDATE token SET bootstrap_key = NULL, bootstrap_psk = NULL, bootstrap_address = NULL"
                      " WHERE device = ? AND state = 'spent'",
                      "t", device);
        if (r == 0)
                r = outbox_add_record(database, MESH_EVENT_ACTIVE, device, "");
        return r < 0 ? r : transaction_commit(&transaction);
}
