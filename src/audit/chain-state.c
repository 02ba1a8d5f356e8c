/* SPDX-License-Identifier: MIT */
/* Which entry may follow in a chain. */

#include "audit/chain-state.h"

#include "audit/checkpoint.h"
#include "trust/result.h"

/* What the requests that a ledger stores can use: a digest, an id, a nonce and four approvals each. */
#define USED_MAX ((size_t) 7 * REQUESTS_MAX)

void chain_state_init(ChainState *state, const ChainIdentity *identity, const AuditRoot *roots,
                      size_t n_roots)
{
        *state = (ChainState){
                .identity = identity, .roots = roots, .n_roots = n_roots, .used.max = USED_MAX
        };
}

void chain_state_done(ChainState *state)
{
        replay_cache_done(&state->used);
}

/* ---- requests */

static uint64_t keep_until(uint64_t time_ms)
{
        return time_ms < UINT64_MAX - REQUEST_KEEP_MS ? time_ms + REQUEST_KEEP_MS : UINT64_MAX;
}

static int use(ChainState *state, Bytes key, uint64_t time_ms, ReplayEntry **ret_entry,
               AuditFinding *finding)
{
        int r = replay_cache_add(&state->used, key, keep_until(time_ms), ret_entry);

        return r == -ENOBUFS ? audit_contradiction(
                                       finding, "more requests were accepted in a day than a ledger keeps")
                             : r;
}

int chain_state_use(ChainState *state, Bytes key, uint64_t time_ms, AuditFinding *finding)
{
        return use(state, key, time_ms, NULL, finding);
}

ReplayEntry *chain_state_find_request(const ChainState *state, const AuditBody *body)
{
        return replay_cache_find(&state->used, BYTES_OF(body->request_sha256.bytes));
}

static int use_approvals(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                         AuditFinding *finding)
{
        for (size_t i = 0; i < body->approvals.n; i++) {
                Bytes digest = BYTES_OF(body->approvals.items[i].sha256.bytes);

                if (replay_cache_find(&state->used, digest))
                        return audit_contradiction(finding, "an approval is used for the second time");

                int r = chain_state_use(state, digest, entry->time_ms, finding);
                if (r != 0)
                        return r;
        }

        return 0;
}

static int on_accepted(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding)
{
        ReplayEntry *request;

        replay_cache_advance(&state->used, entry->time_ms);
        if (!state->in_force || body->manifest.epoch != state->manifest.epoch ||
            body->manifest.version != state->manifest.version ||
            !sha256_equal(&body->manifest.sha256, &state->manifest.sha256))
                return audit_contradiction(
                        finding, "a request is accepted under another manifest than the one in force");
        if (chain_state_find_request(state, body))
                return audit_contradiction(finding, "a request is accepted for the second time");

        int r = use(state, BYTES_OF(body->request_sha256.bytes), entry->time_ms, &request, finding);
        if (r != 0)
                return r;

        request->stage = REPLAY_ACCEPTED;
        memcpy(request->request_id, body->request_id, sizeof request->request_id);
        request->seq = entry->seq;
        state->n_accepted++;
        state->n_redacted += audit_body_is_redacted(body);
        return use_approvals(state, entry, body, finding);
}

static int on_started(ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        ReplayEntry *request = chain_state_find_request(state, body);

        if (!request)
                return audit_contradiction(finding, "a request is started that was never accepted");
        if (request->stage != REPLAY_ACCEPTED)
                return audit_contradiction(finding,
                                           "a request is started for the second time, or after its end");
        if (!streq(request->request_id, body->request_id))
                return audit_contradiction(finding, "a request is started with another id than it has");
        if (!state->in_force)
                return audit_contradiction(finding, "a request is started after its manifest was revoked");
        if (request->seq < state->manifest_seq)
                return audit_contradiction(
                        finding, "a request is started under another manifest than it was accepted under");

        request->stage = REPLAY_STARTED;
        return 0;
}

/* Whether a request of this state may end so. */
static bool end_fits(ReplayStage stage, const char *status)
{
        static const struct {
                ResultStatus status;
                bool accepted, started;
        } rows[] = {
                { RESULT_FINISHED, false, true },    { RESULT_TIMEOUT, false, true },
                { RESULT_CANCELLED, true, true },    { RESULT_FAILED, true, true },
                { RESULT_INTERRUPTED, true, false }, { RESULT_INTERRUPTED_UNKNOWN, false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(status, result_status_names[rows[i].status]))
                        return stage == REPLAY_STARTED ? rows[i].started : rows[i].accepted;

        return false;
}

static int on_finished(ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        ReplayEntry *request = chain_state_find_request(state, body);

        if (!request)
                return audit_contradiction(finding, "a request finishes that was never accepted");
        if (request->stage == REPLAY_USED)
                return audit_contradiction(finding, "a request finishes for the second time");
        if (!streq(request->request_id, body->request_id))
                return audit_contradiction(finding, "a request finishes with another id than it has");
        if (!end_fits(request->stage, body->status))
                return audit_contradiction(finding,
                                           request->stage == REPLAY_STARTED
                                                   ? "a request that was started ends as if it was not"
                                                   : "a request that was not started ends as if it was");

        request->stage = REPLAY_USED;
        return 0;
}

/* ---- the device's keys */

const PublicKey *chain_state_device_key(const ChainState *state)
{
        assert(state->n_device_keys > 0);
        return &state->device_keys[(state->n_device_keys - 1) % KEY_SET_MAX];
}

KeySet chain_state_device_keys(const ChainState *state)
{
        return (KeySet){ .role = CHECKPOINT_DEVICE_ROLE,
                         .keys = state->device_keys,
                         .n_keys = MIN(state->n_device_keys, (size_t) KEY_SET_MAX),
                         .threshold = 1 };
}

/* Replaces the oldest if there are too many: its checkpoints were compared when they were reached. */
static void add_key(ChainState *state, const PublicKey *key)
{
        state->device_keys[state->n_device_keys++ % KEY_SET_MAX] = *key;
}

static int on_adopt(ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        if (!public_key_equal(chain_state_device_key(state), &body->old_key))
                return audit_contradiction(finding, "it replaces a key that is not the device's");

        add_key(state, &body->key);
        state->adopted_by = body->sha256;
        return 0;
}

/* Whether an adopted key is followed by the manifest that names it. */
static bool adoption_fits(const ChainState *state, const AuditEntry *entry, const AuditBody *body)
{
        return state->last_type != AUDIT_ADOPT ||
               (entry->type == AUDIT_MANIFEST && sha256_equal(&state->adopted_by, &body->sha256));
}

static int on_enroll(const ChainState *state, const AuditEntry *entry, const AuditBody *body,
                     AuditFinding *finding)
{
        if (entry->seq != 1)
                return audit_contradiction(finding, "the device enrolls for the second time");

        return streq(body->device, state->identity->device) &&
                               public_key_equal(&body->key, chain_state_device_key(state))
                       ? 0
                       : audit_contradiction(finding,
                                             "another device or key enrolls than that of the genesis");
}

/* ---- roots and manifests */

/* NULL: not held by the auditor. */
static const AuditRoot *find_root(const ChainState *state, const Sha256 *digest)
{
        for (size_t i = 0; i < state->n_roots; i++)
                if (sha256_equal(&state->roots[i].digest, digest))
                        return &state->roots[i];

        return NULL;
}

static int on_genesis(ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        if (!streq(body->device, state->identity->device) ||
            !chain_id_equal(&body->chain, &state->identity->chain))
                return audit_contradiction(finding, "it is the beginning of another chain");

        state->first_root = body->sha256;
        add_key(state, &body->key);
        return 0;
}

static int on_root(ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        const AuditRoot *known = find_root(state, &body->sha256);

        for (size_t i = 0; i < state->n_roots; i++)
                if (state->roots[i].version == body->version && &state->roots[i] != known)
                        return audit_contradiction(
                                finding, "it names a root of that version other than the auditor's");
        if (state->root_version == 0 && !sha256_equal(&body->sha256, &state->first_root))
                return audit_contradiction(finding, "the first root is not the one of the genesis");
        if (state->root_version > 0 && (body->version != state->root_version + 1 ||
                                        body->epoch < state->epoch || body->epoch > state->epoch + 1))
                return audit_contradiction(finding, "the root does not follow the one before");

        state->in_force = state->in_force && body->epoch == state->epoch;
        state->root_version = body->version;
        state->epoch = body->epoch;
        state->root = known ? known->root : NULL;
        state->n_unknown_roots += state->n_roots > 0 && !known;
        return 0;
}

static int on_manifest(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                       AuditFinding *finding)
{
        const RequestManifest *last = &state->manifest;

        if (state->root_version == 0 || body->epoch != state->epoch)
                return audit_contradiction(finding, "the manifest is of another epoch than the root");
        if (body->epoch < last->epoch || (body->epoch == last->epoch && body->version <= last->version))
                return audit_contradiction(finding, "the manifest is not newer than the one before");

        state->manifest = (RequestManifest){ body->epoch, body->version, body->sha256 };
        state->manifest_seq = entry->seq;
        state->in_force = body->version != MANIFEST_TOMBSTONE;
        return 0;
}

static int on_revoke(const ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        return state->last_type == AUDIT_MANIFEST && state->manifest.version == MANIFEST_TOMBSTONE &&
                               sha256_equal(&state->manifest.sha256, &body->sha256)
                       ? 0
                       : audit_contradiction(finding, "the device is revoked without a tombstone");
}

static int on_confirmation(const ChainState *state, const AuditBody *body, AuditFinding *finding)
{
        return state->in_force && sha256_equal(&state->manifest.sha256, &body->sha256)
                       ? 0
                       : audit_contradiction(finding, "it confirms another manifest than the one in force");
}

/* ---- any entry */

int chain_state_next_key(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                         AuditFinding *finding)
{
        return entry->type == AUDIT_GENESIS ? on_genesis(state, body, finding)
               : entry->type == AUDIT_ADOPT ? on_adopt(state, body, finding)
                                            : 0;
}

static int next(ChainState *state, const AuditEntry *entry, const AuditBody *body, AuditFinding *finding)
{
        if (!adoption_fits(state, entry, body))
                return audit_contradiction(finding,
                                           "it is not the manifest by which the entry before adopted a key");

        switch (entry->type) {
        case AUDIT_GENESIS:
        case AUDIT_ADOPT:
                return chain_state_next_key(state, entry, body, finding);
        case AUDIT_ENROLL:
                return on_enroll(state, entry, body, finding);
        case AUDIT_REVOKE:
                return on_revoke(state, body, finding);
        case AUDIT_ROOT:
                return on_root(state, body, finding);
        case AUDIT_MANIFEST:
                return on_manifest(state, entry, body, finding);
        case AUDIT_CONFIRMATION:
                return on_confirmation(state, body, finding);
        case AUDIT_REQUEST_ACCEPTED:
                return on_accepted(state, entry, body, finding);
        case AUDIT_REQUEST_STARTED:
                return on_started(state, body, finding);
        case AUDIT_REQUEST_FINISHED:
                return on_finished(state, body, finding);
        default:
                return 0;
        }
}

int chain_state_next(ChainState *state, const AuditEntry *entry, const AuditBody *body,
                     AuditFinding *finding)
{
        int r = next(state, entry, body, finding);

        state->last_type = entry->type;
        return r;
}
