/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Ledger1 for a hub: Pin, Unpin, Witness and GetReplica for the chains of its
 * devices, and Record for its own. */

#include "audit/entry-bus.h"
#include "bus/dictionary.h"
#include "ledger/method.h"
#include "ledger/record.h"
#include "log/log.h"

static int handle_pin(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *device;
        PublicKey key;
        ChainId chain;

        int r = sd_bus_message_read(message, "s", &device);
        if (r >= 0)
                r = bus_array_read(message, chain.bytes, CHAIN_ID_SIZE);
        if (r >= 0)
                r = bus_array_read(message, key.bytes, PUBLIC_KEY_SIZE);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_after_write(self, ledger_pin(self->ledger, device, &chain, &key));

        return r != 0 ? r : bus_reply(message, NULL);
}

static int handle_unpin(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *device;

        if (sd_bus_message_read(message, "s", &device) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_unpin(self->ledger, device));

        return r != 0 ? r : bus_reply(message, NULL);
}

/* Room for the next entry; NULL: no memory. */
static AuditEntry *entries_grow(AuditEntry **entries, size_t n)
{
        if (n % 64 == 0) {
                AuditEntry *more = reallocarray(*entries, n + 64, sizeof **entries);

                if (!more)
                        return NULL;
                *entries = more;
        }

        return &(*entries)[n];
}

static int audit_entries_read(sd_bus_message *message, AuditEntry **ret_entries, size_t *ret_n)
{
        _cleanup_(freep) AuditEntry *entries = NULL;
        size_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', ENTRY);
        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                AuditEntry *entry = n < ENTRIES_MAX ? entries_grow(&entries, n) : NULL;

                if (!entry)
                        return n < ENTRIES_MAX ? -ENOMEM : -EBADMSG;
                r = audit_entry_read(message, entry);
                n++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return -EBADMSG;

        *ret_entries = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

static int evidence_read(sd_bus_message *message, AuditEvidence **ret_evidence)
{
        const char *lines;
        unsigned number;

        int r = sd_bus_message_read(message, "s", &lines);
        return r <= 0 ? -EBADMSG : audit_evidence_parse(lines, ret_evidence, &number);
}

static int handle_witness(sd_bus_message *message, void *userdata)
{
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence = NULL;
        _cleanup_(freep) AuditEntry *entries = NULL;
        _cleanup_(freep) char *cosigned = NULL;
        LedgerDaemon *self = userdata;
        const char *checkpoint;
        size_t n;

        if (sd_bus_message_read(message, "s", &checkpoint) < 0)
                return -EBADMSG;
        int r = audit_entries_read(message, &entries, &n);
        if (r == 0)
                r = evidence_read(message, &evidence);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(
                self,
                ledger_witness(self->ledger, checkpoint, (AuditEntries){ entries, n }, evidence, &cosigned));
        if (r == DEVBOX_ERROR_WITNESS_ROLLBACK || r == DEVBOX_ERROR_WITNESS_FORK)
                (void) log_full(LOG_ALERT, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_WITNESS_ALARM }),
                                "A device's audit chain did not only grow: %s",
                                devbox_error_sentence((DevboxError) r));

        return r != 0 ? r : bus_reply(message, "s", cosigned);
}

typedef struct ReplicaView {
        ReplicaStatus status;
        const char *quarantine;
} ReplicaView;

static const BusField replica_fields[] = {
        BUS_FIELD("size", BUS_UINT64, ReplicaView, status.size),
        BUS_FIELD("chain_id", BUS_ARRAY, ReplicaView, status.chain, 0, CHAIN_ID_SIZE),
        BUS_FIELD("key", BUS_ARRAY, ReplicaView, status.key, 0, PUBLIC_KEY_SIZE),
        BUS_FIELD("checkpoint", BUS_TEXT, ReplicaView, status.checkpoint, BUS_OPTIONAL),
        BUS_FIELD("quarantine", BUS_TEXT, ReplicaView, quarantine, BUS_OPTIONAL),
        BUS_FIELD("revoked", BUS_BOOL, ReplicaView, status.revoked),
};
static const BusDictionary replica_dictionary = BUS_DICTIONARY(replica_fields);

static int reply_replica(sd_bus_message *message, const ReplicaStatus *status)
{
        ReplicaView view = { .status = *status,
                             .quarantine =
                                     status->quarantine ? devbox_error_code(status->quarantine) : NULL };

        return bus_reply_dictionary(message, &replica_dictionary, &view);
}

static int handle_get_replica(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        ReplicaStatus status = { 0 };
        const char *device;

        if (sd_bus_message_read(message, "s", &device) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_replica(self->ledger, device, &status));
        if (r != 0)
                return r;

        _cleanup_(freep) char *checkpoint = status.checkpoint;
        return reply_replica(message, &status);
}

/* ---- Record */

/* Who may record which events. Those of the ledger itself are for no caller. */
static const unsigned event_users[_AUDIT_EVENT_MAX] = {
        [AUDIT_EVENT_INVITED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_WITHDRAWN] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_EXPIRED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_CLAIMED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_CLAIM_REJECTED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_HELD] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_TOKEN_REUSED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_ADMITTED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_ACTIVE] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_REVOKED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_REVOKE_REQUESTED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_STALE] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_DRIFT] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_MANIFEST_PUBLISHED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_MANIFEST_REJECTED] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_MANIFEST_EXPIRING] = 1 << LEDGER_USER_MESH,
        [AUDIT_EVENT_CONNECTED] = 1 << LEDGER_USER_DISPATCH,
        [AUDIT_EVENT_APPROVAL_REQUESTED] = 1 << LEDGER_USER_DISPATCH,
        [AUDIT_EVENT_APPROVED] = 1 << LEDGER_USER_DISPATCH,
        [AUDIT_EVENT_APPROVAL_DENIED] = 1 << LEDGER_USER_DISPATCH,
        [AUDIT_EVENT_APPROVAL_WITHDRAWN] = 1 << LEDGER_USER_DISPATCH,
        [AUDIT_EVENT_APPROVAL_EXPIRED] = 1 << LEDGER_USER_DISPATCH,
};

/* _AUDIT_EVENT_MAX: none of that name is for callers. */
static AuditEventKind find_event_kind(const char *name)
{
        for (int kind = 0; kind < _AUDIT_EVENT_MAX; kind++)
                if (event_users[kind] != 0 && streq(audit_event_names[kind], name))
                        return (AuditEventKind) kind;

        return _AUDIT_EVENT_MAX;
}

static int detail_read(sd_bus_message *message, LedgerEvent *event)
{
        const char *key, *value;

        int r = sd_bus_message_read(message, "sv", &key, "s", &value);
        if (r < 0)
                return r;

        if (streq(key, "id")) {
                event->id = value;
                return 0;
        }
        if (event->n_details == AUDIT_DETAILS_MAX)
                return -EBADMSG;

        event->details[event->n_details++] = (SchemaPair){ (char *) key, (char *) value };
        return 0;
}

static int event_read(sd_bus_message *message, LedgerEvent *ret_event)
{
        LedgerEvent event = { 0 };
        const char *kind, *device;

        int r = sd_bus_message_read(message, "ss", &kind, &device);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = detail_read(message, &event);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r < 0)
                return -EBADMSG;

        event.kind = find_event_kind(kind);
        event.device = *device != '\0' ? device : NULL;
        if (event.kind == _AUDIT_EVENT_MAX || !event.id)
                return -EBADMSG;

        *ret_event = event;
        return 0;
}

static int handle_record(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        LedgerEvent event;

        int r = event_read(message, &event);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_record(self->ledger, &event));

        return r != 0 ? r : bus_reply(message, NULL);
}

/* The kind decides who may call it; one that is unknown is left to root. */
static BusAccess access_record(sd_bus_message *message)
{
        AuditEventKind kind = _AUDIT_EVENT_MAX;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) >= 0)
                kind = find_event_kind(name);

        return (BusAccess){ .users = kind < _AUDIT_EVENT_MAX ? event_users[kind] : 0 };
}

LEDGER_METHOD(pin, ACCESS_HUB);
LEDGER_METHOD(unpin, ACCESS_MESH);
LEDGER_METHOD(witness, ACCESS_DISPATCH);
LEDGER_METHOD(get_replica, ACCESS_HUB);
LEDGER_METHOD(record, access_record(message));

const sd_bus_vtable ledger_hub_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Pin", SD_BUS_ARGS("s", device, "ay", chain_id, "ay", key), SD_BUS_NO_RESULT,
                                on_pin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unpin", SD_BUS_ARGS("s", device), SD_BUS_NO_RESULT, on_unpin,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Witness", SD_BUS_ARGS("s", checkpoint, ENTRIES, entries, "s", evidence),
                                SD_BUS_RESULT("s", cosigned), on_witness, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetReplica", SD_BUS_ARGS("s", device), SD_BUS_RESULT("a{sv}", replica),
                                on_get_replica, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Record", SD_BUS_ARGS("s", kind, "s", device, "a{sv}", detail),
                                SD_BUS_NO_RESULT, on_record, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
