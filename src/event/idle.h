/* SPDX-License-Identifier: MIT */
#pragma once

/* Detects idleness. Being busy costs one store; the timer looks only when it could be
 * time. */

#include <systemd/sd-event.h>

#include "basic/time.h"

typedef struct Idle Idle;

/* Called when idle_touch() was not, for the span. The handler decides: end the loop, or return 0 to be
 * called again after another span. A negative return ends the loop with that error. */
typedef int (*idle_handler_t)(void *owner);

struct Idle {
        sd_event_source *timer;
        usec_t after_usec;
        usec_t touched_at_usec; /* CLOCK_MONOTONIC, as of the loop's current iteration */
        idle_handler_t on_idle;
        void *owner;
};

/* `after_usec` of 0 or USEC_INFINITY: never. */
int idle_init(Idle *idle, sd_event *event, usec_t after_usec, idle_handler_t on_idle, void *owner);
void idle_done(Idle *idle);

void idle_touch(Idle *idle);
int idle_set_after(Idle *idle, usec_t after_usec);
