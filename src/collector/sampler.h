/* SPDX-License-Identifier: MIT */
#pragma once

/* CPU use over the last complete window, the same for all clients.
 *
 * A window is the time between two readings of the counters. While there are requests, a reading is taken
 * each second; after 30 s without one the sampler stops its timer. The first request after that waits for a
 * window of 250 ms, so that it never gets a meaningless 0.0. */

#include <systemd/sd-event.h>

#include "collector/system.h"

typedef struct Sampler Sampler;

typedef enum SamplerAnswer {
        SAMPLER_READY,
        SAMPLER_WAIT, /* the first window is not complete: on_window() will be called */
} SamplerAnswer;

typedef struct SamplerOptions {
        usec_t first_window_usec, window_usec, stop_after_usec; /* 0: 250 ms, 1 s, 30 s */
        void (*on_window)(void *owner);                         /* the first window is complete, or failed */
        void *owner;
} SamplerOptions;

/* Borrows `system`. */
int sampler_new(sd_event *event, System *system, const SamplerOptions *options, Sampler **ret_sampler);
Sampler *sampler_free(Sampler *sampler);
DEFINE_CLEANUP(Sampler, sampler_free);

/* Registers a request, and starts the sampler if it is stopped. Returns a SamplerAnswer. Errors: those of
 * system_read_cpu(). */
int sampler_request(Sampler *sampler);

/* Use over the last complete window, 0 to 100; not a number if /proc/stat could not be read. */
double sampler_cpu_percent(const Sampler *sampler);

bool sampler_running(const Sampler *sampler);
