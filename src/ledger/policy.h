/* SPDX-License-Identifier: MIT */
#pragma once

/* The policy of the device: the root, the manifest and the ceiling of the machine. Root and manifest are
 * stored as envelopes, and verified again whenever they are loaded. */

#include "audit/ledger-database.h"
#include "trust/ceiling.h"

typedef struct Policy {
        Root *root; /* NULL: none yet */
        Sha256 root_digest;

        Manifest *manifest;  /* NULL: none, or its key is no longer in the root */
        ManifestFloor floor; /* also if the manifest is NULL */
        uint64_t confirmed_at_ms;

        Ceiling *ceiling; /* NULL: allows nothing */
        bool outside;     /* the manifest exceeds the ceiling, which was lowered since */
        char problem[256]; /* with the ceiling, for a person: "/etc/devbox/ceiling.yaml:3: …"; empty: none */
} Policy;

/* Loads root and manifest. The caller releases the policy also after a failure.
 * Errors: -EUCLEAN the stored documents are damaged; those of a database. */
int policy_load(Policy *policy, Database *database);
void policy_done(Policy *policy);

/* Loads the ceiling again. A file that is missing, invalid or writable by others than root is no ceiling;
 * then `problem` has the reason. Errors: -ENOMEM. */
int policy_load_ceiling(Policy *policy, const char *path);

/* Checks the stored manifest against root and ceiling. Errors: -EUCLEAN, -ENOMEM; those of a database. */
int policy_review(Policy *policy, Database *database);
