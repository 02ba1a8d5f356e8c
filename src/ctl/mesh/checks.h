/* SPDX-License-Identifier: MIT */
#pragma once

/* What can be wrong with this machine in the network, each with its cure: for doctor, and where a command
 * ends with what to do next. */

#include "ctl/mesh/mesh-client.h"

typedef enum FindingState { FINDING_OK, FINDING_NOTE, FINDING_BAD, _FINDING_STATE_MAX } FindingState;

extern const char *const finding_state_names[_FINDING_STATE_MAX]; /* "ok", "note", "bad" */

typedef struct Finding {
        FindingState state;
        char text[256], cure[256]; /* empty: nothing to do */
} Finding;

typedef struct CheckContext {
        sd_bus *bus;
        const MeshStatus *mesh;
        const ClientRows *peers; /* of MeshPeer */
        uint64_t now_ms;
        bool local; /* the bus is that of this machine: its files and addresses can be looked at */
} CheckContext;

typedef struct Check {
        const char *name; /* "clock" */
        bool needs_local;
        int (*run)(const CheckContext *context, Finding *ret_finding); /* Errors: -ENOMEM. */
} Check;

extern const Check checks[];
extern const size_t n_checks;

int check_clock(const CheckContext *context, Finding *ret_finding);
