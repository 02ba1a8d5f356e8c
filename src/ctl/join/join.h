/* SPDX-License-Identifier: MIT */
#pragma once

/* The steps by which this machine joins a network, in this order. The daemons keep each step before it
 * returns: after a failure or a crash, all of them again go on from there. Functions return 0, or a
 * DevboxError with the detail in `ctl->problem`. Errors: -ENOMEM, of writing. */

#include "ctl/device/ledger-client.h"
#include "ctl/join/join-client.h"
#include "ctl/progress.h"
#include "trust/manifest.h"

typedef struct Join {
        Ctl *ctl;
        Progress progress;
        bool yes; /* join without a question; the ceiling stays as it is */

        sd_bus *bus; /* that of ctl */
        MeshStatus mesh;
        DeviceStatus ledger;
        Token token;
        bool has_token; /* else a join that was begun goes on */
        JoinClaim sealed;
        JoinOpened opened;
        size_t first_root;  /* of opened.roots: the one that the invitation names */
        Root *root;         /* the current one, verified */
        Manifest *manifest; /* verified, but for the ceiling */
} Join;

void join_done(Join *join);

/* What this machine is already. Sets `ret_joined` if there is nothing left to do. */
int join_look(Join *join, bool *ret_joined);

int join_ask(Join *join);      /* shows the network and asks the person */
int join_claim(Join *join);    /* makes the keys and the claim */
int join_wait(Join *join);     /* sends the claim until the operator has admitted it */
int join_verify(Join *join);   /* roots, manifest */
int join_fit(Join *join);      /* the manifest within the ceiling; join-ceiling.c */
int join_install(Join *join);  /* the ledger obeys them */
int join_complete(Join *join); /* the device's own tunnel; the hub answers in it */
int join_start(Join *join);    /* services, unless they run */
int join_files(Join *join);    /* directories that are closed to devbox, or missing; join-files.c */
