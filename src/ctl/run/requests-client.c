/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Dispatch1 about requests. */

#include "ctl/run/requests-client.h"

#include "bus/dictionary.h"

#define ROWS_MAX 5000

const ClientDaemon dispatch_daemon = {
        .title = "devbox-dispatch",
        .name = "org.devbox.Dispatch1",
        .path = "/org/devbox/Dispatch1",
        .unavailable = DEVBOX_ERROR_DISPATCH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_BUSY,
        .interactive = true,
};

#define METHOD(member, types) (&(const ClientMethod){ &dispatch_daemon, member, types })

static const BusField fields[] = {
        BUS_FIELD("id", BUS_TEXT, RequestRow, id, BUS_REQUIRED),
        BUS_FIELD("device", BUS_TEXT, RequestRow, device),
        BUS_FIELD("capability", BUS_TEXT, RequestRow, capability),
        BUS_FIELD("subject", BUS_TEXT, RequestRow, subject),
        BUS_FIELD("description", BUS_TEXT, RequestRow, description),
        BUS_FIELD("principal", BUS_TEXT, RequestRow, principal),
        BUS_FIELD("state", BUS_TEXT, RequestRow, state, BUS_REQUIRED),
        BUS_FIELD("reason", BUS_TEXT, RequestRow, reason),
        BUS_FIELD("message", BUS_TEXT, RequestRow, message),
        BUS_FIELD("tier", BUS_TEXT, RequestRow, tier),
        BUS_FIELD("arguments", BUS_TEXT, RequestRow, arguments),
        BUS_FIELD("request", BUS_TEXT, RequestRow, request),
        BUS_FIELD("result", BUS_TEXT, RequestRow, result),
        BUS_FIELD("created_at_ms", BUS_UINT64, RequestRow, created_at_ms),
        BUS_FIELD("expires_at_ms", BUS_UINT64, RequestRow, expires_at_ms),
        BUS_FIELD("ended_at_ms", BUS_UINT64, RequestRow, ended_at_ms),
        BUS_FIELD("approvals", BUS_UINT64, RequestRow, approvals),
        BUS_FIELD("approvals_needed", BUS_UINT64, RequestRow, approvals_needed),
        BUS_FIELD("exit_code", BUS_INT32, RequestRow, exit_code),
        BUS_FIELD("exit_signal", BUS_INT32, RequestRow, exit_signal),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);

int requests_client_list(sd_bus *bus, bool open_only, uint32_t max, ClientRows *ret_rows, char **ret_problem)
{
        static const ClientQuery query = { { &dispatch_daemon, "ListRequests", "bu" },
                                           { &dictionary, sizeof(RequestRow), ROWS_MAX } };

        return client_query(bus, &query, ret_rows, ret_problem, (int) open_only, max);
}

const ClientQuery dispatch_list_approvals = { { &dispatch_daemon, "ListApprovals", "" },
                                              { &dictionary, sizeof(RequestRow), ROWS_MAX } };

int requests_client_get(sd_bus *bus, const char *id, ClientRows *ret_row, char **ret_problem)
{
        static const ClientQuery query = { { &dispatch_daemon, "GetRequest", "s" },
                                           { &dictionary, sizeof(RequestRow), 1 } };

        return client_query(bus, &query, ret_row, ret_problem, id);
}

int requests_client_decide(sd_bus *bus, const char *member, const char *id, char **ret_problem)
{
        return streq(member, "Cancel")
                       ? client_call(bus, METHOD(member, "s"), NULL, ret_problem, id)
                       : client_call(bus, METHOD(member, "sa{sv}"), NULL, ret_problem, id, 0);
}

int requests_client_approve_signed(sd_bus *bus, const char *id, const char *envelope, char **ret_problem)
{
        return client_call(bus, METHOD("Approve", "sa{sv}"), NULL, ret_problem, id, 1, "envelope", "s",
                           envelope);
}

static const BusField option_fields[] = {
        BUS_FIELD("content", BUS_BYTES, RunCall, content, BUS_OPTIONAL),
        BUS_FIELD("replace", BUS_BOOL, RunCall, replace),
        BUS_FIELD("may_wait", BUS_BOOL, RunCall, may_wait),
        BUS_FIELD("timeout_ms", BUS_UINT64, RunCall, timeout_ms, BUS_OPTIONAL),
};
static const BusDictionary option_dictionary = BUS_DICTIONARY(option_fields);

static int append_run(sd_bus_message *call, const RunCall *run)
{
        int r = sd_bus_message_append(call, "ss", run->device, run->capability);
        if (r >= 0)
                r = sd_bus_message_append_strv(call, (char **) run->words);
        return r < 0 ? r : bus_dictionary_append(call, &option_dictionary, run);
}

int requests_client_run(sd_bus *bus, const RunCall *run, sd_bus_message **ret_reply, const char **ret_id,
                        char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = client_new_call(bus, METHOD(run->replay ? "ReplayTest" : "Run", ""), &call);
        if (r >= 0)
                r = run->replay ? sd_bus_message_append(call, "s", run->replay) : append_run(call, run);
        if (r >= 0)
                r = sd_bus_message_append(call, "h", run->stream_fd);
        r = client_send(&dispatch_daemon, r, call, &reply, ret_problem);
        if (r == 0)
                r = client_read(&dispatch_daemon, sd_bus_message_read(reply, "s", ret_id), ret_problem);
        if (r == 0)
                *ret_reply = TAKE_PTR(reply);
        return r;
}
