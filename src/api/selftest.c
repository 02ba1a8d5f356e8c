/* SPDX-License-Identifier: MIT */
/* Runs of devbox-selftest.service.
 *
 *         query:  GetAll ──► the run of that id
 *         start:  GetAll ──► running? that run
 *                        └─► StartUnit ──► GetAll ──► a new id? that run
 *                                             ▲  └─► 20 ms ─┐
 *                                             └─────────────┘
 *
 * systemd answers StartUnit when the job is in its queue; the InvocationID is made when the job runs, a
 * moment later. Its signals would tell the moment, but only to subscribers, and a subscription makes PID 1
 * tell all units' news to all subscribers: asking again is cheaper. */

#include "api/selftest.h"

#include <stdio.h>
#include <sys/queue.h>

#include "log/log.h"
#include "proto/error.h"

#define SYSTEMD   "org.freedesktop.systemd1"
#define MANAGER   SYSTEMD, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define UNIT_NAME "devbox-selftest.service"
#define UNIT_PATH "/org/freedesktop/systemd1/unit/devbox_2dselftest_2eservice"

#define START_DEADLINE_USEC (5 * USEC_PER_SEC)
#define ASK_AGAIN_USEC      (20 * USEC_PER_MSEC)
#define OPERATIONS_MAX      16

typedef struct Operation {
        Selftest *selftest;
        selftest_answer_t answer;
        void *asker;
        sd_bus_slot *slot;
        sd_event_source *timer;
        bool start, started;  /* what is wanted; whether StartUnit was answered */
        char id[33];          /* the wanted one; when starting, the one before */
        usec_t deadline_usec; /* CLOCK_MONOTONIC */
        LIST_ENTRY(Operation) entry;
} Operation;

struct Selftest {
        sd_bus *bus; /* NULL: none */
        size_t n_operations;
        LIST_HEAD(, Operation) operations;
};

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error);

static Operation *operation_free(Operation *operation)
{
        LIST_REMOVE(operation, entry);
        operation->selftest->n_operations--;
        sd_bus_slot_unref(operation->slot);
        sd_event_source_disable_unref(operation->timer);
        free(operation);
        return NULL;
}

static void complete(Operation *operation, const SelftestAnswer *answer)
{
        selftest_answer_t then = operation->answer;
        void *asker = operation->asker;

        operation_free(operation);
        then(answer, asker);
}

static void fail(Operation *operation, int reason, const char *detail)
{
        complete(operation, &(SelftestAnswer){ .reason = reason, .detail = detail });
}

/* What systemd's errors mean here; the rest is that it does not answer. */
static void fail_of(Operation *operation, const sd_bus_error *error)
{
        static const struct {
                const char *name, *detail;
        } rows[] = {
                { SYSTEMD ".NoSuchUnit", UNIT_NAME " is not installed" },
                { SYSTEMD ".LoadFailed", UNIT_NAME " cannot be loaded" },
                { SYSTEMD ".UnitMasked", UNIT_NAME " is masked" },
                { SD_BUS_ERROR_ACCESS_DENIED, "polkit does not let devbox start " UNIT_NAME },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                  "polkit does not let devbox start " UNIT_NAME },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (sd_bus_error_has_name(error, rows[i].name)) {
                        fail(operation, DEVBOX_ERROR_INTERNAL, rows[i].detail);
                        return;
                }

        log_debug("systemd: %s", strempty(error->message));
        fail(operation, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE, NULL);
}

static int read_id(sd_bus_message *message, char ret_id[static 33])
{
        const uint8_t *bytes;
        size_t size;

        int r = sd_bus_message_read_array(message, 'y', (const void **) &bytes, &size);
        if (r < 0)
                return r;

        for (size_t i = 0; i < size && i < 16; i++)
                (void) snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int read_string(sd_bus_message *message, char *buffer, size_t size)
{
        const char *value;

        int r = sd_bus_message_read_basic(message, 's', &value);
        if (r < 0)
                return r;

        (void) snprintf(buffer, size, "%s", value);
        return 0;
}

static int read_property(sd_bus_message *message, const char *key, SelftestRun *run)
{
        char state[32];

        if (streq(key, "InvocationID"))
                return read_id(message, run->id);
        if (streq(key, "Result"))
                return read_string(message, run->result, sizeof run->result);
        if (streq(key, "ExecMainStatus"))
                return sd_bus_message_read_basic(message, 'i', &run->exit_code);
        if (streq(key, "ExecMainStartTimestamp"))
                return sd_bus_message_read_basic(message, 't', &run->started_at_usec);
        if (streq(key, "ExecMainExitTimestamp"))
                return sd_bus_message_read_basic(message, 't', &run->finished_at_usec);

        int r = read_string(message, state, sizeof state); /* ActiveState */
        run->running = r >= 0 && !streq(state, "inactive") && !streq(state, "failed");
        return r;
}

static const char *property_type(const char *key)
{
        static const struct {
                const char *key, *type;
        } rows[] = {
                { "ActiveState", "s" },
                { "InvocationID", "ay" },
                { "Result", "s" },
                { "ExecMainStatus", "i" },
                { "ExecMainStartTimestamp", "t" },
                { "ExecMainExitTimestamp", "t" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].key, key))
                        return rows[i].type;

        return NULL;
}

static int read_run(sd_bus_message *message, SelftestRun *run)
{
        const char *key, *type;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &key);
                if (r < 0)
                        return r;

                type = property_type(key);
                if (type) {
                        r = sd_bus_message_enter_container(message, 'v', type);
                        if (r < 0)
                                return r;
                        r = read_property(message, key, run);
                        if (r < 0)
                                return r;
                        r = sd_bus_message_exit_container(message);
                } else
                        r = sd_bus_message_skip(message, "v");
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }

        return r;
}

static int get_properties(Operation *operation)
{
        sd_bus_slot_unref(TAKE_PTR(operation->slot));

        return sd_bus_call_method_async(operation->selftest->bus, &operation->slot, SYSTEMD, UNIT_PATH,
                                        "org.freedesktop.DBus.Properties", "GetAll", on_properties,
                                        operation, "s", "");
}

static int on_started(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Operation *operation = userdata;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                fail_of(operation, sd_bus_message_get_error(reply));
                return 0;
        }

        operation->started = true;
        if (get_properties(operation) < 0)
                fail(operation, DEVBOX_ERROR_BUS_UNAVAILABLE, NULL);
        return 0;
}

/* "replace" joins a start that is queued already, and what a person stops meanwhile is started anew. */
static int start_unit(Operation *operation)
{
        sd_bus_slot_unref(TAKE_PTR(operation->slot));

        return sd_bus_call_method_async(operation->selftest->bus, &operation->slot, MANAGER, "StartUnit",
                                        on_started, operation, "ss", UNIT_NAME, "replace");
}

static int on_ask_again(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Operation *operation = userdata;

        operation->timer = sd_event_source_disable_unref(operation->timer);
        if (now_usec >= operation->deadline_usec)
                fail(operation, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE, NULL);
        else if (get_properties(operation) < 0)
                fail(operation, DEVBOX_ERROR_BUS_UNAVAILABLE, NULL);
        return 0;
}

static int ask_again_later(Operation *operation)
{
        return sd_event_add_time_relative(sd_bus_get_event(operation->selftest->bus), &operation->timer,
                                          CLOCK_MONOTONIC, ASK_AGAIN_USEC, USEC_PER_MSEC, on_ask_again,
                                          operation);
}

static void go_on_starting(Operation *operation, const SelftestRun *run)
{
        int r;

        if (operation->started ? !streq(run->id, operation->id) : run->running) {
                complete(operation, &(SelftestAnswer){ .run = run });
                return;
        }

        if (operation->started)
                r = ask_again_later(operation);
        else {
                memcpy(operation->id, run->id, sizeof operation->id);
                r = start_unit(operation);
        }
        if (r < 0)
                fail(operation, DEVBOX_ERROR_BUS_UNAVAILABLE, NULL);
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Operation *operation = userdata;
        SelftestRun run = { 0 };

        if (sd_bus_message_is_method_error(reply, NULL)) {
                fail_of(operation, sd_bus_message_get_error(reply));
                return 0;
        }

        if (read_run(reply, &run) < 0) {
                fail(operation, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE, NULL);
                return 0;
        }

        if (run.running || run.started_at_usec == 0)
                run.finished_at_usec = 0;
        if (!streq(run.result, "success") && !streq(run.result, "exit-code"))
                run.exit_code = -1;

        if (operation->start)
                go_on_starting(operation, &run);
        else if (streq(run.id, operation->id))
                complete(operation, &(SelftestAnswer){ .run = &run });
        else
                fail(operation, DEVBOX_ERROR_JOB_NOT_FOUND, NULL);
        return 0;
}

int selftest_new(Selftest **ret_selftest)
{
        Selftest *selftest = calloc(1, sizeof *selftest);
        if (!selftest)
                return -ENOMEM;

        LIST_INIT(&selftest->operations);
        *ret_selftest = selftest;
        return 0;
}

Selftest *selftest_free(Selftest *selftest)
{
        while (!LIST_EMPTY(&selftest->operations))
                operation_free(LIST_FIRST(&selftest->operations));

        sd_bus_unref(selftest->bus);
        free(selftest);
        return NULL;
}

void selftest_attach(Selftest *selftest, sd_bus *bus)
{
        selftest->bus = sd_bus_ref(bus);
}

void selftest_detach(Selftest *selftest)
{
        while (!LIST_EMPTY(&selftest->operations))
                fail(LIST_FIRST(&selftest->operations), DEVBOX_ERROR_BUS_UNAVAILABLE, NULL);

        selftest->bus = sd_bus_unref(selftest->bus);
}

/* Makes an operation and asks for the unit's properties. */
static void begin(Selftest *selftest, const Operation *wanted)
{
        Operation *operation = selftest->n_operations < OPERATIONS_MAX ? malloc(sizeof *operation) : NULL;
        if (!operation) {
                wanted->answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_BUSY }, wanted->asker);
                return;
        }

        *operation = *wanted;
        operation->selftest = selftest;
        LIST_INSERT_HEAD(&selftest->operations, operation, entry);
        selftest->n_operations++;

        if (!selftest->bus || get_properties(operation) < 0)
                fail(operation, DEVBOX_ERROR_BUS_UNAVAILABLE, NULL);
}

void selftest_start(Selftest *selftest, selftest_answer_t answer, void *asker)
{
        begin(selftest, &(Operation){ .answer = answer,
                                      .asker = asker,
                                      .start = true,
                                      .deadline_usec = time_now(CLOCK_MONOTONIC) + START_DEADLINE_USEC });
}

void selftest_query(Selftest *selftest, const char *id, selftest_answer_t answer, void *asker)
{
        Operation wanted = { .answer = answer, .asker = asker };

        /* 32 digits, so that an empty id, which a unit that never ran has, is nobody's. */
        if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32 || strspn(id, "0") == 32) {
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_JOB_NOT_FOUND }, asker);
                return;
        }

        memcpy(wanted.id, id, sizeof wanted.id);
        begin(selftest, &wanted);
}
