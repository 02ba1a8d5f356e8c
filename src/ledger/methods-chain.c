/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Ledger1 for the chain of this node: RecordCosignature, Checkpoint, Export,
 * ExportGrowth and GetStatus. */

#include "audit/entry-bus.h"
#include "basic/text.h"
#include "bus/dictionary.h"
#include "ledger/method.h"

/* One reply stays well below what the bus takes. */
#define EXPORT_BYTES_MAX (4 * 1024 * 1024)
#define GROWTH_MAX       1024 /* entries */

static int handle_checkpoint(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) char *checkpoint = NULL;
        LedgerDaemon *self = userdata;
        uint64_t size;

        if (sd_bus_message_read(message, "t", &size) < 0)
                return -EBADMSG;
        int r = ledger_checkpoint(self->ledger, size, &checkpoint);
        if (r == -ENOENT)
                return DEVBOX_ERROR_BAD_REQUEST;
        r = ledger_daemon_after_write(self, r);

        return r != 0 ? r : bus_reply(message, "s", checkpoint);
}

static int handle_record_cosignature(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *checkpoint;

        if (sd_bus_message_read(message, "s", &checkpoint) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_record_cosignature(self->ledger, checkpoint));

        return r != 0 ? r : bus_reply(message, NULL);
}

typedef struct Export {
        LedgerDaemon *self;
        sd_bus_message *reply;
        uint64_t n; /* entries */
        size_t bytes;
        bool with_evidence;
        Text evidence; /* lines */
} Export;

static int export_document(void *userdata, const char *envelope)
{
        Export *export = userdata;

        text_appendf(&export->evidence, "%s\n", envelope);
        return export->evidence.error;
}

static int export_entry(const AuditEntry *entry, void *userdata)
{
        Export *export = userdata;

        if (export->bytes + export->evidence.size > EXPORT_BYTES_MAX)
                return 1;

        export->n++;
        export->bytes += entry->body.size + 128;
        int r = audit_entry_append(export->reply, entry);
        return r < 0 || !export->with_evidence
                       ? MIN(r, 0)
                       : ledger_export_evidence(export->self->ledger, entry, export_document, export);
}

/* Begins the reply with the array of entries. */
static int export_entries(sd_bus_message *message, Export *export, const ChainRange *range)
{
        int r = sd_bus_message_new_method_return(message, &export->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(export->reply, 'a', ENTRY);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(export->self,
                                      ledger_export(export->self->ledger, range, export_entry, export));
        if (r != 0)
                return r;

        r = sd_bus_message_close_container(export->reply);
        return MIN(r, 0);
}

static void export_done(Export *export)
{
        sd_bus_message_unref(export->reply);
        text_done(&export->evidence);
}

static int handle_export(sd_bus_message *message, void *userdata)
{
        _cleanup_(export_done) Export export = { .self = userdata };
        const char *device;
        uint64_t from;
        uint32_t max;

        if (sd_bus_message_read(message, "stu", &device, &from, &max) < 0)
                return -EBADMSG;

        ChainRange range = { .device = *device != '\0' ? device : NULL,
                             .from = from,
                             .max = MIN(max, (uint32_t) ENTRIES_MAX) };
        int r = export_entries(message, &export, &range);
        return r != 0 ? r : MIN(sd_bus_send(NULL, export.reply, NULL), 0);
}

static int handle_export_growth(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        _cleanup_(export_done) Export export = { .self = self, .with_evidence = true };
        _cleanup_(freep) char *checkpoint = NULL;
        uint64_t from;

        if (sd_bus_message_read(message, "t", &from) < 0)
                return -EBADMSG;

        int r = export_entries(message, &export, &(ChainRange){ .from = from, .max = GROWTH_MAX });
        if (r != 0)
                return r;
        r = ledger_checkpoint(self->ledger, from + export.n, &checkpoint);
        if (r == -ENOENT)
                return DEVBOX_ERROR_BAD_REQUEST;
        r = ledger_daemon_after_write(self, r);
        if (r != 0)
                return r;

        r = sd_bus_message_append(export.reply, "ss", strempty(export.evidence.data), checkpoint);
        if (r >= 0)
                r = sd_bus_send(NULL, export.reply, NULL);
        return MIN(r, 0);
}

static const BusField status_fields[] = {
        BUS_FIELD("device", BUS_TEXT, LedgerStatus, device),
        BUS_FIELD("chain_id", BUS_ARRAY, LedgerStatus, chain, 0, CHAIN_ID_SIZE),
        BUS_FIELD("head", BUS_ARRAY, LedgerStatus, head, 0, SHA256_SIZE),
        BUS_FIELD("key", BUS_ARRAY, LedgerStatus, key, 0, PUBLIC_KEY_SIZE),
        BUS_FIELD("manifest_sha256", BUS_ARRAY, LedgerStatus, manifest_sha256, 0, SHA256_SIZE),
        BUS_FIELD("size", BUS_UINT64, LedgerStatus, size),
        BUS_FIELD("requests", BUS_UINT64, LedgerStatus, requests),
        BUS_FIELD("root_version", BUS_COUNT, LedgerStatus, root_version),
        BUS_FIELD("manifest_epoch", BUS_COUNT, LedgerStatus, epoch),
        BUS_FIELD("manifest_version", BUS_COUNT, LedgerStatus, version),
        BUS_FIELD("manifest_expires_at_ms", BUS_COUNT, LedgerStatus, expires_at_ms),
        BUS_FIELD("time_floor_ms", BUS_UINT64, LedgerStatus, time_floor_ms),
        BUS_FIELD("manifest_in_force", BUS_BOOL, LedgerStatus, in_force),
        BUS_FIELD("adoption_needed", BUS_BOOL, LedgerStatus, adoption_needed),
        BUS_FIELD("disk_full", BUS_BOOL, LedgerStatus, disk_full),
};
static const BusDictionary status_dictionary = BUS_DICTIONARY(status_fields);

static int reply_status(sd_bus_message *message, const LedgerStatus *status)
{
        return bus_reply_dictionary(message, &status_dictionary, status);
}
static int handle_get_status(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        LedgerStatus status;

        ledger_status(self->ledger, &status);
        return reply_status(message, &status);
}

LEDGER_METHOD(record_cosignature, ACCESS_AGENT);
LEDGER_METHOD(checkpoint, ACCESS_ANYONE);
LEDGER_METHOD(export, ACCESS_ANYONE);
LEDGER_METHOD(export_growth, ACCESS_AGENT);
LEDGER_METHOD(get_status, ACCESS_ANYONE);

const sd_bus_vtable ledger_chain_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("RecordCosignature", SD_BUS_ARGS("s", checkpoint), SD_BUS_NO_RESULT,
                                on_record_cosignature, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Checkpoint", SD_BUS_ARGS("t", size), SD_BUS_RESULT("s", checkpoint),
                                on_checkpoint, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Export", SD_BUS_ARGS("s", device, "t", from, "u", max),
                                SD_BUS_RESULT(ENTRIES, entries), on_export, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ExportGrowth", SD_BUS_ARGS("t", from),
                                SD_BUS_RESULT(ENTRIES, entries, "s", evidence, "s", checkpoint),
                                on_export_growth, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status), on_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("CheckpointMade", SD_BUS_ARGS("s", checkpoint), 0),
        SD_BUS_VTABLE_END,
};
