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
        PublicKey device_keys[KEY_SET_MAX]; /* the last that it has had, the nth at (n - 1) % KEY_SET_MAX */
        size_t n_device_keys;               /* in all */
        size_t n_accepted, n_redacted;      /* requests; and those whose arguments are not all there */
        size_t n_unknown_roots;             /* that the auditor does not have, who has some */
        bool adopts;                        /* the entry before: by this manifest */
        Sha256 adopted_by;

        Sha256 first_root;
        int64_t root_version, epoch; /* 0: no root yet */
        const Root *root;            /* NULL: not one of the auditor's */
        RequestManifest manifest;    /* the last; version 0: none yet */
        bool in_force;               /* it was not taken back */
} AuditLife;

void audit_life_done(AuditLife *life);

/* The key that the device has, and all that may have signed for it. */
const PublicKey *audit_life_device_key(const AuditLife *life);
KeySet audit_life_device_keys(const AuditLife *life);

/* Remembers what may be used once, and was not there. NULL, or why it cannot be; `*error` as below. */
const char *audit_life_use(AuditLife *life, Bytes key, uint64_t time_ms, int *error);

/* Only what an entry says about the device's keys, of a chain that is not looked at otherwise. */
const char *audit_life_step_keys(AuditLife *life, const AuditEntry *entry, const AuditBody *body);

/* NULL, or why the entry cannot stand there. `*error` is set to -ENOMEM if that is what happened. */
const char *audit_life_step(AuditLife *life, const AuditEntry *entry, const AuditBody *body, int *error);
