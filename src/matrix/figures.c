/* SPDX-License-Identifier: MIT */
/* What the daemon is doing. */

#include "matrix/figures.h"

#include "store/query.h"

static int read_session(const MatrixDaemon *self, Figures *figures)
{
        E2eeFault fault = E2EE_FAULT_NONE;

        if (!self->session) {
                figures->state = "logged_out";
                return 0;
        }
        figures->state = session_state_to_string(session_state(self->session));
        figures->last_sync_ms = session_last_sync_ms(self->session);
        int r = e2ee_fault(session_e2ee(self->session), &fault);
        figures->fault = session_fault(self->session) ?: e2ee_fault_to_string(fault);
        if (r == 0)
                r = e2ee_is_ready(session_e2ee(self->session));
        figures->ready = r > 0;
        return MIN(r, 0);
}

static int count(Database *database, const char *sql, uint64_t *ret_n)
{
        int64_t n = 0;

        int r = query_integer(database, &n, sql, "");
        *ret_n = (uint64_t) n;
        return MIN(r, 0);
}

int matrix_figures_read(const MatrixDaemon *self, Figures *ret_figures)
{
        Figures figures = { .state = NULL };
        static const char *const counts[] = {
                "SELECT count(*) FROM chat_room WHERE room_id NOT NULL",
                "SELECT count(*) FROM chat_room",
                "SELECT count(*) FROM outbox WHERE error IS NULL",
                "SELECT count(*) FROM parked",
                "SELECT max(id) FROM poison", /* the newest are kept */
        };
        uint64_t *const values[ELEMENTSOF(counts)] = { &figures.rooms, &figures.rooms_wanted,
                                                       &figures.unsent, &figures.undecryptable,
                                                       &figures.skipped };

        int r = read_session(self, &figures);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(counts); i++)
                r = count(self->database, counts[i], values[i]);
        if (r >= 0)
                *ret_figures = figures;
        return r;
}

/* Whether commands can be received and answered. Without an account there are none. After each commit: it
 * counts nothing. */
void matrix_update_health(void *owner)
{
        MatrixDaemon *self = owner;
        Figures figures = { .state = NULL };

        int r = read_session(self, &figures);
        component_set_healthy(&self->component, r >= 0 && !figures.fault &&
                                                        (streq(figures.state, "synced") ||
                                                         streq(figures.state, "logged_out")));
}
