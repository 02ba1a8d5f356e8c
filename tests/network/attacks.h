/* SPDX-License-Identifier: MIT */
#pragma once

/* The attacks as rows: how each is made, and what must become of it. */

#include "forge.h"

/* The entries about a request that an attack leaves. */
#define COUNTED ""
#define RAN     "accepted started finished"

typedef enum Damage { NO_DAMAGE, TYPE, CONTENT, SIGNATURE, MALLEATED, UNSIGNED, SIGNED_OFTEN } Damage;

/* Members of a manifest or a root with their new values, as JSON. */
typedef struct Members {
        struct {
                const char *name, *value;
        } items[EDITS_MAX];
} Members;

typedef struct Attack {
        const char *name;
        const char *expected; /* the code; "": it is none, and runs */
        const char *entries;  /* NULL: one, "denied" */

        Members manifest; /* of one that is installed before */
        unsigned wait_sec;
        bool new_session;

        bool same_id, same_nonce, same_request, same_delivery; /* as in the row before */
        Edits request, delivery, approvals[2];
        Edits altered; /* of the request, after it was approved */
        Signer request_signer, delivery_signer;
        Signer approval_signers[2]; /* 0: the attester */
        size_t n_approvals;
        Damage request_damage, delivery_damage;
        void (*replace)(const Forge *forge, Bundle *bundle);
} Attack;

/* A root or a manifest that the device must not take. */
typedef struct Document {
        const char *name, *expected, *entries;
        bool root;
        Members members;
        Signer signer;
        bool signed_twice;
} Document;

/* Each ends with a row without a name. */
extern const Attack attacks[];
extern const Document documents[];

/* For the member `replace`. */
void replace_by_manifest(const Forge *forge, Bundle *bundle);
void replace_by_manifest_content(const Forge *forge, Bundle *bundle);
void replace_by_delivery(const Forge *forge, Bundle *bundle);
