/* SPDX-License-Identifier: MIT */
#pragma once

/* What entries say, and whether it can have happened: a request is accepted, then started, then finished, or
 * denied; a chain begins with its own name. */

#include "ctl/audit-verify.h"

typedef struct AuditLife {
        const AuditIdentity *identity;
        const AuditRoot *roots;
        size_t n_roots;
        void *open; /* a tree of requests that have not finished */
        PublicKey *device_keys;
        size_t n_device_keys;
} AuditLife;

void audit_life_done(AuditLife *life);

/* NULL, or why the entry cannot stand there. `*error` is set to -ENOMEM if that is what happened. With
 * `keys_only` only the device's keys are taken from it. */
const char *audit_life_step(AuditLife *life, const AuditEntry *entry, bool keys_only, int *error);
