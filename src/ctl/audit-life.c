/* SPDX-License-Identifier: MIT */
/* What entries say, and whether it can have happened. */

#include "ctl/audit-life.h"

void audit_life_done(AuditLife *life)
{
        audit_once_done(&life->once);
        free(life->device_keys);
        life->device_keys = NULL;
}

/* ---- requests */

static const char *take_approvals(AuditLife *life, const AuditEntry *entry, const AuditBody *body,
                                  int *error)
{
        for (size_t i = 0; i < body->approvals.n; i++) {
                Bytes digest = BYTES_OF(body->approvals.items[i].sha256.bytes);

                if (audit_once_find(&life->once, digest))
                        return "an approval is used for the second time";

                *error = audit_once_use(&life->once, digest, entry->time_ms, NULL);
                if (*error < 0)
                        return NULL;
        }

        return NULL;
}

static const char *on_accepted(AuditLife *life, const AuditEntry *entry, const AuditBody *body, int *error)
{
        Bytes id = bytes_of_string(body->request_id);
        AuditUsed *request;

        if (!life->in_force || body->manifest.epoch != life->manifest.epoch ||
            body->manifest.version != life->manifest.version ||
            !sha256_equal(&body->manifest.sha256, &life->manifest.sha256))
                return "a request is accepted under another manifest than the one in force";
        if (audit_once_find(&life->once, id))
                return "a request is accepted for the second time";

        *error = audit_once_use(&life->once, id, entry->time_ms, &request);
        if (*error < 0)
                return NULL;

        request->digest = body->request_sha256;
        request->stage = STAGE_ACCEPTED;
        life->n_accepted++;
        return take_approvals(life, entry, body, error);
}

static const char *on_started(AuditLife *life, const AuditBody *body)
{
        AuditUsed *request = audit_once_find(&life->once, bytes_of_string(body->request_id));

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

static const char *on_finished(AuditLife *life, const AuditBody *body)
{
        AuditUsed *request = audit_once_find(&life->once, bytes_of_string(body->request_id));

        if (!request || request->stage == STAGE_USED)
                return request ? "a request finishes for the second time"
                               : "a request finishes that was never accepted";
        if (!sha256_equal(&request->digest, &body->request_sha256))
                return "another request finishes than the one of this id that was accepted";

        request->stage = STAGE_USED;
        return NULL;
}

/* ---- the device's keys */

static const char *add_key(AuditLife *life, const PublicKey *key, int *error)
{
        PublicKey *grown = realloc(life->device_keys, (life->n_device_keys + 1) * sizeof *grown);

        if (!grown) {
                *error = -ENOMEM;
                return NULL;
        }

        life->device_keys = grown;
        life->device_keys[life->n_device_keys++] = *key;
        return NULL;
}

static const char *on_adopt(AuditLife *life, const AuditBody *body, int *error)
{
        if (life->n_device_keys == 0 ||
            !public_key_equal(&life->device_keys[life->n_device_keys - 1], &body->old_key))
                return "it adopts a key in the place of one that the device did not have";

        return add_key(life, &body->key, error);
}

/* ---- roots and manifests */

/* The auditor's root of this digest; NULL: there is none. */
static const AuditRoot *find_root(const AuditLife *life, const Sha256 *digest)
{
        for (size_t i = 0; i < life->n_roots; i++)
                if (sha256_equal(&life->roots[i].digest, digest))
                        return &life->roots[i];

        return NULL;
}

static const char *on_genesis(AuditLife *life, const AuditBody *body, int *error)
{
        if (!streq(body->device, life->identity->device) ||
            memcmp(&body->chain, &life->identity->chain, sizeof body->chain) != 0)
                return "it is the beginning of another chain";
        if (life->n_roots > 0 && !find_root(life, &body->sha256))
                return "it began under a root that --root does not give; it needs every root there was";

        life->first_root = body->sha256;
        return add_key(life, &body->key, error);
}

static const char *on_root(AuditLife *life, const AuditBody *body)
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
        return NULL;
}

static const char *on_manifest(AuditLife *life, const AuditBody *body)
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

const char *audit_life_step(AuditLife *life, const AuditEntry *entry, const AuditBody *body, int *error)
{
        audit_once_forget(&life->once, entry->time_ms);

        switch (entry->type) {
        case AUDIT_GENESIS:
                return on_genesis(life, body, error);
        case AUDIT_ADOPT:
                return on_adopt(life, body, error);
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
