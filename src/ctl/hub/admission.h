/* SPDX-License-Identifier: MIT */
#pragma once

/* From a claimed invitation to a device of the network. Each step can be repeated after a crash. Functions
 * return 0, or a DevboxError with the detail in `ctl->problem`. Errors: -ENOMEM. */

#include "ctl/hub/session.h"
#include "ctl/progress.h"

typedef struct Admission {
        HubSession *session;
        const Progress *progress;
        const char *name;
        const char *manifest_path;
        const char *digits; /* those on the device's screen; NULL: ask the person here */
        bool yes;           /* a bound invitation needs no question */
} Admission;

/* The open invitation of the name, of which there is one at most; `ret_pending` is NULL if there is none. It
 * is borrowed from the rows, which the caller frees. */
int admission_find(const Admission *admission, ClientRows *ret_rows, const MeshPending **ret_pending);

/* Waits until the invitation is claimed, for as long as it is open. */
int admission_wait(const Admission *admission, ClientRows *ret_rows, const MeshPending **ret_pending);

/* No invitation of the name is open: waits for a device that was admitted before. */
int admission_continue(const Admission *admission);

/* Compares the digits, signs the manifest for the device's key, admits the device and waits for its first
 * handshake. */
int admission_complete(const Admission *admission, const MeshPending *pending);
