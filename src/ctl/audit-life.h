/* SPDX-License-Identifier: MIT */
#pragma once

/* What entries say, and whether it can have happened, by the chain alone: a chain begins with its own name;
 * roots and manifests only go forward; a request is accepted once, under the manifest in force, then
 * started, then finished. */

#include "ctl/audit-once.h"
#include "ctl/audit-verify.h"
#include "proto/audit-body.h"

typedef struct AuditLife {
        const AuditIdentity *identity;
        const AuditRoot *roots;
        size_t n_roots;

        AuditOnce once;
        PublicKey *device_keys; /* all it has had; the last is the one it has */
        size_t n_device_keys;
        size_t n_accepted;

        Sha256 first_root;
        int64_t root_version, epoch; /* 0: no root yet */
        const Root *root;            /* NULL: not one of the auditor's */
        RequestManifest manifest;    /* the last; version 0: none yet */
        bool in_force;               /* it was not taken back */
} AuditLife;

void audit_life_done(AuditLife *life);

/* NULL, or why the entry cannot stand there. `*error` is set to -ENOMEM if that is what happened. */
const char *audit_life_step(AuditLife *life, const AuditEntry *entry, const AuditBody *body, int *error);
