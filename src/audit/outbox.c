/* SPDX-License-Identifier: MIT */
/* Sends the rows of a table to devbox-ledger. */

#include "audit/outbox.h"

#include "log/log.h"

#define BACKOFF_MIN_USEC (1 * USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)

static const BusService service = {
        .title = "devbox-ledger",
        .name = "org.devbox.Ledger1",
        .path = "/org/devbox/Ledger1",
        .deadline_usec = 25 * USEC_PER_SEC,
        .unavailable = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
};

int outbox_append_pair(sd_bus_message *call, const char *key, const char *value)
{
        return sd_bus_message_append(call, "{sv}", key, "s", value);
}

int outbox_open_record(sd_bus_message *call, const char *kind, const char *device, const char *id)
{
        int r = sd_bus_message_append(call, "ss", kind, device);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        return r < 0 ? r : outbox_append_pair(call, "id", id);
}

/* ---- sending */

/* Whether the ledger will never take the row. */
static bool is_final(int reason)
{
        switch (reason) {
        case DEVBOX_ERROR_BAD_REQUEST:
        case DEVBOX_ERROR_BAD_SCHEMA:
        case DEVBOX_ERROR_PEER_UNKNOWN:
        case DEVBOX_ERROR_ENROLLED_OTHERWISE:
                return true;
        default:
                return false;
        }
}

static void retry_later(Outbox *outbox)
{
        int r = sd_event_source_set_time_relative(outbox->timer, backoff_next(&outbox->backoff));
        if (r >= 0)
                r = sd_event_source_set_enabled(outbox->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot wait before the next attempt, the next row begins it");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        outbox_send(userdata);
        return 0;
}

static void delete_row(Outbox *outbox)
{
        Database *database = *outbox->database;
        int r = database ? query_run(database, outbox->rows->remove, "i", outbox->seq) : 0;

        if (r < 0)
                (void) log_debug_errno(r, "Cannot delete a row of the outbox, it is sent again");
}

static void on_reply(BusRequest *request, const BusReply *reply)
{
        Outbox *outbox = CONTAINER_OF(request, Outbox, request);

        if (reply->reason != 0 && !is_final(reply->reason))
                return retry_later(outbox);

        if (reply->reason != 0) {
                outbox->rejected_total++;
                log_error("devbox-ledger rejects an entry %s: %s", outbox->rows->subject,
                          devbox_error_code((DevboxError) reply->reason));
        } else
                outbox->sent_total++;
        backoff_reset(&outbox->backoff);
        delete_row(outbox);
        outbox_send(outbox);
}

static int new_call(const Outbox *outbox, const Statement *row, sd_bus_message **ret_call)
{
        const char *method = statement_text(row, 1);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call =
                bus_client_new_call(&outbox->client, method, NULL);

        int r = call ? outbox->rows->append(call, method, row) : -ENOTCONN;
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}

static bool is_waiting(const Outbox *outbox)
{
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(outbox->timer, &enabled);
        return outbox->request.slot || enabled != SD_EVENT_OFF;
}

void outbox_send(Outbox *outbox)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        sd_bus_message *call = NULL;

        if (!*outbox->database || is_waiting(outbox))
                return;
        int r = query(*outbox->database, &row, outbox->rows->next, "");
        if (r >= 0)
                r = statement_step(row);
        if (r <= 0)
                return; /* what the database cannot do is logged by its owner */

        outbox->seq = statement_integer(row, 0);
        r = new_call(outbox, row, &call);
        row = statement_reset(row);
        if (r < 0)
                log_error_errno(r, "Cannot send a row of the outbox, ignoring");
        else
                bus_client_send_take(&outbox->client, &outbox->request, call, on_reply);
}

/* ---- public */

int outbox_init(Outbox *outbox, const OutboxRows *rows, Database *const *database, sd_bus *bus)
{
        *outbox = (Outbox){ .rows = rows,
                            .database = database,
                            .client = { .service = &service },
                            .backoff = { .min_usec = BACKOFF_MIN_USEC, .max_usec = BACKOFF_MAX_USEC } };
        int r = sd_event_add_time_relative(sd_bus_get_event(bus), &outbox->timer, CLOCK_MONOTONIC, 0, 0,
                                           on_timer, outbox);
        if (r >= 0)
                r = sd_event_source_set_enabled(outbox->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        bus_client_attach(&outbox->client, bus);
        return 0;
}

void outbox_done(Outbox *outbox)
{
        bus_client_done(&outbox->client);
        outbox->timer = sd_event_source_disable_unref(outbox->timer);
}
