/* SPDX-License-Identifier: MIT */
/* devbox-ledger: its lifecycle, its health, and when it flushes.
 *
 * A ledger that cannot be opened, on a full disk for example, still owns its name: calls are answered with
 * audit_unavailable, and a timer opens it again, later after each failure.
 *
 * Whatever is acknowledged has been written. Counts and checkpoints may be written a minute later, by a
 * timer that is armed only while there are any: an idle ledger never wakes up. */

#include "ledger/daemon.h"

#include <malloc.h>
#include <sys/timex.h>

#include "ledger/daemon-internal.h"
#include "log/log.h"

#define STATE_DIRECTORY "/var/lib/devbox/ledger"
#define CEILING_PATH    "/etc/devbox/ceiling.yaml"

/* In the order of LedgerUser. */
static const char *const users[] = { "devbox-agent", "devbox-dispatch", "devbox-mesh", NULL };

static const char *environment(const char *name, const char *fallback)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : fallback;
}

/* ---- the clock */

/* Whether the kernel's clock is disciplined by another one: adjtimex(2), which needs no privilege to read.
 * Where the call is forbidden, as in some containers, the clock counts as not synchronised. */
static bool clock_is_synchronised(void)
{
        struct timex timex = { 0 };
        int state = adjtimex(&timex);

        return state >= 0 && state != TIME_ERROR && !(timex.status & STA_UNSYNC);
}

static LedgerTime read_time(void *owner)
{
        const Config *config = ((const LedgerDaemon *) owner)->config.config;
        bool trusted = config && config->ledger_trust_clock;

        return (LedgerTime){ .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                             .synchronised = trusted || clock_is_synchronised() };
}

/* ---- health */

static void update_health(void *owner)
{
        LedgerDaemon *self = owner;
        LedgerStatus status = { 0 };

        if (self->ledger)
                ledger_status(self->ledger, &status);
        component_set_healthy(&self->component, self->ledger && self->failure == 0 &&
                                                        !status.adoption_needed && !status.disk_full);
}

static void set_failure(LedgerDaemon *self, int failure)
{
        if ((failure == 0) != (self->failure == 0)) {
                if (failure != 0)
                        (void) log_full(LOG_CRIT, failure,
                                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_AUDIT_UNAVAILABLE }),
                                        "The ledger cannot be %s, so nothing is done",
                                        self->ledger ? "written" : "opened");
                else
                        (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_AUDIT_AVAILABLE }),
                                        "The ledger can be written again");
        }

        self->failure = failure;
        update_health(self);
}

int ledger_daemon_after_write(LedgerDaemon *self, int result)
{
        set_failure(self, MIN(result, 0));
        return result < 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : result;
}

/* ---- flushing */

static void emit_checkpoint(LedgerDaemon *self, const char *checkpoint)
{
        int r = sd_bus_emit_signal(self->bus, self->component.object_path, "org.devbox.Ledger1",
                                   "CheckpointMade", "s", checkpoint);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot emit CheckpointMade, ignoring");
}

/* Gives back the memory that only made the last calls faster. */
static void trim(LedgerDaemon *self)
{
        ledger_trim(self->ledger);
        (void) malloc_trim(0);
}

static void flush(LedgerDaemon *self)
{
        _cleanup_(freep) char *checkpoint = NULL;

        if (!self->ledger)
                return;

        if (ledger_daemon_after_write(self, ledger_flush(self->ledger, &checkpoint)) == 0 && checkpoint)
                emit_checkpoint(self, checkpoint);
        trim(self);
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata)
{
        flush(userdata);
        return 0;
}

/* A full batch is written now; the first entry of the next one arms the timer. */
static int schedule_flush(LedgerDaemon *self)
{
        int enabled;

        if (!self->ledger)
                return 0;

        if (ledger_flush_due(self->ledger))
                flush(self);

        int r = sd_event_source_get_enabled(self->timer_flush, &enabled);
        if (r < 0)
                return r;
        if (!ledger_flush_wanted(self->ledger))
                return sd_event_source_set_enabled(self->timer_flush, SD_EVENT_OFF);
        if (enabled != SD_EVENT_OFF)
                return 0;

        r = sd_event_source_set_time_relative(self->timer_flush, LEDGER_FLUSH_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(self->timer_flush, SD_EVENT_ONESHOT);
}

/* After each event, so after each call. */
static int on_post(sd_event_source *source, void *userdata)
{
        int r = schedule_flush(userdata);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot set a timer, ignoring");
        return 0;
}

/* ---- opening */

static void log_ceiling(const LedgerDaemon *self)
{
        const char *problem = ledger_ceiling_problem(self->ledger);

        if (problem)
                (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CEILING_INVALID }),
                                "No manifest can be in force: %s", problem);
}

static int open_ledger(LedgerDaemon *self)
{
        _cleanup_(freep) char *problem = NULL;
        LedgerStatus status;

        int r = ledger_open(&(LedgerOptions){ .directory = environment("STATE_DIRECTORY", STATE_DIRECTORY),
                                              .credentials = environment("CREDENTIALS_DIRECTORY", NULL),
                                              .ceiling = environment("DEVBOX_CEILING", CEILING_PATH),
                                              .time = read_time,
                                              .owner = self },
                            &self->ledger, &problem);
        if (r < 0 && self->failure != r)
                (void) log_error_errno(r, "Cannot open the ledger: %s", strempty(problem));
        if (r == -EUCLEAN && self->failure != r)
                (void) log_full(LOG_CRIT, r, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LEDGER_BROKEN }),
                                "The audit chain is invalid");
        set_failure(self, r);
        if (r < 0)
                return r;

        ledger_status(self->ledger, &status);
        if (status.adoption_needed)
                (void) log_full(LOG_ERR, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_IDENTITY_CHANGED }),
                                "This node has a new key, and signs nothing until a manifest names it");
        log_ceiling(self);
        trim(self);
        return 0;
}

/* Errors: those of a timer. */
static int reopen(LedgerDaemon *self)
{
        if (open_ledger(self) < 0) {
                int r = sd_event_source_set_time_relative(self->timer_reopen,
                                                          backoff_next(&self->reopen_backoff));
                return r < 0 ? r : sd_event_source_set_enabled(self->timer_reopen, SD_EVENT_ONESHOT);
        }

        backoff_reset(&self->reopen_backoff);
        return sd_event_source_set_enabled(self->timer_reopen, SD_EVENT_OFF);
}

static int on_reopen(sd_event_source *source, uint64_t usec, void *userdata)
{
        return reopen(userdata);
}

int ledger_daemon_need_ledger(LedgerDaemon *self)
{
        return self->ledger ? 0 : DEVBOX_ERROR_AUDIT_UNAVAILABLE;
}

/* ---- agents */

/* A ledger that cannot record it is closed: opening it again interrupts all requests that have not ended. */
static void on_agent_gone(const char *agent, void *userdata)
{
        LedgerDaemon *self = userdata;
        size_t n;

        if (!self->ledger)
                return;

        if (ledger_daemon_after_write(self, ledger_interrupt(self->ledger, agent, &n)) != 0)
                self->ledger = ledger_close(self->ledger);
        else if (n > 0)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "DEVBOX_OUTCOME", "interrupted" }),
                                "The agent is gone; requests that were interrupted: %zu", n);
}

/* ---- configuration */

int ledger_daemon_reload(void *userdata)
{
        LedgerDaemon *self = userdata;

        config_holder_repeat(&self->config);
        int r = config_holder_load(&self->config);
        if (r >= 0 && !self->ledger) {
                backoff_reset(&self->reopen_backoff);
                return reopen(self);
        }
        if (r >= 0)
                r = ledger_reload(self->ledger);
        if (r >= 0) {
                log_ceiling(self);
                (void) log_full(LOG_INFO, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                                "Configuration and ceiling were read again");
        }
        return r;
}

/* ---- stopping */

int ledger_daemon_stop(void *userdata)
{
        LedgerDaemon *self = userdata;

        int r = component_retire(&self->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        flush(self);
        daemon_exit(self->daemon, self->bus);
        return 0;
}

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((LedgerDaemon *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const LedgerDaemon *self = owner;
        const BusAuthorityStats *calls = bus_authority_stats(self->authority);
        LedgerStatus status = { 0 };

        if (self->ledger)
                ledger_status(self->ledger, &status);
        const ComponentMetric metrics[] = {
                { "calls_total", calls->calls_total },
                { "calls_refused_total", calls->denied_total },
                { "requests_accepted_total", self->accepted },
                { "requests_denied_total", self->denied },
                { "requests_repeated_total", self->known },
                { "replays_blocked_total", self->replays },
                { "requests_remembered", status.requests },
                { "chain_entries", status.size },
                { "manifest_in_force", status.in_force },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

/* ---- the object */

void *ledger_daemon_new(void)
{
        LedgerDaemon *self = calloc(1, sizeof *self);

        if (!self)
                return NULL;

        self->reopen_backoff = (Backoff){ .min_usec = USEC_PER_SEC, .max_usec = 300 * USEC_PER_SEC };
        self->config.consequence = "going on with the defaults";
        self->component = (Component){
                .name = "Ledger1",
                .append_metrics = append_metrics,
                .restart = restart,
                .update_health = update_health,
                .owner = self,
        };
        return self;
}

void ledger_daemon_free(void *userdata)
{
        LedgerDaemon *self = userdata;

        bus_authority_free(self->authority);
        agent_watches_done(&self->agents);
        sd_event_source_disable_unref(self->post_schedule);
        sd_event_source_disable_unref(self->timer_flush);
        sd_event_source_disable_unref(self->timer_reopen);
        sd_bus_slot_unref(self->slot_interface);
        component_detach(&self->component);
        ledger_close(self->ledger);
        config_holder_done(&self->config);
        free(self);
}

static int add_timer(LedgerDaemon *self, sd_event_time_handler_t handler, sd_event_source **ret_timer)
{
        int r = sd_event_add_time_relative(self->event, ret_timer, CLOCK_MONOTONIC, 0, USEC_PER_SEC, handler,
                                           self);

        return r < 0 ? r : sd_event_source_set_enabled(*ret_timer, SD_EVENT_OFF);
}

static int add_sources(LedgerDaemon *self)
{
        int r = add_timer(self, on_flush, &self->timer_flush);
        if (r < 0)
                return r;
        r = add_timer(self, on_reopen, &self->timer_reopen);
        if (r < 0)
                return r;

        return sd_event_add_post(self->event, &self->post_schedule, on_post, self);
}

int ledger_daemon_start(void *userdata, Daemon *daemon)
{
        LedgerDaemon *self = userdata;
        sd_bus *bus = daemon_bus(daemon);

        self->daemon = daemon;
        self->event = daemon_event(daemon);
        self->bus = bus;
        self->agents = (AgentWatches){ .bus = bus, .on_gone = on_agent_gone, .userdata = self };

        int r = config_holder_load(&self->config);
        if (r < 0)
                return r;
        r = add_sources(self);
        if (r < 0)
                return r;
        r = reopen(self);
        if (r < 0)
                return r;
        r = bus_authority_new(bus, users, &self->authority);
        if (r < 0)
                return r;
        r = component_attach(&self->component, bus);
        if (r < 0)
                return r;
        r = ledger_daemon_add_interface(self, bus, self->component.object_path, &self->slot_interface);
        if (r < 0)
                return r;

        return schedule_flush(self);
}
