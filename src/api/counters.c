/* SPDX-License-Identifier: MIT */
/* Counters of devbox-api. */

#include "api/counters.h"

static const char *const action_kinds[_ACTION_KIND_MAX] = {
        [ACTION_RESTART] = "restart",
        [ACTION_RUN_TESTS] = "run-tests",
        [ACTION_READ_MESH] = "read-mesh",
        [ACTION_REVOKE_PEER] = "revoke-peer",
        [ACTION_READ_REQUESTS] = "read-requests",
        [ACTION_READ_AUDIT] = "read-audit",
        [ACTION_APPROVE] = "approve",
        [ACTION_DENY] = "deny",
};

static const char *const action_outcomes[_ACTION_OUTCOME_MAX] = {
        [ACTION_ACCEPTED] = "accepted",
        [ACTION_DENIED] = "denied",
        [ACTION_FAILED] = "failed",
};

const char *action_kind_to_string(ActionKind kind)
{
        return action_kinds[kind];
}

const char *action_outcome_to_string(ActionOutcome outcome)
{
        return action_outcomes[outcome];
}

void counters_count_answer(Counters *counters, size_t route, unsigned status)
{
        assert(route < COUNTERS_ROUTES_MAX);

        counters->answers_total++;
        for (size_t i = 0; i < COUNTERS_STATUSES_MAX; i++) {
                if (counters->statuses[i] == 0)
                        counters->statuses[i] = status;
                if (counters->statuses[i] == status) {
                        counters->answers[route][i]++;
                        return;
                }
        }
}
