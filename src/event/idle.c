/* SPDX-License-Identifier: MIT */
/* Detects idleness. */

#include "event/idle.h"

#include "basic/macro.h"

static bool idle_enabled(const Idle *idle)
{
        return idle->after_usec != 0 && idle->after_usec != USEC_INFINITY;
}

static int idle_arm(Idle *idle)
{
        if (!idle_enabled(idle))
                return sd_event_source_set_enabled(idle->timer, SD_EVENT_OFF);

        int r = sd_event_source_set_time(idle->timer, idle->touched_at_usec + idle->after_usec);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(idle->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        Idle *idle = userdata;
        sd_event *event = sd_event_source_get_event(source);
        usec_t now_usec;

        /* Not due_usec, which is when the timer was set for: there may have been activity since, even in
         * this very iteration of the loop. */
        int r = sd_event_now(event, CLOCK_MONOTONIC, &now_usec);
        if (r < 0)
                return r;

        if (now_usec - idle->touched_at_usec >= idle->after_usec) {
                r = idle->on_idle(idle->owner);
                if (r < 0)
                        return sd_event_exit(event, r);
                idle_touch(idle);
        }

        return idle_arm(idle);
}

int idle_init(Idle *idle, sd_event *event, usec_t after_usec, idle_handler_t on_idle, void *owner)
{
        *idle = (Idle){ .on_idle = on_idle, .owner = owner };

        int r = sd_event_add_time_relative(event, &idle->timer, CLOCK_MONOTONIC, USEC_PER_SEC, 0, on_timer,
                                           idle);
        if (r < 0)
                return r;

        idle_touch(idle);
        return idle_set_after(idle, after_usec);
}

void idle_done(Idle *idle)
{
        idle->timer = sd_event_source_disable_unref(idle->timer);
}

void idle_touch(Idle *idle)
{
        (void) sd_event_now(sd_event_source_get_event(idle->timer), CLOCK_MONOTONIC, &idle->touched_at_usec);
}

int idle_set_after(Idle *idle, usec_t after_usec)
{
        idle->after_usec = after_usec;
        return idle_arm(idle);
}
