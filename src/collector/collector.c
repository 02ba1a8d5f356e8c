/* SPDX-License-Identifier: MIT */
/* devbox-collector: reports the state of this machine and of the configured units.
 *
 * Stopping gives the name back, so that later callers start a new process; calls that had arrived are
 * answered; the loop ends with the last of them. Each has a deadline of two seconds at most. */

#include <fcntl.h>

#include "basic/fd.h"
#include "collector/collector-internal.h"
#include "log/log.h"
#include "proto/error.h"

#define CALLS_MAX            64
#define CALLS_PER_CLIENT_MAX 32 /* devbox-api has three at most */

/* After a start with an invalid configuration: the process of the next caller reads it again. */
#define IDLE_INVALID_USEC (5 * USEC_PER_SEC)

/* ---- health: logged when it changes */

void collector_update_health(Collector *collector)
{
        component_set_healthy(&collector->component,
                              collector->config.config && !collector->config.problem &&
                                      collector->system_result == 0 && collector->units_result == 0 &&
                                      disks_are_complete(collector->disks));
}

void collector_set_units_result(Collector *collector, int result)
{
        if (collector->units_result == result)
                return;

        collector->units_result = result;
        if (result != 0)
                (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_SYSTEMD_LOST }),
                                "systemd does not answer for the states of units");
        else
                log_info("systemd answers for the states of units again");
        collector_update_health(collector);
}

/* ---- configuration */

static int apply_config(Collector *collector, Config *take_config)
{
        _cleanup_(config_freep) Config *old = config_holder_replace_take(&collector->config, take_config);
        const Config *config = collector->config.config;

        collector->sampled_after_usec = 0;
        int r = disks_set_paths(collector->disks, config->disks, config->n_disks);
        if (r < 0)
                return r;
        r = units_set_services(collector->units, config->services, config->n_services);
        if (r < 0)
                return r;

        return idle_set_after(&collector->idle, config->collector_idle_exit_usec);
}

static int load_config(Collector *collector)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = config_holder_read(&collector->config, &config);
        if (r == 0)
                r = apply_config(collector, TAKE_PTR(config));
        collector_update_health(collector);
        if (r <= 0)
                return r;

        return collector->config.config ? 0 : idle_set_after(&collector->idle, IDLE_INVALID_USEC);
}

int collector_reload(void *self)
{
        Collector *collector = self;

        config_holder_repeat(&collector->config);
        int r = load_config(collector);
        if (r < 0 || collector->config.problem)
                return r;

        collector_on_units_changed(NULL, 0, collector); /* everything may be different */
        (void) log_full(LOG_INFO, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                        "The configuration was read again");
        return 0;
}

/* ---- leaving */

void collector_exit_if_drained(Collector *collector)
{
        if (collector->draining && collector->calls.n == 0)
                daemon_exit(collector->daemon, collector->bus);
}

int collector_stop(void *self)
{
        Collector *collector = self;

        /* Handles what the bus has delivered already; some of it may have to wait. */
        int r = component_retire(&collector->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        collector->draining = true;
        collector_exit_if_drained(collector);
        return 0;
}

static int on_idle(void *owner)
{
        _cleanup_(config_freep) Config *config = NULL;
        Collector *collector = owner;

        /* A process with a thread that hangs cannot end, and one that does not end cannot be activated. */
        if (collector->calls.n > 0 || disks_hung(collector->disks) > 0)
                return 0;

        /* While the file is invalid, only this process has a valid configuration: a new one would have none.
         */
        int r = config_holder_read(&collector->config, &config);
        if (r < 0)
                return r;
        collector_update_health(collector);
        if (r == 0 || !collector->config.config)
                daemon_stop(collector->daemon, EXIT_SUCCESS);
        return 0;
}

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        _cleanup_(config_freep) Config *config = NULL;
        Collector *collector = owner;

        int r = config_holder_read(&collector->config, &config);
        collector_update_health(collector);
        if (r == 0)
                daemon_stop(collector->daemon, DAEMON_EXIT_RESTART);

        *ret_detail = collector->config.problem;
        return r;
}

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const Collector *collector = owner;
        const UnitsCounters *units = units_counters(collector->units);
        const ComponentMetric metrics[] = {
                { "calls_total", collector->calls.total },
                { "calls_refused_total", collector->calls.rejected },
                { "calls_cancelled_total", collector->calls.cancelled },
                { "waiting_calls", collector->calls.n },
                { "system_samples_total", collector->system_samples },
                { "disks_hung", disks_hung(collector->disks) },
                { "sampler_running", sampler_running(collector->sampler) },
                { "systemd_calls_total", units->systemd_calls },
                { "unit_refreshes_total", units->refreshes },
                { "units_changed_total", units->changes },
                { "units_watched", units_watching(collector->units) },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

/* ---- the object */

void *collector_new(void)
{
        Collector *collector = calloc(1, sizeof *collector);

        if (!collector)
                return NULL;

        collector->config.consequence = "nothing can be answered until it is fixed";
        collector->calls = (BusCalls){ .max = CALLS_MAX,
                                       .max_per_client = CALLS_PER_CLIENT_MAX,
                                       .reserved = &collector->api,
                                       .free = collector_call_free };
        collector->component = (Component){
                .name = "Collector1",
                .append_metrics = append_metrics,
                .restart = restart,
                .owner = collector,
        };
        return collector;
}

void collector_free(void *self)
{
        Collector *collector = self;

        bus_calls_done(&collector->calls);
        name_watch_done(&collector->api);
        units_free(collector->units);
        sampler_free(collector->sampler);
        disks_free(collector->disks);
        system_free(collector->system);
        system_sample_done(&collector->sample);
        config_holder_done(&collector->config);
        idle_done(&collector->idle);
        sd_bus_slot_unref(collector->slot_interface);
        component_detach(&collector->component);
        free(collector);
}

static int start_parts(Collector *collector)
{
        _cleanup_(fd_closep) int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return log_error_errno(-errno, "Cannot open /proc");

        int r = disks_new(collector->event, fcntl(proc_fd, F_DUPFD_CLOEXEC, 3),
                          &(DisksOptions){ .on_refreshed = collector_on_disks, .owner = collector },
                          &collector->disks);
        if (r >= 0)
                r = system_new(TAKE_FD(proc_fd), &collector->system);
        if (r < 0)
                return r;
        r = sampler_new(collector->event, collector->system,
                        &(SamplerOptions){ .on_window = collector_on_window, .owner = collector },
                        &collector->sampler);
        if (r < 0)
                return r;

        return units_new(collector->bus,
                         &(UnitsOptions){ .on_refreshed = collector_on_refreshed,
                                          .on_changed = collector_on_units_changed,
                                          .owner = collector },
                         &collector->units);
}

int collector_start(void *self, Daemon *daemon)
{
        Collector *collector = self;
        sd_bus *bus = daemon_bus(daemon);

        collector->daemon = daemon;
        collector->event = daemon_event(daemon);
        collector->bus = bus;

        int r = start_parts(collector);
        if (r < 0)
                return r;
        r = idle_init(&collector->idle, collector->event, 0, on_idle, collector);
        if (r < 0)
                return r;
        r = load_config(collector);
        if (r < 0)
                return r;
        r = name_watch_start(&collector->api, bus, "org.devbox.Api1");
        if (r < 0)
                return r;
        r = component_attach(&collector->component, bus);
        if (r < 0)
                return r;

        return collector_add_interface(collector, bus, collector->component.object_path,
                                       &collector->slot_interface);
}
