/* SPDX-License-Identifier: MIT */
#pragma once

/* What the device obeys, and how it changes: enrolment, roots, manifests, the clock. Errors as in
 * ledger/ledger.h. */

#include "ledger/ledger.h"

typedef struct Enrolment {
        const char *device;
        ChainId chain;
        const char *root;    /* an envelope */
        Sha256 root_sha256;  /* of the root to trust */
        Sha256 token_sha256; /* zero: enrolled by hand */
        int64_t lost_size;   /* of the chain that this one goes on after, if that was lost */
        Sha256 lost_head;
} Enrolment;

/* Begins the chain. The same again changes nothing. Errors: DEVBOX_ERROR_ENROLLED_OTHERWISE there is a chain
 * of another device or id, or another root; ROOT_CHAIN, BAD_ENVELOPE, BAD_SCHEMA, BAD_REQUEST. */
int ledger_enroll(Ledger *ledger, const Enrolment *enrolment);

/* The next root, or the current one again. Errors: DEVBOX_ERROR_NOT_ENROLLED and those of
 * root_accept_next(). */
int ledger_install_root(Ledger *ledger, const char *envelope);

typedef struct ManifestInstalled {
        int64_t epoch, version;
        bool unchanged, gap;
        char fault[256]; /* with BAD_SCHEMA, MANIFEST_CEILING: where and why */
} ManifestInstalled;

/* Errors: DEVBOX_ERROR_NOT_ENROLLED and those of manifest_accept(); MANIFEST_FORK is also the last one again
 * after the root made it void, whoever signed it now: the next has a higher version. */
int ledger_install_manifest(Ledger *ledger, const char *envelope, ManifestInstalled *ret_installed);

/* The operator of this machine says that its clock is right although it stands before the floor of time. By
 * the clock that was wrong, requests may have been forgotten that have not expired by the right one: all
 * that were issued before this moment have expired from now on. */
int ledger_accept_clock(Ledger *ledger);
