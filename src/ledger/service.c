/* SPDX-License-Identifier: MIT */
/* devbox-ledger on the bus.
 *
 * It writes at once whatever it answers for. What may wait a minute, counts and checkpoints, is written by a
 * timer that is armed only while there is something: an idle ledger never wakes up. */

#include "ledger/service.h"

#include <malloc.h>
#include <pwd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "ledger/service-internal.h"
#include "log/log.h"

#define STATE_DIRECTORY "/var/lib/devbox/ledger"
#define CEILING_PATH    "/etc/devbox/ceiling.yaml"

static const char *const role_users[N_ROLES] = { "devbox-agent", "devbox-dispatch" };

static const char *environment(const char *name, const char *otherwise)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : otherwise;
}

/* ---- the clock */

/* Whether the kernel says that its clock follows another one: adjtimex(2), which reading needs no privilege
 * for. In a container the call may be forbidden, and then nobody has said so. */
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

static void update_health(LedgerDaemon *service)
{
        LedgerStatus status;

        ledger_status(service->ledger, &status);
        component_set_healthy(&service->component, service->failure == 0 && !status.adoption_needed);
}

int ledger_daemon_note(LedgerDaemon *service, int result)
{
        int failure = result < 0 ? result : 0;

        if ((failure == 0) != (service->failure == 0)) {
                if (failure != 0)
                        (void) log_full(LOG_CRIT, failure,
                                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_AUDIT_UNAVAILABLE }),
                                        "The ledger cannot be written, so nothing is done");
                else
                        (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_AUDIT_AVAILABLE }),
                                        "The ledger can be written again");
        }
        service->failure = failure;
        update_health(service);
        return failure != 0 ? DEVBOX_ERROR_AUDIT_UNAVAILABLE : result;
}

/* ---- what may wait */

static void tell_checkpoint(LedgerDaemon *service, const char *checkpoint)
{
        int r = sd_bus_emit_signal(service->bus, service->component.object_path, "org.devbox.Ledger1",
                                   "CheckpointMade", "s", checkpoint);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot tell of a checkpoint, ignoring");
}

/* Waiting should cost little: what only made the last calls faster is given back. */
static void shrink(LedgerDaemon *service)
{
        ledger_trim(service->ledger);
        (void) malloc_trim(0);
}

static void flush(LedgerDaemon *service)
{
        _cleanup_(freep) char *checkpoint = NULL;

        if (ledger_daemon_note(service, ledger_flush(service->ledger, &checkpoint)) == 0 && checkpoint)
                tell_checkpoint(service, checkpoint);
        shrink(service);
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata)
{
        flush(userdata);
        return 0;
}

/* After each call: a full batch is written now, the first entry of the next arms the timer. */
static int schedule_flush(LedgerDaemon *service)
{
        int enabled;

        if (ledger_flush_due(service->ledger))
                flush(service);

        int r = sd_event_source_get_enabled(service->timer_flush, &enabled);
        if (r < 0)
                return r;
        if (!ledger_flush_wanted(service->ledger))
                return sd_event_source_set_enabled(service->timer_flush, SD_EVENT_OFF);
        if (enabled != SD_EVENT_OFF)
                return 0;

        r = sd_event_source_set_time_relative(service->timer_flush, LEDGER_FLUSH_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(service->timer_flush, SD_EVENT_ONESHOT);
}

/* ---- calls */

static bool may_ask(const LedgerDaemon *service, const LedgerMethod *member, uid_t uid)
{
        if (uid == 0 || uid == geteuid() || member->roles & ROLE_ALL)
                return true;

        for (unsigned i = 0; i < N_ROLES; i++)
                if (member->roles & 1u << i && service->role_uids[i] != UID_INVALID &&
                    service->role_uids[i] == uid)
                        return true;

        return false;
}

static void reply_error(sd_bus_message *message, int reason)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_error_set(&error, reason == -EBADMSG ? DEVBOX_ERROR_BAD_REQUEST : reason, NULL);
        int r = sd_bus_reply_method_error(message, &error);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot send an answer, ignoring");
}

/* SenderHandler: the user is known. */
static void handle(sd_bus_message *message, uid_t uid, void *owner)
{
        LedgerDaemon *service = owner;
        const LedgerMethod *member = ledger_daemon_find_member(sd_bus_message_get_member(message));

        assert(member);
        service->calls++;
        if (!may_ask(service, member, uid)) {
                service->denied_calls++;
                (void) sd_bus_reply_method_errorf(message, devbox_error_bus_name(DEVBOX_ERROR_ACCESS_DENIED),
                                                  "%s is for another user; see org.devbox.Ledger1(5)",
                                                  member->name);
                return;
        }

        int r = member->method(service, message);
        if (r < 0 && r != -EBADMSG)
                (void) log_error_errno(r, "Cannot answer %s", member->name);
        if (r != 0)
                reply_error(message, r);

        r = schedule_flush(service);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot set a timer, ignoring");
}

int ledger_daemon_on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        LedgerDaemon *service = userdata;

        int r = caller_resolve_uid(service->callers, message);
        return r != 0 ? bus_error_set(error, r, NULL) : 1;
}

/* ---- configuration */

static void tell_ceiling(const LedgerDaemon *service)
{
        const char *problem = ledger_ceiling_problem(service->ledger);

        if (problem)
                (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CEILING_INVALID }),
                                "No manifest can be in force: %s", problem);
}

/* An invalid configuration changes nothing here; the defaults are the strict ones. */
static int load_config(LedgerDaemon *service)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = config_holder_read(&service->config, &config);
        if (r != 0)
                return MIN(r, 0);

        config_free(config_holder_replace_take(&service->config, TAKE_PTR(config)));
        return 0;
}

int ledger_daemon_reload(void *self)
{
        LedgerDaemon *service = self;

        config_holder_repeat(&service->config);
        int r = load_config(service);
        if (r >= 0)
                r = ledger_reload(service->ledger);
        if (r >= 0) {
                tell_ceiling(service);
                (void) log_full(LOG_INFO, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                                "Configuration and ceiling were read again");
        }
        return r;
}

/* ---- stopping */

int ledger_daemon_stop(void *self)
{
        LedgerDaemon *service = self;

        int r = component_retire(&service->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        flush(service);
        daemon_exit(service->daemon, service->bus);
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
        const LedgerDaemon *service = owner;
        LedgerStatus status;

        ledger_status(service->ledger, &status);
        const ComponentMetric metrics[] = {
                { "calls_total", service->calls },
                { "calls_refused_total", service->denied_calls },
                { "requests_accepted_total", service->accepted },
                { "requests_denied_total", service->refused },
                { "requests_repeated_total", service->known },
                { "requests_remembered", status.requests },
                { "chain_entries", status.size },
                { "manifest_in_force", status.in_force },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

/* ---- the object */

void *ledger_daemon_new(void)
{
        LedgerDaemon *service = calloc(1, sizeof *service);

        if (!service)
                return NULL;

        service->config.consequence = "going on with the defaults";
        service->component = (Component){
                .name = "Ledger1",
                .append_metrics = append_metrics,
                .restart = restart,
                .owner = service,
        };
        return service;
}

void ledger_daemon_free(void *self)
{
        LedgerDaemon *service = self;

        caller_cache_free(service->callers);
        sd_event_source_disable_unref(service->timer_flush);
        sd_bus_slot_unref(service->slot_interface);
        component_detach(&service->component);
        ledger_close(service->ledger);
        config_holder_done(&service->config);
        free(service);
}

/* Read once: users are made when the package is installed. */
static void find_users(LedgerDaemon *service)
{
        for (size_t i = 0; i < N_ROLES; i++) {
                const struct passwd *user = getpwnam(role_users[i]);

                service->role_uids[i] = user ? user->pw_uid : UID_INVALID;
        }
        endpwent();
}

static int open_ledger(LedgerDaemon *service)
{
        LedgerStatus status;

        int r = ledger_open(&(LedgerOptions){ .directory = environment("STATE_DIRECTORY", STATE_DIRECTORY),
                                              .credentials = environment("CREDENTIALS_DIRECTORY", NULL),
                                              .ceiling = environment("DEVBOX_CEILING", CEILING_PATH),
                                              .time = read_time,
                                              .owner = service },
                            &service->ledger);
        if (r == -EUCLEAN)
                (void) log_full(LOG_CRIT, r, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LEDGER_BROKEN }),
                                "The audit chain does not hold together, so nothing is done");
        if (r < 0)
                return log_error_errno(r, "Cannot open the ledger");

        ledger_status(service->ledger, &status);
        if (status.adoption_needed)
                (void) log_full(LOG_ERR, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_IDENTITY_CHANGED }),
                                "This node has a new key, and signs nothing until a manifest names it");
        tell_ceiling(service);
        return 0;
}

static int add_sources(LedgerDaemon *service)
{
        int r = sd_event_add_time_relative(service->event, &service->timer_flush, CLOCK_MONOTONIC, 0,
                                           USEC_PER_SEC, on_flush, service);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(service->timer_flush, SD_EVENT_OFF);
}

int ledger_daemon_start(void *self, Daemon *daemon)
{
        LedgerDaemon *service = self;
        sd_bus *bus = daemon_bus(daemon);

        service->daemon = daemon;
        service->event = daemon_event(daemon);
        service->bus = bus;

        find_users(service);
        int r = load_config(service);
        if (r < 0)
                return r;
        r = open_ledger(service);
        if (r < 0)
                return r;
        r = add_sources(service);
        if (r < 0)
                return r;
        r = caller_cache_new(bus, handle, service, &service->callers);
        if (r < 0)
                return r;
        r = component_attach(&service->component, bus);
        if (r < 0)
                return r;
        r = ledger_daemon_add_interface(service, bus, service->component.object_path,
                                        &service->slot_interface);
        if (r < 0)
                return r;

        update_health(service);
        shrink(service);
        return schedule_flush(service);
}
