/* SPDX-License-Identifier: MIT */
/* The interface org.devbox.Collector1, which dbus/org.devbox.Collector1.xml documents. The machine's figures
 * are read for each call; CPU use may have to wait for its first window, disks for their file systems; calls
 * for units share the refresh under way. A call that waits is kept, and ends with the deadline of what it
 * waits for. */

#include "bus/error.h"
#include "collector/collector-internal.h"
#include "log/log.h"
#include "proto/error.h"
#include "sample/sample-bus.h"

/* The kernel counts CPU time in ticks of 10 ms (at 100 Hz), and reading takes 40 us: a flood of calls costs
 * no more than a hundred readings a second. */
#define SAMPLE_USEC (10 * USEC_PER_MSEC)

typedef enum CallKind { CALL_SYSTEM, CALL_UNITS, CALL_SNAPSHOT } CallKind;

typedef enum CallWait { WAIT_CPU = 1 << 0, WAIT_DISKS = 1 << 1, WAIT_UNITS = 1 << 2 } CallWait;

typedef struct Call {
        BusCall kept;
        Collector *collector;
        CallKind kind;
        unsigned waits;                  /* bits of CallWait */
        int system_result, units_result; /* 0, or a DevboxError */
} Call;

static bool call_wants_system(const Call *call)
{
        return call->kind != CALL_UNITS;
}

static bool call_wants_units(const Call *call)
{
        return call->kind != CALL_SYSTEM;
}

void collector_call_free(BusCall *kept)
{
        bus_call_done(kept);
        free(CONTAINER_OF(kept, Call, kept));
}

/* Refreshes `collector->sample` unless it is recent. Errors: a DevboxError; -ENOMEM. */
static int refresh_sample(Collector *collector)
{
        usec_t began = time_now(CLOCK_MONOTONIC);
        SystemSample sample;

        if (collector->sampled_after_usec == 0 || began - collector->sampled_after_usec >= SAMPLE_USEC) {
                int r = system_read(collector->system, &sample);
                collector->system_result = r;
                collector_update_health(collector);
                collector->system_samples++;
                collector->system_usec = time_now(CLOCK_MONOTONIC) - began;
                collector->sampled_after_usec = r < 0 ? 0 : began;
                if (r < 0)
                        return DEVBOX_ERROR_SAMPLE_FAILED;

                system_sample_done(&collector->sample);
                collector->sample = sample;
                r = disks_append(collector->disks, &collector->sample);
                if (r < 0)
                        return r;
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

/* The parts of the call, empty in the place of one that failed. */
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

/* Errors: a DevboxError; those of sd-bus. */
static int reply(Call *call)
{
        Collector *collector = call->collector;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (call_wants_system(call) && call->system_result == 0)
                call->system_result = refresh_sample(collector);
        if (call->kind == CALL_SYSTEM && call->system_result != 0)
                return call->system_result;
        if (call->kind == CALL_UNITS && call->units_result != 0)
                return call->units_result;

        int r = sd_bus_message_new_method_return(call->kept.message, &message);
        if (r >= 0)
                r = append_results(collector, call, message);
        if (r >= 0)
                r = sd_bus_send(NULL, message, NULL);
        return MIN(r, 0);
}

/* Replies and frees the call. */
static void complete(Call *call)
{
        Collector *collector = call->collector;

        int r = reply(call);
        if (r < 0)
                (void) log_error_errno(r, "Cannot answer %s", sd_bus_message_get_member(call->kept.message));
        if (r != 0)
                bus_reply_error(call->kept.message, r, NULL);

        collector_call_free(&call->kept);
        collector_exit_if_drained(collector);
}

/* Ends one wait of all calls, and completes those that wait for nothing else. */
static void end_wait(Collector *collector, CallWait wait)
{
        BusCall *kept = LIST_FIRST(&collector->calls.list);

        while (kept) {
                Call *call = CONTAINER_OF(kept, Call, kept);

                kept = LIST_NEXT(kept, entry);
                if (!(call->waits & wait))
                        continue;

                call->waits &= ~wait;
                if (wait == WAIT_UNITS)
                        call->units_result = collector->units_result;
                if (call->waits == 0)
                        complete(call);
        }
}

void collector_on_window(void *owner)
{
        Collector *collector = owner;

        end_wait(collector, WAIT_CPU);
}

void collector_on_disks(void *owner)
{
        Collector *collector = owner;

        collector->sampled_after_usec = 0;
        collector_update_health(collector);
        end_wait(collector, WAIT_DISKS);
}

void collector_on_refreshed(int result, void *owner)
{
        Collector *collector = owner;

        collector_set_units_result(collector, result);
        end_wait(collector, WAIT_UNITS);
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
                (void) log_warning_errno(r, "Cannot emit UnitsChanged, ignoring");
}

/* ---- the handlers of the vtable */

/* Without /proc/stat CPU use is unknown, and nothing to wait for. */
static void await_system(Call *call)
{
        if (sampler_request(call->collector->sampler) == SAMPLER_WAIT)
                call->waits |= WAIT_CPU;
}

static void await_disks(Call *call)
{
        int r = disks_request(call->collector->disks);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot read the disks, using their last figures");
        else if (r == DISKS_WAIT)
                call->waits |= WAIT_DISKS;
}

static void await_units(Call *call)
{
        Collector *collector = call->collector;

        int r = units_refresh(collector->units);
        if (r < 0) {
                collector_set_units_result(collector, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
                call->units_result = collector->units_result;
        } else if (r == UNITS_WAIT)
                call->waits |= WAIT_UNITS;
}

static int call_new(Collector *collector, sd_bus_message *message, CallKind kind, Call **ret_call)
{
        Call *call = calloc(1, sizeof *call);
        if (!call)
                return -ENOMEM;

        int r = bus_call_init(&call->kept, &collector->calls, message);
        if (r != 0) {
                free(call);
                return r;
        }

        call->collector = collector;
        call->kind = kind;
        *ret_call = call;
        return 0;
}

static int handle(Collector *collector, sd_bus_message *message, CallKind kind, sd_bus_error *error)
{
        Call *call;

        idle_touch(&collector->idle);
        if (!collector->config.config)
                return bus_error_set(error, DEVBOX_ERROR_CONFIG_INVALID, collector->config.problem);

        int r = call_new(collector, message, kind, &call);
        if (r != 0)
                return bus_error_set(error, r, NULL);

        if (call_wants_system(call)) {
                await_system(call);
                await_disks(call);
        }
        if (call_wants_units(call))
                await_units(call);

        if (call->waits == 0) {
                complete(call);
                return 1;
        }

        r = bus_call_watch_client(&call->kept);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot watch a client, ignoring");
        return 1;
}

static int on_get_system(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return handle(userdata, message, CALL_SYSTEM, error);
}

static int on_get_units(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return handle(userdata, message, CALL_UNITS, error);
}

static int on_get_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return handle(userdata, message, CALL_SNAPSHOT, error);
}

static const sd_bus_vtable collector_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetSystem", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", system), on_get_system,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", units), on_get_units,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSnapshot", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a{sv}", system, "aa{sv}", units, "aa{sv}", parts),
                                on_get_snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("UnitsChanged", SD_BUS_ARGS("as", names), 0),
        SD_BUS_VTABLE_END,
};

int collector_add_interface(Collector *collector, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Collector1", collector_vtable,
                                        collector);
}
