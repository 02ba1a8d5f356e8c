/* SPDX-License-Identifier: MIT */
#pragma once

/* Counters of devbox-api: responses by route and status, actions by outcome. */

#include "http/route.h"

/* The routes, and one more for requests that matched none. */
#define COUNTERS_ROUTES_MAX 24

/* All statuses that proto/error.c and the handlers use. */
#define COUNTERS_STATUSES_MAX 16

/* The tag of a route: what needs the token; see actions.c. */
typedef enum ActionKind {
        ACTION_NONE,
        ACTION_RESTART,
        ACTION_RUN_TESTS,
        ACTION_READ_MESH,
        ACTION_REVOKE_PEER,
        ACTION_READ_REQUESTS,
        ACTION_READ_AUDIT,
        ACTION_APPROVE,
        ACTION_DENY,
        _ACTION_KIND_MAX,
} ActionKind;

typedef enum ActionOutcome {
        ACTION_ACCEPTED,
        ACTION_DENIED, /* no or a wrong token, or actions are disabled */
        ACTION_FAILED, /* allowed, but failed */
        _ACTION_OUTCOME_MAX,
} ActionOutcome;

const char *action_kind_to_string(ActionKind kind);
const char *action_outcome_to_string(ActionOutcome outcome);

typedef struct Counters {
        unsigned statuses[COUNTERS_STATUSES_MAX]; /* in the order of their first use */
        uint64_t answers[COUNTERS_ROUTES_MAX][COUNTERS_STATUSES_MAX];
        uint64_t answers_total;
        uint64_t actions[_ACTION_KIND_MAX][_ACTION_OUTCOME_MAX];
} Counters;

/* `route` is the index in the route table, or the number of routes for none. */
void counters_count_answer(Counters *counters, size_t route, unsigned status);
