/* SPDX-License-Identifier: MIT */
#pragma once

/* Tells CPU use over the last whole window, one for all clients.
 *
 * Two readings of the counters make a window. While somebody asks, a reading is taken each second; when
 * nobody asked for 30 s the sampler rests and costs nothing. The first answer after a rest waits for a
 * window of 250 ms, so that it is never a meaningless 0.0. */

#include <systemd/sd-event.h>

#include "collector/system.h"

typedef struct Sampler Sampler;

typedef enum SamplerAnswer {
        SAMPLER_READY,
        SAMPLER_WAIT, /* the first window is not whole yet: on_window() will be called */
} SamplerAnswer;

typedef struct SamplerOptions {
        usec_t first_window_usec, window_usec, rest_after_usec; /* 0: 250 ms, 1 s, 30 s */
        void (*on_window)(int result, void *owner); /* 0: the first window stands; < 0: /proc/stat failed */
        void *owner;
} SamplerOptions;

/* Borrows `system`. */
int sampler_new(sd_event *event, System *system, const SamplerOptions *options, Sampler **ret_sampler);
Sampler *sampler_free(Sampler *sampler);
DEFINE_CLEANUP(Sampler, sampler_free);

/* Notes that somebody asks, and starts the sampler if it rests. Returns a SamplerAnswer. Errors: those of
 * system_read_cpu(). */
int sampler_ask(Sampler *sampler);

/* Use over the last whole window; only after SAMPLER_READY or on_window(0). */
double sampler_cpu_percent(const Sampler *sampler);

bool sampler_running(const Sampler *sampler);
