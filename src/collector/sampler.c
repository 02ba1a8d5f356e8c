/* SPDX-License-Identifier: MIT */
/* CPU use over the last complete window. */

#include "collector/sampler.h"

#include <math.h>

#include "collector/cpu.h"

/* How much later the kernel may wake us, to coalesce timers. */
#define ACCURACY_USEC (20 * USEC_PER_MSEC)

typedef enum SamplerState {
        SAMPLER_STOPPED,
        SAMPLER_FIRST, /* one reading, no window yet */
        SAMPLER_RUNNING,
} SamplerState;

struct Sampler {
        System *system;
        SamplerOptions options;
        SamplerState state;
        sd_event_source *timer;
        usec_t requested_at_usec;
        usec_t cpu_usec[_CPU_MODE_MAX]; /* the last reading */
        double percent;
};

static void stop(Sampler *sampler)
{
        sampler->percent = NAN;
        sampler->state = SAMPLER_STOPPED;
        (void) sd_event_source_set_enabled(sampler->timer, SD_EVENT_OFF);
}

static int arm(Sampler *sampler, usec_t after_usec)
{
        int r = sd_event_source_set_time_relative(sampler->timer, after_usec);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(sampler->timer, SD_EVENT_ONESHOT);
}

static int start(Sampler *sampler)
{
        int r = system_read_cpu(sampler->system, sampler->cpu_usec);
        if (r < 0)
                return r;

        r = arm(sampler, sampler->options.first_window_usec);
        if (r < 0)
                return r;

        sampler->state = SAMPLER_FIRST;
        return 0;
}

/* And begins the next. */
static int complete_window(Sampler *sampler)
{
        usec_t cpu_usec[_CPU_MODE_MAX];

        int r = system_read_cpu(sampler->system, cpu_usec);
        if (r < 0)
                return r;

        sampler->percent = cpu_percent(sampler->cpu_usec, cpu_usec);
        memcpy(sampler->cpu_usec, cpu_usec, sizeof sampler->cpu_usec);
        return arm(sampler, sampler->options.window_usec);
}

static int on_timer(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        Sampler *sampler = userdata;
        bool first = sampler->state == SAMPLER_FIRST;

        if (!first &&
            time_now(CLOCK_MONOTONIC) - sampler->requested_at_usec >= sampler->options.stop_after_usec) {
                stop(sampler);
                return 0;
        }

        int r = complete_window(sampler);
        if (r < 0)
                stop(sampler); /* the next request starts it again, or gets the error */
        else
                sampler->state = SAMPLER_RUNNING;

        if (first)
                sampler->options.on_window(sampler->options.owner);
        return 0;
}

int sampler_new(sd_event *event, System *system, const SamplerOptions *options, Sampler **ret_sampler)
{
        _cleanup_(sampler_freep) Sampler *sampler = malloc(sizeof *sampler);

        if (!sampler)
                return -ENOMEM;

        *sampler = (Sampler){ .system = system, .options = *options };
        if (sampler->options.first_window_usec == 0)
                sampler->options.first_window_usec = 250 * USEC_PER_MSEC;
        if (sampler->options.window_usec == 0)
                sampler->options.window_usec = USEC_PER_SEC;
        if (sampler->options.stop_after_usec == 0)
                sampler->options.stop_after_usec = 30 * USEC_PER_SEC;

        int r = sd_event_add_time(event, &sampler->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_timer,
                                  sampler);
        if (r < 0)
                return r;

        stop(sampler);
        *ret_sampler = TAKE_PTR(sampler);
        return 0;
}

Sampler *sampler_free(Sampler *sampler)
{
        if (!sampler)
                return NULL;

        sd_event_source_disable_unref(sampler->timer);
        free(sampler);
        return NULL;
}

int sampler_request(Sampler *sampler)
{
        sampler->requested_at_usec = time_now(CLOCK_MONOTONIC);
        if (sampler->state == SAMPLER_RUNNING)
                return SAMPLER_READY;
        if (sampler->state == SAMPLER_FIRST)
                return SAMPLER_WAIT;

        int r = start(sampler);
        return r < 0 ? r : SAMPLER_WAIT;
}

double sampler_cpu_percent(const Sampler *sampler)
{
        return sampler->percent;
}

bool sampler_running(const Sampler *sampler)
{
        return sampler->state != SAMPLER_STOPPED;
}
