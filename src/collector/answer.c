/* SPDX-License-Identifier: MIT */
/* How the collector answers: at once if it can. The machine's figures are read for each call, only CPU use
 * has to wait for a first window; questions about units wait for the refresh that answers all of them. */

#include "bus/error.h"
#include "collector/collector-internal.h"
#include "log/log.h"
#include "proto/error.h"
#include "sample/sample-bus.h"

/* The kernel counts CPU time in ticks of 10 ms (at 100 Hz): asked more often it has nothing new to tell,
 * while reading takes 40 us. So a flood of calls costs no more than a hundred readings a second. */
#define SAMPLE_USEC (10 * USEC_PER_MSEC)

/* Makes `sample` that of now. */
static int refresh_sample(Collector *collector)
{
        usec_t began = time_now(CLOCK_MONOTONIC);
        SystemSample sample;

        if (collector->sampled_after_usec == 0 || began - collector->sampled_after_usec >= SAMPLE_USEC) {
                int r = system_read(collector->system, &sample);
                collector_set_system_result(collector, r);
                collector->system_samples++;
                collector->system_usec = time_now(CLOCK_MONOTONIC) - began;
                collector->sampled_after_usec = r < 0 ? 0 : began;
                if (r < 0)
                        return DEVBOX_ERROR_SAMPLE_FAILED;

                system_sample_done(&collector->sample);
                collector->sample = sample;
        }

        collector->sample.cpu_percent = sampler_cpu_percent(collector->sampler);
        return 0;
}

static int append_parts(const Collector *collector, const Call *call, sd_bus_message *reply)
{
        const PartSamples parts = {
                .n_parts = 2,
                .parts = { { .name = (char *) "system",
                             .success = call->system_result == 0,
                             .refresh_usec = collector->system_usec,
                             .refreshed_at_usec = time_now(CLOCK_REALTIME) },
                           { .name = (char *) "services",
                             .success = call->units_result == 0,
                             .refresh_usec = units_refresh_usec(collector->units),
                             .refreshed_at_usec = units_refreshed_at_usec(collector->units) } },
        };

        return part_samples_append(reply, &parts);
}

/* What the call wants, with nothing in the place of a part that failed. */
static int append_results(const Collector *collector, const Call *call, sd_bus_message *reply)
{
        int r = 0;

        if (call_wants_system(call))
                r = call->system_result == 0 ? system_sample_append(reply, &collector->sample)
                                             : sd_bus_message_append(reply, "a{sv}", 0);
        if (r >= 0 && call_wants_units(call))
                r = call->units_result == 0 ? unit_samples_append(reply, units_samples(collector->units))
                                            : sd_bus_message_append(reply, "aa{sv}", 0);
        if (r >= 0 && call->kind == CALL_SNAPSHOT)
                r = append_parts(collector, call, reply);

        return r;
}

static int reply_error(const Call *call, int reason)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_error_set(&error, reason, NULL);
        return sd_bus_reply_method_error(call->message, &error);
}

static int reply(Collector *collector, Call *call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (call_wants_system(call) && call->system_result == 0)
                call->system_result = refresh_sample(collector);
        if (call->kind == CALL_SYSTEM && call->system_result != 0)
                return reply_error(call, call->system_result);
        if (call->kind == CALL_UNITS && call->units_result != 0)
                return reply_error(call, call->units_result);

        int r = sd_bus_message_new_method_return(call->message, &message);
        if (r < 0)
                return r;
        r = append_results(collector, call, message);
        if (r < 0)
                return reply_error(call, log_error_errno(r, "Cannot write an answer"));

        return sd_bus_send(NULL, message, NULL);
}

/* Answers and frees the call. */
static void complete(Collector *collector, Call *call)
{
        int r = reply(collector, call);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot send an answer, ignoring");

        call_free(call);
        collector_exit_if_drained(collector);
}

static void complete_ready(Collector *collector)
{
        Call *next;

        for (Call *call = collector->calls.first; call; call = next) {
                next = call->next;
                if (!call->waits_system && !call->waits_units)
                        complete(collector, call);
        }
}

void collector_on_window(int result, void *owner)
{
        Collector *collector = owner;

        collector_set_system_result(collector, result);
        for (Call *call = collector->calls.first; call; call = call->next)
                if (TAKE(call->waits_system, false))
                        call->system_result = collector->system_result;
        complete_ready(collector);
}

void collector_on_refreshed(int result, void *owner)
{
        Collector *collector = owner;

        collector_set_units_result(collector, result);
        for (Call *call = collector->calls.first; call; call = call->next)
                if (TAKE(call->waits_units, false))
                        call->units_result = result;
        complete_ready(collector);
}

void collector_on_units_changed(const char *const *names, size_t n_names, void *owner)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        Collector *collector = owner;

        int r = sd_bus_message_new_signal(collector->bus, &signal, collector->component.object_path,
                                          "org.devbox.Collector1", "UnitsChanged");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n_names; i++)
                r = sd_bus_message_append_basic(signal, 's', names[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        if (r >= 0)
                r = sd_bus_send(collector->bus, signal, NULL);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot tell that units changed, ignoring");
}

static void ask_system(Collector *collector, Call *call)
{
        int r = sampler_request(collector->sampler);
        if (r < 0) {
                collector_set_system_result(collector, r);
                call->system_result = collector->system_result;
        } else
                call->waits_system = r == SAMPLER_WAIT;
}

static void ask_units(Collector *collector, Call *call)
{
        int r = units_refresh(collector->units);
        if (r < 0) {
                collector_set_units_result(collector, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
                call->units_result = collector->units_result;
        } else
                call->waits_units = r == UNITS_WAIT;
}

int collector_handle(Collector *collector, sd_bus_message *message, CallKind kind, sd_bus_error *error)
{
        Call *call;

        collector->calls.total++;
        idle_touch(&collector->idle);
        if (!collector->config.config)
                return bus_error_set(error, DEVBOX_ERROR_CONFIG_INVALID, collector->config.problem);

        int r = call_new(&collector->calls, message, kind, &call);
        if (r != 0)
                return bus_error_set(error, r, NULL);

        if (call_wants_system(call))
                ask_system(collector, call);
        if (call_wants_units(call))
                ask_units(collector, call);

        if (!call->waits_system && !call->waits_units) {
                complete(collector, call);
                return 1;
        }

        r = call_watch_client(call);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot watch a client, ignoring");
        return 1;
}
