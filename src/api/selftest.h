/* SPDX-License-Identifier: MIT */
#pragma once

/* Runs of devbox-selftest.service, the one unit that the api may start, and what became of the last.
 *
 * Nothing of it is kept here: a run is known by the unit's InvocationID, and systemd keeps the rest. So it
 * outlives an idle exit of the api. Source: org.freedesktop.systemd1(5). */

#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "basic/time.h"

typedef struct Selftest Selftest;

typedef struct SelftestRun {
        char id[33]; /* 32 hexadecimal digits; empty: there was none since boot */
        bool running;
        char result[32];   /* "success", "exit-code", "timeout", …; only once it is not running */
        int32_t exit_code; /* -1: it did not end by itself */
        usec_t started_at_usec, finished_at_usec; /* CLOCK_REALTIME; 0: not yet */
} SelftestRun;

/* What an operation brought: the run, or (> 0) a DevboxError and perhaps its details. */
typedef struct SelftestAnswer {
        const SelftestRun *run;
        int reason;
        const char *detail;
} SelftestAnswer;

typedef void (*selftest_answer_t)(const SelftestAnswer *answer, void *userdata);

int selftest_new(Selftest **ret_selftest);

/* Operations under way are forgotten. */
Selftest *selftest_free(Selftest *selftest);
DEFINE_CLEANUP(Selftest, selftest_free);

/* As for collector_client_attach() and _detach(). */
void selftest_attach(Selftest *selftest, sd_bus *bus);
void selftest_detach(Selftest *selftest);

/* Both end in exactly one call of `answer`, perhaps before they return. Starting while a run is under way
 * gives that run. Reasons: DEVBOX_ERROR_BUSY, _BUS_UNAVAILABLE, _SYSTEMD_UNAVAILABLE, _JOB_NOT_FOUND,
 * _INTERNAL. */
void selftest_start(Selftest *selftest, selftest_answer_t answer, void *userdata);
void selftest_query(Selftest *selftest, const char *id, selftest_answer_t answer, void *userdata);
