/* SPDX-License-Identifier: MIT */
#pragma once

/* Runs of devbox-selftest.service, the only unit that the api can start, and the result of the last one.
 *
 * The api keeps no state of a run: its id is the unit's InvocationID, and systemd has the rest. So a run
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

/* The result of an operation: the run, or (> 0) a DevboxError and perhaps its details. */
typedef struct SelftestAnswer {
        const SelftestRun *run;
        int reason;
        const char *detail;
} SelftestAnswer;

typedef void (*selftest_answer_t)(const SelftestAnswer *answer, void *userdata);

int selftest_new(Selftest **ret_selftest);

/* Pending operations end without an answer. */
Selftest *selftest_free(Selftest *selftest);
DEFINE_CLEANUP(Selftest, selftest_free);

/* As bus_client_attach() and bus_client_detach(). */
void selftest_attach(Selftest *selftest, sd_bus *bus);
void selftest_detach(Selftest *selftest);

/* Both end in exactly one call of `answer`, perhaps before they return. Starting while a run is under way
 * gives that run. Reasons: DEVBOX_ERROR_BUSY, _BUS_UNAVAILABLE, _SYSTEMD_UNAVAILABLE, _JOB_NOT_FOUND,
 * _INTERNAL. */
void selftest_start(Selftest *selftest, selftest_answer_t answer, void *userdata);
void selftest_query(Selftest *selftest, const char *id, selftest_answer_t answer, void *userdata);
