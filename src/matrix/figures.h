/* SPDX-License-Identifier: MIT */
#pragma once

/* What the daemon is doing, for people and for metrics. */

#include "matrix/daemon-internal.h"

typedef struct Figures {
        const char *state, *fault; /* names; fault: NULL: none */
        bool ready;                /* messages are encrypted and sent */
        uint64_t rooms, rooms_wanted, unsent, undecryptable, skipped, last_sync_ms;
} Figures;

/* Errors: those of store/database.h. */
int matrix_figures_read(const MatrixDaemon *self, Figures *ret_figures);
