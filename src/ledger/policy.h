/* SPDX-License-Identifier: MIT */
#pragma once

/* What this device obeys: the root, the manifest it signed for, and the machine's own ceiling. Each is kept
 * as the envelope that came, and verified anew whenever it is read. */

#include "audit/ledger-database.h"
#include "trust/ceiling.h"

typedef struct Policy {
        Root *root; /* NULL: none yet */
        Sha256 root_digest;

        Manifest *manifest;  /* NULL: none, or the root has made it void */
        ManifestFloor floor; /* also of one that is void */
        uint64_t confirmed_at_ms;

        Ceiling *ceiling; /* NULL: nothing is inside */
        bool outside;     /* the manifest goes beyond a ceiling that was lowered since */
        char problem[256]; /* with the ceiling, for a person: "/etc/devbox/ceiling.yaml:3: …"; empty: none */
} Policy;

/* Reads what the database has. The caller releases the policy also after a failure.
 * Errors: -EUCLEAN what is stored is not what was stored; those of a database. */
int policy_load(Policy *policy, Database *database);
void policy_done(Policy *policy);

/* Reads the ceiling anew. A file that is absent, wrong, or that others than root may write, is no ceiling:
 * then `problem` says why. Errors: -ENOMEM. */
int policy_load_ceiling(Policy *policy, const char *path);

/* Whether the manifest stands under the root, and under the ceiling. Errors: -ENOMEM. */
int policy_review(Policy *policy, Database *database);
