/* SPDX-License-Identifier: MIT */
/* The rows of the outbox of dispatch.db: seq, method, kind, device, id, and the details. */

#include "dispatch/outbox.h"

/* Columns from FIRST on, by the names that the chain has. */
static const char *const details[] = { "request", "subject",         "principal", "tier",
                                       "status",  "approval_msg_id", "reason" };
#define FIRST 5

static int append_row(sd_bus_message *call, const char *method, const Statement *row)
{
        int r = outbox_open_record(call, statement_text(row, 2), statement_text(row, 3),
                                   statement_text(row, 4));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(details); i++) {
                const char *value = statement_text(row, FIRST + (int) i);

                if (value)
                        r = outbox_append_pair(call, details[i], value);
        }

        return r < 0 ? r : sd_bus_message_close_container(call);
}

const OutboxRows dispatch_outbox_rows = {
        .next = "SELECT seq, 'Record', kind, device, id, request, subject, principal, tier, status,"
                " approval_msg_id, reason FROM outbox ORDER BY seq LIMIT 1",
        .remove = "DELETE FROM outbox WHERE seq = ?",
        .subject = "about an approval",
        .append = append_row,
};
