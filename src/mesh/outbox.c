/* SPDX-License-Identifier: MIT */
/* The rows of the outbox of mesh.db: seq, member, device, id, kind, detail, chain_id, device_key. */

#include "mesh/outbox.h"

static int append_record(sd_bus_message *call, const Statement *row)
{
        const char *detail = statement_text(row, 5);

        int r = outbox_open_record(call, statement_text(row, 4), statement_text(row, 2),
                                   statement_text(row, 3));
        if (r >= 0 && strempty(detail)[0] != '\0')
                r = outbox_append_pair(call, "detail", detail);
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

static int append_row(sd_bus_message *call, const char *method, const Statement *row)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (streq(members[i].name, method))
                        return members[i].append(call, row);

        return -EBADMSG;
}

const OutboxRows mesh_outbox_rows = {
        .next = "SELECT seq, member, device, id, kind, detail, chain_id, device_key FROM outbox"
                " ORDER BY seq LIMIT 1",
        .remove = "DELETE FROM outbox WHERE seq = ?",
        .subject = "of the network",
        .append = append_row,
};
