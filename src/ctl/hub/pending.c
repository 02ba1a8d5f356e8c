/* SPDX-License-Identifier: MIT */
/* devboxctl pending: invitations that are open, and machines that wait to be admitted. */

#include <stdio.h>

#include "ctl/listing.h"
#include "ctl/mesh/mesh-client.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

typedef struct PendingOptions {
        bool withdraw;
} PendingOptions;

static void add_document(Json *json, const void *item)
{
        const MeshPending *pending = item;
        bool claimed = pending->claimed_at_ms > 0;

        json_open_object(json, NULL);
        json_add_string(json, "name", pending->name);
        json_add_string(json, "state", pending->state);
        json_add_string(json, "digits", pending->digits);
        json_add_bool(json, "bound", pending->bound);
        json_add_string(json, "source", pending->source);
        json_add_string(json, "description", pending->description);
        json_add_hex(json, "device_key", claimed ? BYTES_OF(pending->device_key.bytes) : BYTES_NULL);
        json_add_time(json, "claimed_at", pending->claimed_at_ms * USEC_PER_MSEC);
        json_add_time(json, "expires_at", pending->expires_at_ms * USEC_PER_MSEC);
        json_close_object(json);
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const MeshPending *pending = item;
        uint64_t left_ms = pending->expires_at_ms - MIN(pending->expires_at_ms, ctl->now_ms);
        bool held = streq(pending->state, "held");
        char span[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "%s", pending->name);
        table_add(table, held ? STYLE_BAD : STYLE_PLAIN, "%s", pending->state);
        table_add(table, STYLE_PLAIN, "%s",
                  pending->bound               ? "bound"
                  : *strempty(pending->digits) ? pending->digits
                                               : "-");
        table_add(table, STYLE_PLAIN, "%s", *strempty(pending->source) ? pending->source : "-");
        table_add(table, STYLE_PLAIN, "%s", *strempty(pending->description) ? pending->description : "-");
        table_add(table, STYLE_PLAIN, "%s", format_span(span, left_ms * USEC_PER_MSEC));
}

static const char *const titles[] = { "NAME", "STATE", "DIGITS", "FROM", "MACHINE", "LEFT" };

static const Listing listing = {
        .name = "pending",
        .empty = "no invitation is open",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(MeshPending),
        .add_document = add_document,
        .add_row = add_row,
};

static bool has_state(const ClientRows *rows, const char *state)
{
        const MeshPending *pending = rows->items;

        for (size_t i = 0; i < rows->n; i++)
                if (streq(pending[i].state, state))
                        return true;
        return false;
}

/* What a person does next. */
static int print_next(const Ctl *ctl, const ClientRows *rows)
{
        int r = 0;

        if (has_state(rows, "held"))
                r = print_line(stdout,
                               "held: two devices used the invitation; withdraw it with: %s%s%s pending "
                               "NAME --withdraw",
                               CTL_COMMAND(ctl));
        if (r == 0 && has_state(rows, "claimed"))
                r = print_line(stdout,
                               "Next: compare the digits with the device's screen, then: %s%s%s admit NAME",
                               CTL_COMMAND(ctl));
        return r;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        const PendingOptions *given = options;

        if (given->withdraw != (args[0] != NULL))
                return ctl_usage(ctl, "a name is for --withdraw, and --withdraw needs one");
        int r = ctl_open_bus(ctl);
        if (r == 0 && given->withdraw)
                return mesh_client_send_text(ctl->bus, "Withdraw", args[0], &ctl->problem);
        if (r == 0)
                r = client_query(ctl->bus, &mesh_list_pending, &rows, &ctl->problem);
        if (r == 0)
                r = listing_print(ctl, &listing, rows.items, rows.n);
        return r != 0 || ctl->json ? r : print_next(ctl, &rows);
}

static const Option options[] = {
        { "withdraw", &option_switch, offsetof(PendingOptions, withdraw),
          "end this invitation; a machine that waits is not admitted" },
        { 0 },
};

const Verb verb_pending = {
        .name = "pending",
        .arguments = "[NAME]",
        .help = "show open invitations and machines that wait to be admitted",
        VERB_OPTIONS(PendingOptions, options),
        .remote = true,
        .run = run,
};
