/* SPDX-License-Identifier: MIT */
/* Calls of the daemons on the system bus. */

#include "ctl/client.h"

#include <stdarg.h>

#include "bus/error.h"
#include "ctl/problem.h"

#define TIMEOUT_USEC             (10 * USEC_PER_SEC)
#define TIMEOUT_INTERACTIVE_USEC (120 * USEC_PER_SEC)

/* The next step after a reason, where the sentence of the reason does not have it. */
static const struct {
        DevboxError reason;
        const char *step;
} next_steps[] = {
        { DEVBOX_ERROR_ENROLLED_OTHERWISE, "see: devboxctl device status" },
        { DEVBOX_ERROR_PEER_UNKNOWN, "see, on the hub: devboxctl peers" },
};

int client_open(const char *host, sd_bus **ret_bus, char **ret_problem)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        const char *name;

        int r = host ? sd_bus_open_system_remote(&bus, host)
                     : sd_bus_open_system_with_description(&bus, "devboxctl");
        if (r >= 0)
                r = sd_bus_get_unique_name(bus, &name); /* waits for ssh and the bus */
        if (r == -ENOMEM)
                return r;
        if (r < 0 && host)
                return problem_set(ret_problem, DEVBOX_ERROR_BUS_UNAVAILABLE,
                                   "cannot reach the system bus of %s over ssh; try: ssh %s "
                                   "systemd-stdio-bridge",
                                   host, host);
        if (r < 0)
                return problem_set(ret_problem, DEVBOX_ERROR_BUS_UNAVAILABLE, "%s",
                                   devbox_error_sentence(DEVBOX_ERROR_BUS_UNAVAILABLE));

        (void) sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC);
        *ret_bus = TAKE_PTR(bus);
        return 0;
}

int client_wait(sd_bus *bus, usec_t usec)
{
        usec_t deadline_usec = deadline_after(usec), left_usec;

        while ((left_usec = deadline_left(deadline_usec)) > 0) {
                int r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, left_usec);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int new_call(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_call, va_list args)
{
        const ClientDaemon *daemon = method->daemon;

        int r = sd_bus_message_new_method_call(bus, ret_call, daemon->name, daemon->path, daemon->name,
                                               method->member);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(*ret_call, daemon->interactive);

        return r < 0 ? r : sd_bus_message_appendv(*ret_call, method->types, args);
}

int client_new_call(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_call, ...)
{
        va_list args;

        va_start(args, ret_call);
        int r = new_call(bus, method, ret_call, args);
        va_end(args);
        return r;
}

static bool is_of_another_version(const sd_bus_error *error)
{
        return sd_bus_error_has_names(error, SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                      SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_INVALID_SIGNATURE);
}

static int reject_version(const ClientDaemon *daemon, char **ret_problem)
{
        return problem_set(ret_problem, DEVBOX_ERROR_INTERNAL,
                           "%s cannot be understood; it may be of another version: run systemctl restart %s",
                           daemon->title, daemon->title);
}

int client_problem(const ClientDaemon *daemon, const sd_bus_error *error, char **ret_problem)
{
        DevboxError reason = bus_error_reason(error, daemon->unavailable, daemon->timeout), ours;
        const char *message = devbox_error_from_bus_name(error->name, &ours) == 0 ? error->message : NULL;

        if (is_of_another_version(error))
                return reject_version(daemon, ret_problem);
        if (!message && reason == DEVBOX_ERROR_ACCESS_DENIED)
                return problem_set(ret_problem, reason, "%s%s",
                                   daemon->denied ? daemon->denied : devbox_error_sentence(reason),
                                   daemon->denied ? ""
                                                  : "; run: sudo usermod -aG devbox-admin $USER, and log in "
                                                    "again");
        if (!message && reason == daemon->unavailable)
                return problem_set(ret_problem, reason, "%s does not answer; see: systemctl status %s",
                                   daemon->title, daemon->title);
        if (!message && reason == daemon->timeout)
                return problem_set(ret_problem, reason, "%s took too long to answer; see: journalctl -u %s",
                                   daemon->title, daemon->title);

        for (size_t i = 0; i < ELEMENTSOF(next_steps); i++)
                if (next_steps[i].reason == reason)
                        return problem_set(ret_problem, reason, "%s; %s",
                                           message ? message : devbox_error_sentence(reason),
                                           next_steps[i].step);

        return problem_set(ret_problem, reason, "%s", message ? message : devbox_error_sentence(reason));
}

int client_send(const ClientDaemon *daemon, int r, sd_bus_message *call, sd_bus_message **ret_reply,
                char **ret_problem)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r < 0)
                return r;

        r = sd_bus_call(sd_bus_message_get_bus(call), call,
                        daemon->interactive ? TIMEOUT_INTERACTIVE_USEC : 0, &error, ret_reply);
        if (r < 0)
                return r == -ENOMEM ? r : client_problem(daemon, &error, ret_problem);

        return 0;
}

static int callv(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_reply, char **ret_problem,
                 va_list args)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = new_call(bus, method, &call, args);
        return client_send(method->daemon, r, call, ret_reply, ret_problem);
}

int client_call(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_reply, char **ret_problem, ...)
{
        va_list args;

        va_start(args, ret_problem);
        int r = callv(bus, method, ret_reply, ret_problem, args);
        va_end(args);
        return r;
}

int client_read(const ClientDaemon *daemon, int r, char **ret_problem)
{
        if (r >= 0 || r == -ENOMEM)
                return r < 0 ? r : 0;

        return problem_set(ret_problem, DEVBOX_ERROR_INTERNAL,
                           "the answer of %s cannot be read; it may be of another version: run systemctl "
                           "restart %s",
                           daemon->title, daemon->title);
}

int client_read_dictionary(const ClientDaemon *daemon, sd_bus_message *reply,
                           const BusDictionary *dictionary, void *object, char **ret_problem)
{
        return client_read(daemon, bus_dictionary_read(reply, dictionary, object), ret_problem);
}

void client_rows_done(ClientRows *rows)
{
        sd_bus_message_unref(rows->reply);
        free(rows->items);
        *rows = (ClientRows){ 0 };
}

static int read_rows(const BusRows *type, ClientRows *rows)
{
        if (type->max > 1)
                return bus_rows_read_new(rows->reply, type, &rows->items, &rows->n);

        rows->items = calloc(1, type->row_size);
        rows->n = 1;
        return rows->items ? bus_dictionary_read(rows->reply, type->row, rows->items) : -ENOMEM;
}

int client_query(sd_bus *bus, const ClientQuery *query, ClientRows *ret_rows, char **ret_problem, ...)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        va_list args;

        va_start(args, ret_problem);
        int r = callv(bus, &query->method, &rows.reply, ret_problem, args);
        va_end(args);
        if (r == 0)
                r = client_read(query->method.daemon, read_rows(&query->type, &rows), ret_problem);
        if (r == 0)
                *ret_rows = TAKE(rows, (ClientRows){ 0 });
        return r;
}
