/* SPDX-License-Identifier: MIT */
/* Runs of devbox-selftest.service.
 *
 *         query:  GetAll ──► the run of that id (one call for all who ask meanwhile)
 *         start:  GetAll ──► running? that run
 *                        └─► connect ──► 20 ms ──► GetAll ──► a new id? that run
 *                               ▲          ▲          │
 *                               └──────────┴──────────┘
 *                              closed      open
 *
 * To start it, the api connects to devbox-selftest.socket, sends nothing and waits. That says all there is
 * to say, "start", to nobody but the one unit: StartUnit would take the right to start units, and no rule of
 * polkit sees in which mode (isolate, flush, …). systemd never accepts the connection. It closes it when a
 * run has ended; one that came when a run was just ending is closed for nothing, and made again.
 *
 * The InvocationID is made when the job runs, a moment later. systemd's signals would tell the moment, but
 * only to subscribers, and a subscription makes PID 1 tell all units' news to all subscribers: asking again
 * is cheaper. */

#include "api/selftest.h"

#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "log/log.h"
#include "proto/error.h"

#define SYSTEMD   "org.freedesktop.systemd1"
#define UNIT_PATH "/org/freedesktop/systemd1/unit/devbox_2dselftest_2eservice"
#define SOCKET    "/run/devbox/selftest.sock" /* of devbox-selftest.socket */

#define START_DEADLINE_USEC (5 * USEC_PER_SEC)
#define ASK_AGAIN_USEC      (20 * USEC_PER_MSEC)
#define STARTS_MAX          16

/* Queries need no token. Each costs systemd 0.3 ms; so together they ask it this often, and at once the
 * first time. */
#define QUERY_AGAIN_USEC (50 * USEC_PER_MSEC)

typedef struct Operation Operation;
typedef LIST_HEAD(, Operation) Operations;

struct Operation {
        Selftest *selftest;
        selftest_answer_t answer;
        void *userdata;
        sd_bus_slot *slot;
        sd_event_source *timer;
        bool start, started;  /* what is wanted; whether it was asked for */
        int fd;               /* the connection that asks for it */
        char id[33];          /* the wanted one; when starting, the one before */
        usec_t deadline_usec; /* CLOCK_MONOTONIC */
        LIST_ENTRY(Operation) entry;
};

struct Selftest {
        sd_bus *bus; /* NULL: none */
        size_t n_starts;
        Operations starts;

        /* Queries: as many as there are connections at most. */
        Operations waiting, asked; /* for the next GetAll; for the one under way */
        sd_bus_slot *slot_query;
        sd_event_source *timer_query;
        usec_t queried_at_usec; /* CLOCK_MONOTONIC; 0: never */
};

static const SelftestAnswer bus_is_away = { .reason = DEVBOX_ERROR_BUS_UNAVAILABLE };
static const SelftestAnswer systemd_is_away = { .reason = DEVBOX_ERROR_SYSTEMD_UNAVAILABLE };

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error);
static void ask_for_queries(Selftest *selftest);

static Operation *operation_free(Operation *operation)
{
        LIST_REMOVE(operation, entry);
        if (operation->start)
                operation->selftest->n_starts--;
        sd_bus_slot_unref(operation->slot);
        sd_event_source_disable_unref(operation->timer);
        (void) fd_close(operation->fd);
        free(operation);
        return NULL;
}

static void complete(Operation *operation, const SelftestAnswer *answer)
{
        selftest_answer_t then = operation->answer;
        void *userdata = operation->userdata;

        operation_free(operation);
        then(answer, userdata);
}

static void fail(Operation *operation, int reason, const char *detail)
{
        complete(operation, &(SelftestAnswer){ .reason = reason, .detail = detail });
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

static int read_reply(sd_bus_message *reply, SelftestRun *ret_run)
{
        SelftestRun run = { 0 };

        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_debug("systemd: %s", strempty(sd_bus_message_get_error(reply)->message));
                return -EBADMSG;
        }

        int r = read_run(reply, &run);
        if (r < 0)
                return r;

        if (run.running || run.started_at_usec == 0)
                run.finished_at_usec = 0;
        if (!streq(run.result, "success") && !streq(run.result, "exit-code"))
                run.exit_code = -1;

        *ret_run = run;
        return 0;
}

static int call_get_all(Selftest *selftest, sd_bus_slot **slot, sd_bus_message_handler_t on_reply,
                        void *userdata)
{
        sd_bus_slot_unref(TAKE_PTR(*slot));

        return sd_bus_call_method_async(selftest->bus, slot, SYSTEMD, UNIT_PATH,
                                        "org.freedesktop.DBus.Properties", "GetAll", on_reply, userdata, "s",
                                        "");
}

/* ---- queries */

static void fail_all(Operations *operations, const SelftestAnswer *answer)
{
        while (!LIST_EMPTY(operations))
                complete(LIST_FIRST(operations), answer);
}

static void answer_asked(Selftest *selftest, const SelftestRun *run)
{
        while (!LIST_EMPTY(&selftest->asked)) {
                Operation *operation = LIST_FIRST(&selftest->asked);

                if (streq(run->id, operation->id))
                        complete(operation, &(SelftestAnswer){ .run = run });
                else
                        fail(operation, DEVBOX_ERROR_JOB_NOT_FOUND, NULL);
        }
}

static int on_queried(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Selftest *selftest = userdata;
        SelftestRun run;

        selftest->slot_query = sd_bus_slot_unref(selftest->slot_query);
        if (read_reply(reply, &run) < 0)
                fail_all(&selftest->asked, &systemd_is_away);
        else
                answer_asked(selftest, &run);
        ask_for_queries(selftest);
        return 0;
}

static int on_query_again(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Selftest *selftest = userdata;

        selftest->timer_query = sd_event_source_disable_unref(selftest->timer_query);
        ask_for_queries(selftest);
        return 0;
}

static int ask_or_wait(Selftest *selftest)
{
        usec_t now = time_now(CLOCK_MONOTONIC), may_usec = selftest->queried_at_usec + QUERY_AGAIN_USEC;
        Operation *operation;

        if (selftest->queried_at_usec != 0 && now < may_usec)
                return sd_event_add_time(sd_bus_get_event(selftest->bus), &selftest->timer_query,
                                         CLOCK_MONOTONIC, may_usec, USEC_PER_MSEC, on_query_again, selftest);

        selftest->queried_at_usec = now;
        while ((operation = LIST_FIRST(&selftest->waiting))) {
                LIST_REMOVE(operation, entry);
                LIST_INSERT_HEAD(&selftest->asked, operation, entry);
        }
        return call_get_all(selftest, &selftest->slot_query, on_queried, selftest);
}

/* Asks for all that wait, now or as soon as it may. */
static void ask_for_queries(Selftest *selftest)
{
        if (LIST_EMPTY(&selftest->waiting) || selftest->slot_query || selftest->timer_query)
                return;

        if (ask_or_wait(selftest) < 0) {
                fail_all(&selftest->waiting, &bus_is_away);
                fail_all(&selftest->asked, &bus_is_away);
        }
}

/* ---- starting */

static int get_properties(Operation *operation)
{
        return call_get_all(operation->selftest, &operation->slot, on_properties, operation);
}

static bool is_closed(int fd)
{
        char byte;

        return fd < 0 || recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* Errors: those of fd_connect_unix(); but when many wait already the unit is about to start anyway. */
static int connect_socket(Operation *operation)
{
        const char *path = getenv("DEVBOX_SELFTEST_SOCKET");
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        int r = fd_connect_unix(fd, path && *path ? path : SOCKET);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;

        (void) fd_close(operation->fd);
        operation->fd = TAKE_FD(fd);
        return 0;
}

static int on_ask_again(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Operation *operation = userdata;

        operation->timer = sd_event_source_disable_unref(operation->timer);
        if (now_usec >= operation->deadline_usec)
                complete(operation, &systemd_is_away);
        else if (get_properties(operation) < 0)
                complete(operation, &bus_is_away);
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
        if (operation->started ? !streq(run->id, operation->id) : run->running) {
                complete(operation, &(SelftestAnswer){ .run = run });
                return;
        }

        if (!operation->started)
                memcpy(operation->id, run->id, sizeof operation->id);
        operation->started = true;
        if (is_closed(operation->fd) && connect_socket(operation) < 0)
                fail(operation, DEVBOX_ERROR_INTERNAL,
                     "devbox-selftest.socket does not listen; see: systemctl status devbox-selftest.socket");
        else if (ask_again_later(operation) < 0)
                complete(operation, &bus_is_away);
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Operation *operation = userdata;
        SelftestRun run;

        if (read_reply(reply, &run) < 0)
                complete(operation, &systemd_is_away);
        else
                go_on_starting(operation, &run);
        return 0;
}

int selftest_new(Selftest **ret_selftest)
{
        Selftest *selftest = calloc(1, sizeof *selftest);
        if (!selftest)
                return -ENOMEM;

        LIST_INIT(&selftest->starts);
        LIST_INIT(&selftest->waiting);
        LIST_INIT(&selftest->asked);
        *ret_selftest = selftest;
        return 0;
}

static void drop_queries(Selftest *selftest)
{
        selftest->slot_query = sd_bus_slot_unref(selftest->slot_query);
        selftest->timer_query = sd_event_source_disable_unref(selftest->timer_query);
}

Selftest *selftest_free(Selftest *selftest)
{
        Operations *const lists[] = { &selftest->starts, &selftest->waiting, &selftest->asked };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                while (!LIST_EMPTY(lists[i]))
                        operation_free(LIST_FIRST(lists[i]));

        drop_queries(selftest);
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
        drop_queries(selftest);
        fail_all(&selftest->starts, &bus_is_away);
        fail_all(&selftest->waiting, &bus_is_away);
        fail_all(&selftest->asked, &bus_is_away);

        selftest->bus = sd_bus_unref(selftest->bus);
}

static Operation *operation_new(Selftest *selftest, Operations *list, const Operation *wanted)
{
        Operation *operation = malloc(sizeof *operation);
        if (!operation)
                return NULL;

        *operation = *wanted;
        operation->selftest = selftest;
        operation->fd = -EBADF;
        LIST_INSERT_HEAD(list, operation, entry);
        selftest->n_starts += operation->start;
        return operation;
}

void selftest_start(Selftest *selftest, selftest_answer_t answer, void *userdata)
{
        const Operation wanted = { .answer = answer,
                                   .userdata = userdata,
                                   .start = true,
                                   .deadline_usec = time_now(CLOCK_MONOTONIC) + START_DEADLINE_USEC };

        Operation *operation =
                selftest->n_starts < STARTS_MAX ? operation_new(selftest, &selftest->starts, &wanted) : NULL;
        if (!operation)
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_BUSY }, userdata);
        else if (!selftest->bus || get_properties(operation) < 0)
                complete(operation, &bus_is_away);
}

void selftest_query(Selftest *selftest, const char *id, selftest_answer_t answer, void *userdata)
{
        Operation wanted = { .answer = answer, .userdata = userdata };

        /* 32 digits, so that an empty id, which a unit that never ran has, is nobody's. */
        if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32 || strspn(id, "0") == 32) {
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_JOB_NOT_FOUND }, userdata);
                return;
        }

        memcpy(wanted.id, id, sizeof wanted.id);
        if (!selftest->bus)
                answer(&bus_is_away, userdata);
        else if (operation_new(selftest, &selftest->waiting, &wanted))
                ask_for_queries(selftest);
        else
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_BUSY }, userdata);
}
