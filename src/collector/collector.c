/* SPDX-License-Identifier: MIT */
/* devbox-collector: answers for the state of this machine and of the configured units.
 *
 * Leaving (nothing asked for a while, SIGTERM, Restart) goes in one way: the name is given back, so that
 * later callers start a new process; what arrived before is answered; the loop ends when nothing waits any
 * more. All waits have deadlines of two seconds at most. */

#include "basic/fd.h"
#include "collector/collector-internal.h"
#include "event/daemon.h"
#include "log/log.h"
#include "proto/error.h"

/* RestartForceExitStatus= of the unit names this. */
#define EXIT_RESTART 75

/* Started on a bad configuration there is nothing to stay for: the next caller's process reads it anew. */
#define IDLE_INVALID_USEC (5 * USEC_PER_SEC)

/* ---- health: told when it changes, logged when it changes */

static void update_health(Collector *collector)
{
        component_set_healthy(&collector->component, collector->config && !collector->problem &&
                                                             collector->system_result == 0 &&
                                                             collector->units_result == 0);
}

void collector_set_system_result(Collector *collector, int error)
{
        int result = error < 0 ? DEVBOX_ERROR_SAMPLE_FAILED : 0;

        if (collector->system_result == result)
                return;

        collector->system_result = result;
        if (result != 0)
                (void) log_error_errno(error, "Cannot read /proc/%s", system_failed_path(collector->system));
        else
                log_info("The kernel's figures can be read again");
        update_health(collector);
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
        update_health(collector);
}

/* ---- configuration */

static int apply_config(Collector *collector, Config *take_config)
{
        Config *old = collector->config;

        collector->config = take_config;
        collector->sampled_after_usec = 0;
        system_set_disks(collector->system, collector->config->disks, collector->config->n_disks);
        int r = units_set_services(collector->units, collector->config->services,
                                   collector->config->n_services);
        config_free(old); /* now that nobody borrows from it any more */
        if (r < 0)
                return r;

        return idle_set_after(&collector->idle, collector->config->collector_idle_exit_usec);
}

/* Reads the file. A bad one changes nothing but `problem`. */
static int check_config(Collector *collector, Config **ret_config)
{
        _cleanup_(freep) char *problem = NULL;

        int r = config_load(config_path(), ret_config, &problem);
        if (r < 0)
                return r;

        free(collector->problem);
        collector->problem = r > 0 ? TAKE_PTR(problem) : NULL;
        update_health(collector);
        return r;
}

static int load_config(Collector *collector)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = check_config(collector, &config);
        if (r == 0) {
                r = apply_config(collector, TAKE_PTR(config));
                update_health(collector);
        }
        if (r <= 0)
                return r;

        (void) log_full(
                LOG_ERR, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_INVALID }), "%s: %s",
                collector->config
                        ? "The configuration has an error, going on with the one before"
                        : "The configuration has an error, nothing can be answered until it is fixed",
                collector->problem);
        return collector->config ? 0 : idle_set_after(&collector->idle, IDLE_INVALID_USEC);
}

int collector_on_reload(void *owner)
{
        Collector *collector = owner;

        daemon_notify_reloading();
        int r = load_config(collector);
        if (r >= 0 && !collector->problem)
                (void) log_full(LOG_INFO, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                                "The configuration was read again");
        daemon_notify_ready();
        return r;
}

/* ---- leaving */

int collector_leave_if_done(Collector *collector)
{
        if (!collector->leaving || collector->calls.n_calls > 0)
                return 0;

        return component_exit(&collector->component, collector->exit_code);
}

static int leave(Collector *collector, int exit_code)
{
        if (collector->leaving)
                return 0;

        /* Answers what the bus had for us already; some of it may have to wait. */
        int r = component_retire(&collector->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        collector->leaving = true;
        collector->exit_code = exit_code;
        return collector_leave_if_done(collector);
}

int collector_on_stop(void *owner)
{
        return leave(owner, EXIT_SUCCESS);
}

static int on_idle(void *owner)
{
        _cleanup_(config_freep) Config *config = NULL;
        Collector *collector = owner;
        bool known = collector->problem;

        if (collector->calls.n_calls > 0)
                return 0;

        int r = check_config(collector, &config);
        if (r < 0)
                return r;
        if (r == 0 || !collector->config)
                return leave(collector, EXIT_SUCCESS);

        /* A new process could not do what this one still can. */
        if (!known)
                (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_INVALID }),
                                "The configuration has an error, staying with the one before: %s",
                                collector->problem);
        return 0;
}

static int on_restart(sd_event_source *source, void *userdata)
{
        return leave(userdata, EXIT_RESTART);
}

/* Component1.Restart. The reply goes out before the deferred leaving. */
static int restart(void *owner, const char **ret_detail)
{
        _cleanup_(config_freep) Config *config = NULL;
        Collector *collector = owner;

        int r = check_config(collector, &config);
        if (r != 0) {
                *ret_detail = collector->problem;
                return r;
        }

        return sd_event_source_set_enabled(collector->defer_restart, SD_EVENT_ONESHOT);
}

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const Collector *collector = owner;
        const UnitsCounters *units = units_counters(collector->units);
        const struct {
                const char *name;
                uint64_t value;
        } metrics[] = {
                { "calls_total", collector->calls.total },
                { "calls_refused_total", collector->calls.refused },
                { "calls_cancelled_total", collector->calls.cancelled },
                { "waiting_calls", collector->calls.n_calls },
                { "system_samples_total", collector->system_samples },
                { "sampler_running", sampler_running(collector->sampler) },
                { "systemd_calls_total", units->systemd_calls },
                { "unit_refreshes_total", units->refreshes },
                { "units_changed_total", units->changes },
                { "units_watched", units_watching(collector->units) },
        };

        for (size_t i = 0; i < ELEMENTSOF(metrics); i++) {
                int r = component_append_metric(reply, metrics[i].name, (double) metrics[i].value);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- the object */

int collector_new(Collector **ret_collector)
{
        Collector *collector = calloc(1, sizeof *collector);

        if (!collector)
                return -ENOMEM;

        collector->component = (Component){
                .name = "Collector1",
                .append_metrics = append_metrics,
                .restart = restart,
                .owner = collector,
        };
        *ret_collector = collector;
        return 0;
}

Collector *collector_free(Collector *collector)
{
        if (!collector)
                return NULL;

        while (collector->calls.first)
                call_free(collector->calls.first);
        name_watch_done(&collector->calls.api);
        units_free(collector->units);
        sampler_free(collector->sampler);
        system_free(collector->system);
        system_sample_done(&collector->sample);
        config_free(collector->config);
        free(collector->problem);
        idle_done(&collector->idle);
        sd_event_source_disable_unref(collector->defer_restart);
        sd_bus_slot_unref(collector->slot_interface);
        component_detach(&collector->component);
        sd_bus_unref(collector->bus);
        sd_event_unref(collector->event);
        free(collector);
        return NULL;
}

static int start_parts(Collector *collector, int take_proc_fd)
{
        int r = system_new(take_proc_fd, &collector->system);
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

int collector_start(Collector *collector, sd_event *event, sd_bus *bus, int take_proc_fd)
{
        collector->event = sd_event_ref(event);
        collector->bus = sd_bus_ref(bus);

        int r = start_parts(collector, take_proc_fd);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &collector->defer_restart, on_restart, collector);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(collector->defer_restart, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = idle_init(&collector->idle, event, 0, on_idle, collector);
        if (r < 0)
                return r;
        r = load_config(collector);
        if (r < 0)
                return r;
        r = name_watch_start(&collector->calls.api, bus, "org.devbox.Api1");
        if (r < 0)
                return r;
        r = component_attach(&collector->component, bus);
        if (r < 0)
                return r;

        return collector_add_interface(collector, bus, collector->component.object_path,
                                       &collector->slot_interface);
}
