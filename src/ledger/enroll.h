/* SPDX-License-Identifier: MIT */
#pragma once

/* Enrolment, roots, manifests and the clock. Errors as in ledger/ledger.h. */

#include "ledger/ledger.h"

/* Signs the body of a claim (trust/claim.h) that names this node's key; also before the enrolment, which
 * follows from it. Errors: DEVBOX_ERROR_BAD_ENVELOPE no such body; WRONG_DEVICE it names another key. */
int ledger_sign_claim(const Ledger *ledger, Bytes body, Signature *ret_signature);

typedef struct Enrolment {
        const char *device;
        ChainId chain;
        const char *root;    /* an envelope */
        Sha256 root_sha256;  /* of the root to trust */
        Sha256 token_sha256; /* zero: enrolled by hand */
        int64_t lost_size;   /* of the lost chain that this one continues */
        Sha256 lost_head;
} Enrolment;

/* Creates the chain. The same enrolment again changes nothing. Errors: DEVBOX_ERROR_ENROLLED_OTHERWISE the
 * chain began with another device, id, root or lost chain, or this hub witnesses a device of that name;
 * ROOT_CHAIN, BAD_ENVELOPE, BAD_SCHEMA, BAD_REQUEST. */
int ledger_enroll(Ledger *ledger, const Enrolment *enrolment);

/* The next root; or the current one again or one before it, which changes nothing. Errors:
 * DEVBOX_ERROR_NOT_ENROLLED and those of root_accept_next(). */
int ledger_install_root(Ledger *ledger, const char *envelope);

typedef struct ManifestInstalled {
        int64_t epoch, version;
        bool unchanged, gap;
        char fault[256]; /* with BAD_SCHEMA, MANIFEST_CEILING: where and why */
} ManifestInstalled;

/* Errors: DEVBOX_ERROR_NOT_ENROLLED and those of manifest_accept(); MANIFEST_FORK also for the last one
 * after the root invalidated it, signed again: the next needs a higher version. */
int ledger_install_manifest(Ledger *ledger, const char *envelope, ManifestInstalled *ret_installed);

/* Lowers the time floor to the clock, which the operator of this machine confirms. The wrong clock may have
 * dropped rows of requests that have not expired by the right one, so requests issued before now are
 * rejected from here on. */
int ledger_accept_clock(Ledger *ledger);
