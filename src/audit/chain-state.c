/* SPDX-License-Identifier: MIT */
/* What entries say, and whether it can have happened. */

#include "audit/chain-state.h"

#include "audit/checkpoint.h"

void chain_state_done(ChainState *life)
{
        replay_cache_done(&life->once);
}

/* ---- requests */

/* Why a use cannot be remembered. */
static const char *too_many(int r, int *error)
{
        if (r == -ENOBUFS)
                return "more requests than a ledger takes were accepted in a day";

        *error = r;
        return NULL;
}

const char *chain_state_use(ChainState *life, Bytes key, uint64_t time_ms, int *error)
{
        int r = replay_cache_use(&life->once, key, time_ms);

        return r < 0 ? too_many(r, error) : NULL;
}

static const char *take_approvals(ChainState *life, const AuditEntry *entry, const AuditBody *body,
                                  int *error)
{
        for (size_t i = 0; i < body->approvals.n; i++) {
                Bytes digest = BYTES_OF(body->approvals.items[i].sha256.bytes);

                if (replay_cache_find(&life->once, digest))
                        return "an approval is used for the second time";

                const char *why = chain_state_use(life, digest, entry->time_ms, error);
                if (why || *error < 0)
                        return why;
        }

        return NULL;
}

static const char *on_accepted(ChainState *life, const AuditEntry *entry, const AuditBody *body, int *error)
{
        Bytes id = bytes_of_string(body->request_id);
        AuditUsed *request;

        replay_cache_forget(&life->once, entry->time_ms);
        if (!life->in_force || body->manifest.epoch != life->manifest.epoch ||
            body->manifest.version != life->manifest.version ||
            !sha256_equal(&body->manifest.sha256, &life->manifest.sha256))
                return "a request is accepted under another manifest than the one in force";
        if (replay_cache_find(&life->once, id))
                return "a request is accepted for the second time";

        int r = replay_cache_open(&life->once, id, entry->time_ms, &request);
        if (r < 0)
                return too_many(r, error);

        request->digest = body->request_sha256;
        life->n_accepted++;
        life->n_redacted += audit_body_is_redacted(body);
        return take_approvals(life, entry, body, error);
}

static const char *on_started(ChainState *life, const AuditBody *body)
{
        AuditUsed *request = replay_cache_find(&life->once, bytes_of_string(body->request_id));

        if (!request || request->stage != STAGE_ACCEPTED)
                return request ? "a request is started for the second time, or after its end"
                               : "a request is started that was never accepted";
        if (!sha256_equal(&request->digest, &body->request_sha256))
                return "another request is started than the one of this id that was accepted";
        if (!life->in_force)
                return "a request is started after what allowed it was taken back";

        request->stage = STAGE_STARTED;
        return NULL;
}

static const char *on_finished(ChainState *life, const AuditBody *body)
{
        AuditUsed *request = replay_cache_find(&life->once, bytes_of_string(body->request_id));

        if (!request || request->stage == STAGE_USED)
                return request ? "a request finishes for the second time"
                               : "a request finishes that was never accepted";
        if (!sha256_equal(&request->digest, &body->request_sha256))
                return "another request finishes than the one of this id that was accepted";

        replay_cache_end(&life->once, request);
        return NULL;
}

/* ---- the device's keys */

const PublicKey *chain_state_device_key(const ChainState *life)
{
        assert(life->n_device_keys > 0);
        return &life->device_keys[(life->n_device_keys - 1) % KEY_SET_MAX];
}

KeySet chain_state_device_keys(const ChainState *life)
{
        return (KeySet){ .role = CHECKPOINT_DEVICE_ROLE,
                         .keys = life->device_keys,
                         .n_keys = MIN(life->n_device_keys, (size_t) KEY_SET_MAX),
                         .threshold = 1 };
}

/* In the place of the oldest: its statements were looked at when it was not that old. */
static void add_key(ChainState *life, const PublicKey *key)
{
        life->device_keys[life->n_device_keys++ % KEY_SET_MAX] = *key;
}

static const char *on_adopt(ChainState *life, const AuditBody *body)
{
        if (!public_key_equal(chain_state_device_key(life), &body->old_key))
                return "it adopts a key in the place of one that the device did not have";

        add_key(life, &body->key);
        life->adopts = true;
        life->adopted_by = body->sha256;
        return NULL;
}

/* ---- roots and manifests */

/* The auditor's root of this digest; NULL: there is none. */
static const AuditRoot *find_root(const ChainState *life, const Sha256 *digest)
{
        for (size_t i = 0; i < life->n_roots; i++)
                if (sha256_equal(&life->roots[i].digest, digest))
                        return &life->roots[i];

        return NULL;
}

static const char *on_genesis(ChainState *life, const AuditBody *body)
{
        if (!streq(body->device, life->identity->device) ||
            memcmp(&body->chain, &life->identity->chain, sizeof body->chain) != 0)
                return "it is the beginning of another chain";

        life->first_root = body->sha256;
        add_key(life, &body->key);
        return NULL;
}

static const char *on_root(ChainState *life, const AuditBody *body)
{
        const AuditRoot *known = find_root(life, &body->sha256);

        for (size_t i = 0; i < life->n_roots; i++)
                if (life->roots[i].version == body->version && &life->roots[i] != known)
                        return "it names a root of that version which is not the auditor's";
        if (life->root_version == 0 && !sha256_equal(&body->sha256, &life->first_root))
                return "the first root is not the one that the chain began under";
        if (life->root_version > 0 && (body->version != life->root_version + 1 ||
                                       body->epoch < life->epoch || body->epoch > life->epoch + 1))
                return "the root does not follow the one before";

        life->in_force = life->in_force && body->epoch == life->epoch;
        life->root_version = body->version;
        life->epoch = body->epoch;
        life->root = known ? known->root : NULL;
        life->n_unknown_roots += life->n_roots > 0 && !known;
        return NULL;
}

static const char *on_manifest(ChainState *life, const AuditBody *body)
{
        const RequestManifest *last = &life->manifest;

        if (life->root_version == 0 || body->epoch != life->epoch)
                return "the manifest is of another epoch than the root";
        if (body->epoch < last->epoch || (body->epoch == last->epoch && body->version <= last->version))
                return "the manifest is not newer than the one before";

        life->manifest = (RequestManifest){ body->epoch, body->version, body->sha256 };
        life->in_force = body->version != MANIFEST_TOMBSTONE;
        return NULL;
}

const char *chain_state_step_keys(ChainState *life, const AuditEntry *entry, const AuditBody *body)
{
        return entry->type == AUDIT_GENESIS ? on_genesis(life, body)
               : entry->type == AUDIT_ADOPT ? on_adopt(life, body)
                                            : NULL;
}

/* Whether a key that was adopted is followed by the manifest that names it. */
static bool adoption_fits(ChainState *life, const AuditEntry *entry, const AuditBody *body)
{
        bool adopts = life->adopts;

        life->adopts = false;
        return !adopts || (entry->type == AUDIT_MANIFEST && sha256_equal(&life->adopted_by, &body->sha256));
}

const char *chain_state_step(ChainState *life, const AuditEntry *entry, const AuditBody *body, int *error)
{
        if (!adoption_fits(life, entry, body))
                return "it does not name the manifest by which the key before it was adopted";

        switch (entry->type) {
        case AUDIT_GENESIS:
        case AUDIT_ADOPT:
                return chain_state_step_keys(life, entry, body);
        case AUDIT_ROOT:
                return on_root(life, body);
        case AUDIT_MANIFEST:
                return on_manifest(life, body);
        case AUDIT_REQUEST_ACCEPTED:
                return on_accepted(life, entry, body, error);
        case AUDIT_REQUEST_STARTED:
                return on_started(life, body);
        case AUDIT_REQUEST_FINISHED:
                return on_finished(life, body);
        default:
                return NULL;
        }
}
