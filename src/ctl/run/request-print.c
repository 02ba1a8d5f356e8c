/* SPDX-License-Identifier: MIT */
/* How requests are shown. */

#include "ctl/run/request-print.h"

#include <stdio.h>

#include "ctl/listing.h"
#include "proto/id.h"

const char *format_request_state(char buffer[static FIGURE_MAX], const RequestRow *row)
{
        if (row->exit_signal > 0)
                (void) snprintf(buffer, FIGURE_MAX, "%s, signal %d", row->state, row->exit_signal);
        else if (streq(row->state, "finished"))
                (void) snprintf(buffer, FIGURE_MAX, "%s, exit %d", row->state, row->exit_code);
        else if (streq(row->state, "approving"))
                (void) snprintf(buffer, FIGURE_MAX, "approving, %u of %u", (unsigned) row->approvals,
                                (unsigned) row->approvals_needed);
        else
                (void) snprintf(buffer, FIGURE_MAX, "%s", row->state);

        return buffer;
}

const char *request_what(const RequestRow *row)
{
        return row->description ? row->description : strempty(row->subject);
}

void request_add_json(Json *json, const RequestRow *row)
{
        json_open_object(json, NULL);
        json_add_string(json, "id", row->id);
        json_add_string(json, "device", row->device);
        json_add_string(json, "capability", row->capability);
        json_add_string(json, "subject", row->subject);
        if (row->description)
                json_add_string(json, "description", row->description);
        json_add_string(json, "principal", row->principal);
        json_add_string(json, "state", row->state);
        json_add_string(json, "reason", row->reason);
        json_add_string(json, "message", row->message);
        json_add_string(json, "tier", row->tier);
        json_add_u64(json, "approvals", row->approvals);
        json_add_u64(json, "approvals_needed", row->approvals_needed);
        json_add_time(json, "created_at", row->created_at_ms * USEC_PER_MSEC);
        json_add_time(json, "expires_at", row->expires_at_ms * USEC_PER_MSEC);
        json_add_time(json, "ended_at", row->ended_at_ms * USEC_PER_MSEC);
        if (row->exit_code >= 0)
                json_add_u64(json, "exit_code", (uint64_t) row->exit_code);
        if (row->exit_signal > 0)
                json_add_u64(json, "exit_signal", (uint64_t) row->exit_signal);
        if (row->arguments)
                json_add_string(json, "arguments", row->arguments);
        if (row->request)
                json_add_string(json, "request", row->request);
        if (row->result)
                json_add_string(json, "result", row->result);
        json_close_object(json);
}

static void add_document(Json *json, const void *item)
{
        request_add_json(json, item);
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const RequestRow *row = item;
        char text[FIGURE_MAX];
        uint64_t end_ms = row->ended_at_ms > 0 ? row->ended_at_ms : ctl->now_ms;
        bool good = streq(row->state, "finished") && row->exit_code == 0;

        table_add(table, STYLE_PLAIN, "%s", format_moment(text, row->created_at_ms));
        table_add(table, STYLE_HEAD, "%s", ulid_shown(row->id));
        table_add(table, STYLE_PLAIN, "%s", strempty(row->device));
        table_add(table, STYLE_PLAIN, "%s", strempty(row->principal));
        table_add(table, row->ended_at_ms > 0 && !good ? STYLE_BAD : STYLE_PLAIN, "%s",
                  format_request_state(text, row));
        table_add(table, STYLE_PLAIN, "%.1f s", (double) (end_ms - MIN(end_ms, row->created_at_ms)) / 1000);
        table_add(table, STYLE_PLAIN, "%s", request_what(row));
}

int print_asked(const RequestRow *row)
{
        return print_line(stderr, "%s asks %s for: %s", strempty(row->principal), strempty(row->device),
                          request_what(row));
}

static const char *const titles[] = { "TIME", "ID", "DEVICE", "WHO", "STATE", "TOOK", "WHAT" };

int print_requests(const Ctl *ctl, const ClientRows *rows, bool waiting)
{
        const Listing listing = {
                .name = "requests",
                .empty = waiting ? "no request waits for an approval"
                                 : "no requests; send one with: devboxctl run DEVICE PROGRAM",
                .titles = titles,
                .n_columns = ELEMENTSOF(titles),
                .item_size = sizeof(RequestRow),
                .add_document = add_document,
                .add_row = add_row,
        };

        return listing_print(ctl, &listing, rows->items, rows->n);
}
