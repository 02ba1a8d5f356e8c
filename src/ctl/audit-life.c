/* SPDX-License-Identifier: MIT */
/* What entries say, and whether it can have happened. */

#include "ctl/audit-life.h"

#include <search.h>

#include "proto/audit-body.h"

typedef struct OpenRequest {
        char id[ULID_SIZE];
        Sha256 digest;
        bool started;
} OpenRequest;

static int compare(const void *a, const void *b)
{
        return strcmp(((const OpenRequest *) a)->id, ((const OpenRequest *) b)->id);
}

void audit_life_done(AuditLife *life)
{
        tdestroy(life->open, free);
        free(life->device_keys);
        life->open = NULL;
        life->device_keys = NULL;
}

static OpenRequest *find(AuditLife *life, const char *id)
{
        OpenRequest like = { 0 };

        memcpy(like.id, id, ULID_SIZE); /* the schema has made sure of its length */
        OpenRequest **found = tfind(&like, &life->open, compare);
        return found ? *found : NULL;
}

static const char *on_accepted(AuditLife *life, const AuditBody *body, int *error)
{
        if (find(life, body->request_id))
                return "a request is accepted that was already accepted and has not finished";

        OpenRequest *request = calloc(1, sizeof *request);
        if (request) {
                memcpy(request->id, body->request_id, ULID_SIZE);
                request->digest = body->request_sha256;
        }
        if (!request || !tsearch(request, &life->open, compare)) {
                free(request);
                *error = -ENOMEM;
        }

        return NULL;
}

static const char *on_started(AuditLife *life, const AuditBody *body)
{
        OpenRequest *request = find(life, body->request_id);

        if (!request || request->started)
                return request ? "a request is started for the second time"
                               : "a request is started that was never accepted";
        if (!sha256_equal(&request->digest, &body->request_sha256))
                return "another request is started than the one of this id that was accepted";

        request->started = true;
        return NULL;
}

static const char *on_finished(AuditLife *life, const AuditBody *body)
{
        OpenRequest *request = find(life, body->request_id);

        if (!request)
                return "a request finishes that was never accepted";
        if (!sha256_equal(&request->digest, &body->request_sha256))
                return "another request finishes than the one of this id that was accepted";

        (void) tdelete(request, &life->open, compare);
        free(request);
        return NULL;
}

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

static const char *check_root(const AuditLife *life, int64_t version, const Sha256 *digest)
{
        bool known = life->n_roots == 0;

        for (size_t i = 0; i < life->n_roots; i++) {
                bool same = sha256_equal(&life->roots[i].digest, digest);

                if (version == life->roots[i].version && !same)
                        return "it names a root of that version which is not the auditor's";
                known = known || same;
        }

        return version > 0 || known ? NULL : "the chain began under a root that the auditor does not have";
}

static const char *on_genesis(AuditLife *life, const AuditBody *body, int *error)
{
        if (!streq(body->device, life->identity->device) ||
            memcmp(&body->chain, &life->identity->chain, sizeof body->chain) != 0)
                return "it is the beginning of another chain";

        const char *why = check_root(life, 0, &body->sha256);
        return why ? why : add_key(life, &body->key, error);
}

static const char *on_adopt(AuditLife *life, const AuditBody *body, int *error)
{
        if (life->n_device_keys == 0 ||
            !public_key_equal(&life->device_keys[life->n_device_keys - 1], &body->old_key))
                return "it adopts a key in the place of one that the device did not have";

        return add_key(life, &body->key, error);
}

static const char *judge(AuditLife *life, uint16_t type, const AuditBody *body, int *error)
{
        switch (type) {
        case AUDIT_GENESIS:
                return on_genesis(life, body, error);
        case AUDIT_ADOPT:
                return on_adopt(life, body, error);
        case AUDIT_ROOT:
                return check_root(life, body->version, &body->sha256);
        case AUDIT_REQUEST_ACCEPTED:
                return on_accepted(life, body, error);
        case AUDIT_REQUEST_STARTED:
                return on_started(life, body);
        case AUDIT_REQUEST_FINISHED:
                return on_finished(life, body);
        default:
                return NULL;
        }
}

const char *audit_life_step(AuditLife *life, const AuditEntry *entry, bool keys_only, int *error)
{
        AuditBody *body;

        if (keys_only && entry->type != AUDIT_GENESIS && entry->type != AUDIT_ADOPT)
                return NULL;

        int r = audit_body_parse((AuditType) entry->type, entry->body, &body, NULL);
        if (r < 0)
                *error = r;
        if (r != 0)
                return r > 0 ? "it does not say what an entry of its type must say" : NULL;

        const char *why = judge(life, entry->type, body, error);
        audit_body_free((AuditType) entry->type, body);
        return why;
}
