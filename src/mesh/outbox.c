/* SPDX-License-Identifier: MIT */
/* Sends the rows of the outbox to devbox-ledger. */

#include "mesh/outbox.h"

#include "log/log.h"

#define LEDGER           "org.devbox.Ledger1"
#define LEDGER_PATH      "/org/devbox/Ledger1"
#define BACKOFF_MIN_USEC (1 * USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)

static const BusService service = {
        .title = "devbox-ledger",
        .deadline_usec = 25 * USEC_PER_SEC,
        .unavailable = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
};

void outbox_init(Outbox *outbox, const Store *store, sd_bus *bus)
{
        *outbox = (Outbox){ .store = store,
                            .client = { .service = &service },
                            .backoff = { .min_usec = BACKOFF_MIN_USEC, .max_usec = BACKOFF_MAX_USEC } };
        bus_client_attach(&outbox->client, bus);
}

void outbox_done(Outbox *outbox)
{
        bus_client_done(&outbox->client);
}

/* ---- the call of a row: its columns are seq, member, device, id, kind, detail, chain_id, device_key */

static int append_pair(sd_bus_message *call, const char *key, const char *value)
{
        return sd_bus_message_append(call, "{sv}", key, "s", value);
}

static int append_record(sd_bus_message *call, const Statement *row)
{
        const char *detail = statement_text(row, 5);

        int r = sd_bus_message_append(call, "ss", statement_text(row, 4), statement_text(row, 2));
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_pair(call, "id", statement_text(row, 3));
        if (r >= 0 && strempty(detail)[0] != '\0')
                r = append_pair(call, "detail", detail);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_pin(sd_bus_message *call, const Statement *row)
{
        Bytes chain = statement_bytes(row, 6), key = statement_bytes(row, 7);

        int r = sd_bus_message_append(call, "s", statement_text(row, 2));
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', chain.data, chain.size);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', key.data, key.size);
        return r;
}

static int append_unpin(sd_bus_message *call, const Statement *row)
{
        return sd_bus_message_append(call, "s", statement_text(row, 2));
}

static const struct {
        const char *name;
        int (*append)(sd_bus_message *call, const Statement *row);
} members[] = {
        { "Record", append_record },
        { "Pin", append_pin },
        { "Unpin", append_unpin },
};

static int new_call(const Outbox *outbox, const Statement *row, sd_bus_message **ret_call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        const char *member = statement_text(row, 1);
        size_t i = 0;

        while (i < ELEMENTSOF(members) && !streq(members[i].name, member))
                i++;
        if (i == ELEMENTSOF(members))
                return -EBADMSG;

        int r = sd_bus_message_new_method_call(outbox->client.bus, &call, LEDGER, LEDGER_PATH, LEDGER,
                                               member);
        if (r >= 0)
                r = members[i].append(call, row);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
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

static void delete_row(Outbox *outbox)
{
        int r = outbox->store->database ? query_run(outbox->store->database,
                                                    "DELETE FROM outbox WHERE seq = ?", "i", outbox->seq)
                                        : 0;
        if (r < 0)
                (void) log_debug_errno(r, "Cannot delete a row of the outbox, it is sent again");
}

static void on_reply(BusRequest *request, const BusReply *reply)
{
        Outbox *outbox = CONTAINER_OF(request, Outbox, request);

        if (reply->reason != 0 && !is_final(reply->reason)) {
                outbox->not_before_usec = deadline_after(backoff_next(&outbox->backoff));
                return;
        }

        if (reply->reason != 0) {
                outbox->rejected_total++;
                log_error("devbox-ledger rejects an entry of the network: %s",
                          devbox_error_code((DevboxError) reply->reason));
        } else
                outbox->sent_total++;
        backoff_reset(&outbox->backoff);
        outbox->not_before_usec = 0;
        delete_row(outbox);
        outbox_send(outbox);
}

void outbox_send(Outbox *outbox)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        sd_bus_message *call = NULL;

        if (!outbox->store->database || outbox->request.slot || deadline_left(outbox->not_before_usec) > 0)
                return;
        int r = query(outbox->store->database, &row,
                      "SELECT seq, member, device, id, kind, detail, chain_id, device_key FROM outbox"
                      " ORDER BY seq LIMIT 1",
                      "");
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
