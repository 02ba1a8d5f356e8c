/* SPDX-License-Identifier: MIT */
#pragma once

/* What the api counts of its own work. */

#include "http/route.h"

/* Routes and one more for the requests that matched none. */
#define COUNTERS_ROUTES_MAX 16

/* The statuses that are ever answered: proto/error.c and the handlers. */
#define COUNTERS_STATUSES_MAX 16

/* The tag of a route: what it does, if anything; actions need the token. */
typedef enum ActionKind {
        ACTION_NONE,
        ACTION_RESTART,
        ACTION_RUN_TESTS,
        _ACTION_KIND_MAX,
} ActionKind;

typedef enum ActionOutcome {
        ACTION_ACCEPTED,
        ACTION_DENIED, /* no token, a wrong one, or actions are off */
        ACTION_FAILED, /* allowed, but it could not be done */
        _ACTION_OUTCOME_MAX,
} ActionOutcome;

const char *action_kind_to_string(ActionKind kind);
const char *action_outcome_to_string(ActionOutcome outcome);

typedef struct Counters {
        unsigned statuses[COUNTERS_STATUSES_MAX]; /* in the order of their first answer */
        uint64_t answers[COUNTERS_ROUTES_MAX][COUNTERS_STATUSES_MAX];
        uint64_t answers_total;
        uint64_t actions[_ACTION_KIND_MAX][_ACTION_OUTCOME_MAX];
} Counters;

/* `route` is the row of the table, or the one past its last for none. */
void counters_count_answer(Counters *counters, size_t route, unsigned status);
