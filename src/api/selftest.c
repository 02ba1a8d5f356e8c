/* SPDX-License-Identifier: MIT */
/* Runs of devbox-selftest.service.
 *
 *         query:  GetAll ──► the run of that id (one call for all queries meanwhile)
 *         start:  GetAll ──► running? that run
 *                        └─► connect ──► 20 ms ──► GetAll ──► a new id? that run
 *                               ▲          ▲          │
 *                               └──────────┴──────────┘
 *                              closed      open
 *
 * To start it, the api connects to devbox-selftest.socket, sends nothing and waits. That starts this unit
 * and no other: StartUnit would need the right to start units, and no polkit rule sees the job mode
 * (isolate, flush, …). systemd never accepts the connection, and closes it when a run has ended; a
 * connection made when a run was just ending is closed without a run, and made again.
 *
 * The InvocationID is set when the job runs, a moment later. Its signal needs a subscription, with which PID
 * 1 sends the changes of all units to all subscribers: polling is cheaper. */

#include "api/selftest.h"

#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "bus/client.h"
#include "bus/dictionary.h"
#include "bus/systemd1.h"
#include "codec/binary-text.h"

#define UNIT   "devbox-selftest.service"
#define SOCKET "/run/devbox/selftest.sock" /* of devbox-selftest.socket */

#define START_DEADLINE_USEC (5 * USEC_PER_SEC)
#define POLL_USEC           (20 * USEC_PER_MSEC)
#define STARTS_MAX          16

/* Queries need no token, and each costs systemd 0.3 ms: all of them share one in this interval. */
#define QUERY_INTERVAL_USEC (50 * USEC_PER_MSEC)

typedef struct Operation Operation;
typedef LIST_HEAD(, Operation) Operations;

struct Operation {
        Selftest *selftest;
        selftest_answer_t answer;
        void *userdata;
        BusRequest request;
        sd_event_source *timer;
        bool start, started;  /* to start a run; whether that was requested */
        int fd;               /* the connection that requests it */
        char id[33];          /* of the run; when starting, of the previous one */
        usec_t deadline_usec; /* CLOCK_MONOTONIC */
        LIST_ENTRY(Operation) entry;
};

struct Selftest {
        BusClient systemd;
        size_t n_starts;
        Operations starts;

        /* Queries: as many as there are connections at most. */
        Operations waiting, pending; /* for the next GetAll; for the one under way */
        BusRequest query;
        sd_event_source *timer_query;
        usec_t queried_at_usec; /* CLOCK_MONOTONIC; 0: never */
};

static const SelftestAnswer bus_unavailable = { .reason = DEVBOX_ERROR_BUS_UNAVAILABLE };
static const SelftestAnswer out_of_memory = { .reason = DEVBOX_ERROR_INTERNAL };

static const BusService systemd_service = {
        .title = "systemd",
        .deadline_usec = 2 * USEC_PER_SEC,
        .unavailable = DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
};

static void on_properties(BusRequest *request, const BusReply *reply);
static void send_query(Selftest *selftest);

static Operation *operation_free(Operation *operation)
{
        LIST_REMOVE(operation, entry);
        if (operation->start)
                operation->selftest->n_starts--;
        bus_request_cancel(&operation->request);
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

/* ---- the properties of the unit */

typedef struct UnitProperties {
        Bytes invocation_id;
        const char *active_state, *result;
        int32_t exit_status;
        uint64_t started_at_usec, exited_at_usec;
} UnitProperties;

static const BusField unit_fields[] = {
        BUS_FIELD("ActiveState", BUS_TEXT, UnitProperties, active_state, BUS_REQUIRED),
        BUS_FIELD("InvocationID", BUS_BYTES, UnitProperties, invocation_id, BUS_REQUIRED),
        BUS_FIELD("Result", BUS_TEXT, UnitProperties, result, BUS_REQUIRED),
        BUS_FIELD("ExecMainStatus", BUS_INT32, UnitProperties, exit_status),
        BUS_FIELD("ExecMainStartTimestamp", BUS_UINT64, UnitProperties, started_at_usec),
        BUS_FIELD("ExecMainExitTimestamp", BUS_UINT64, UnitProperties, exited_at_usec),
};
static const BusDictionary unit_dictionary = BUS_DICTIONARY(unit_fields);

static bool state_is_running(const char *active_state)
{
        return !streq(active_state, "inactive") && !streq(active_state, "failed");
}

/* Returns 0, or the DevboxError. */
static int read_run(const BusReply *reply, SelftestRun *ret_run)
{
        UnitProperties unit = { 0 };

        if (reply->reason != 0)
                return reply->reason;
        if (bus_dictionary_read(reply->message, &unit_dictionary, &unit) < 0 ||
            unit.invocation_id.size > sizeof ret_run->id / 2)
                return DEVBOX_ERROR_SYSTEMD_UNAVAILABLE;

        bool running = state_is_running(unit.active_state);
        bool exited = streq(unit.result, "success") || streq(unit.result, "exit-code");
        *ret_run = (SelftestRun){
                .running = running,
                .exit_code = exited ? unit.exit_status : -1,
                .started_at_usec = unit.started_at_usec,
                .finished_at_usec = running || unit.started_at_usec == 0 ? 0 : unit.exited_at_usec,
        };
        hex_format(unit.invocation_id, ret_run->id);
        (void) snprintf(ret_run->result, sizeof ret_run->result, "%s", unit.result);
        return 0;
}

static void get_all(Selftest *selftest, BusRequest *request, BusReplyHandler on_reply)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus *bus = selftest->systemd.bus;

        int r = bus ? systemd1_new_properties_call(bus, UNIT, "GetAll", &call) : -ENOTCONN;
        if (r >= 0)
                r = sd_bus_message_append(call, "s", ""); /* of all interfaces */
        bus_client_send_take(&selftest->systemd, request, r >= 0 ? TAKE_PTR(call) : NULL, on_reply);
}

/* ---- queries */

static void fail_all(Operations *operations, const SelftestAnswer *answer)
{
        while (!LIST_EMPTY(operations))
                complete(LIST_FIRST(operations), answer);
}

static void answer_asked(Selftest *selftest, const SelftestRun *run)
{
        while (!LIST_EMPTY(&selftest->pending)) {
                Operation *operation = LIST_FIRST(&selftest->pending);

                if (streq(run->id, operation->id))
                        complete(operation, &(SelftestAnswer){ .run = run });
                else
                        fail(operation, DEVBOX_ERROR_JOB_NOT_FOUND, NULL);
        }
}

static void on_queried(BusRequest *request, const BusReply *reply)
{
        Selftest *selftest = CONTAINER_OF(request, Selftest, query);
        SelftestRun run;

        int r = read_run(reply, &run);
        if (r != 0)
                fail_all(&selftest->pending, &(SelftestAnswer){ .reason = r });
        else
                answer_asked(selftest, &run);
        send_query(selftest);
}

static int on_query_due(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Selftest *selftest = userdata;

        selftest->timer_query = sd_event_source_disable_unref(selftest->timer_query);
        send_query(selftest);
        return 0;
}

/* For all that wait: now, or as soon as QUERY_INTERVAL_USEC allows. */
static void send_query(Selftest *selftest)
{
        usec_t now = time_now(CLOCK_MONOTONIC), due_usec = selftest->queried_at_usec + QUERY_INTERVAL_USEC;
        Operation *operation;

        if (LIST_EMPTY(&selftest->waiting) || selftest->query.slot || selftest->timer_query)
                return;

        if (selftest->queried_at_usec != 0 && now < due_usec && selftest->systemd.bus) {
                int r = sd_event_add_time(sd_bus_get_event(selftest->systemd.bus), &selftest->timer_query,
                                          CLOCK_MONOTONIC, due_usec, USEC_PER_MSEC, on_query_due, selftest);
                if (r < 0)
                        fail_all(&selftest->waiting, &out_of_memory);
                return;
        }

        selftest->queried_at_usec = now;
        while ((operation = LIST_FIRST(&selftest->waiting))) {
                LIST_REMOVE(operation, entry);
                LIST_INSERT_HEAD(&selftest->pending, operation, entry);
        }
        get_all(selftest, &selftest->query, on_queried);
}

/* ---- starting */

static void get_properties(Operation *operation)
{
        get_all(operation->selftest, &operation->request, on_properties);
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

static int on_poll(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Operation *operation = userdata;

        operation->timer = sd_event_source_disable_unref(operation->timer);
        if (deadline_left(operation->deadline_usec) == 0)
                fail(operation, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE, NULL);
        else
                get_properties(operation);
        return 0;
}

static int poll_later(Operation *operation)
{
        return sd_event_add_time_relative(sd_bus_get_event(operation->selftest->systemd.bus),
                                          &operation->timer, CLOCK_MONOTONIC, POLL_USEC, USEC_PER_MSEC,
                                          on_poll, operation);
}

static void start_step(Operation *operation, const SelftestRun *run)
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
        else if (poll_later(operation) < 0)
                fail(operation, DEVBOX_ERROR_INTERNAL, NULL);
}

static void on_properties(BusRequest *request, const BusReply *reply)
{
        Operation *operation = CONTAINER_OF(request, Operation, request);
        SelftestRun run;

        int r = read_run(reply, &run);
        if (r != 0)
                fail(operation, r, NULL);
        else
                start_step(operation, &run);
}

int selftest_new(Selftest **ret_selftest)
{
        Selftest *selftest = calloc(1, sizeof *selftest);
        if (!selftest)
                return -ENOMEM;

        selftest->systemd.service = &systemd_service;
        LIST_INIT(&selftest->starts);
        LIST_INIT(&selftest->waiting);
        LIST_INIT(&selftest->pending);
        *ret_selftest = selftest;
        return 0;
}

Selftest *selftest_free(Selftest *selftest)
{
        Operations *const lists[] = { &selftest->starts, &selftest->waiting, &selftest->pending };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                while (!LIST_EMPTY(lists[i]))
                        operation_free(LIST_FIRST(lists[i]));

        sd_event_source_disable_unref(selftest->timer_query);
        bus_client_done(&selftest->systemd);
        free(selftest);
        return NULL;
}

void selftest_attach(Selftest *selftest, sd_bus *bus)
{
        bus_client_attach(&selftest->systemd, bus);
}

/* Completing queries sends the next, which fails without a bus. */
void selftest_detach(Selftest *selftest)
{
        selftest->timer_query = sd_event_source_disable_unref(selftest->timer_query);
        bus_client_detach(&selftest->systemd);
        send_query(selftest);
        fail_all(&selftest->starts, &bus_unavailable);
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
                                   .deadline_usec = deadline_after(START_DEADLINE_USEC) };

        Operation *operation =
                selftest->n_starts < STARTS_MAX ? operation_new(selftest, &selftest->starts, &wanted) : NULL;
        if (!operation)
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_BUSY }, userdata);
        else
                get_properties(operation);
}

void selftest_query(Selftest *selftest, const char *id, selftest_answer_t answer, void *userdata)
{
        Operation wanted = { .answer = answer, .userdata = userdata };

        /* 32 digits, so that the empty id of a unit that never ran matches no query. */
        if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32 || strspn(id, "0") == 32) {
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_JOB_NOT_FOUND }, userdata);
                return;
        }

        memcpy(wanted.id, id, sizeof wanted.id);
        if (operation_new(selftest, &selftest->waiting, &wanted))
                send_query(selftest);
        else
                answer(&(SelftestAnswer){ .reason = DEVBOX_ERROR_BUSY }, userdata);
}
