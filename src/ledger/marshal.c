/* SPDX-License-Identifier: MIT */
/* How the ledger's things look on the bus: as dbus/org.devbox.Ledger1.xml says. */

#include <stdarg.h>

#include "ledger/service-internal.h"

#define ENTRIES_MAX 4096

int wire_read_bytes(sd_bus_message *message, void *ret_bytes, size_t size)
{
        const void *data;
        size_t n;

        int r = sd_bus_message_read_array(message, 'y', &data, &n);
        if (r < 0)
                return r;
        if (n != size)
                return -EBADMSG;

        memcpy(ret_bytes, data, size);
        return 0;
}

int wire_append_bytes(sd_bus_message *message, Bytes bytes)
{
        return sd_bus_message_append_array(message, 'y', bytes.data, bytes.size);
}

int wire_append_pair(sd_bus_message *message, const char *key, const char *type, ...)
{
        va_list values;

        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', type);
        if (r < 0)
                return r;

        va_start(values, type);
        r = sd_bus_message_appendv(message, type, values);
        va_end(values);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

int wire_append_pair_bytes(sd_bus_message *message, const char *key, Bytes bytes)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "ay");
        if (r >= 0)
                r = wire_append_bytes(message, bytes);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

/* ---- dictionaries that come in: a table of keys, each at most once, no others */

typedef enum FieldType {
        FIELD_TEXT,
        FIELD_INTEGER,
        FIELD_SIZE,
        FIELD_BOOLEAN,
        FIELD_DIGEST,
        FIELD_BYTES
} FieldType;

static const char *const field_signatures[] = {
        [FIELD_TEXT] = "s",    [FIELD_INTEGER] = "i", [FIELD_SIZE] = "t",
        [FIELD_BOOLEAN] = "b", [FIELD_DIGEST] = "ay", [FIELD_BYTES] = "ay",
};

typedef struct Field {
        const char *key;
        FieldType type;
        size_t offset;
} Field;

typedef struct Fields {
        const Field *fields;
        size_t n;
} Fields;

static int read_size(sd_bus_message *message, int64_t *ret_value)
{
        uint64_t value;

        int r = sd_bus_message_read(message, "t", &value);
        if (r < 0)
                return r;
        if (value > SCHEMA_INTEGER_MAX)
                return -EBADMSG;

        *ret_value = (int64_t) value;
        return 0;
}

static int read_blob(sd_bus_message *message, SchemaBlob *ret_blob)
{
        const void *data;
        size_t size;

        int r = sd_bus_message_read_array(message, 'y', &data, &size);
        if (r < 0)
                return r;

        *ret_blob = (SchemaBlob){ (uint8_t *) data, size };
        return 0;
}

static int read_value(sd_bus_message *message, FieldType type, void *at)
{
        int32_t number;
        int truth, r;

        switch (type) {
        case FIELD_TEXT:
                return sd_bus_message_read(message, "s", at);
        case FIELD_INTEGER:
                r = sd_bus_message_read(message, "i", &number);
                if (r >= 0)
                        *(int64_t *) at = number;
                return r;
        case FIELD_SIZE:
                return read_size(message, at);
        case FIELD_BOOLEAN:
                r = sd_bus_message_read(message, "b", &truth);
                if (r >= 0)
                        *(bool *) at = truth;
                return r;
        case FIELD_DIGEST:
                return wire_read_bytes(message, at, SHA256_SIZE);
        case FIELD_BYTES:
                return read_blob(message, at);
        }

        assert(false);
        return -EINVAL;
}

static int read_pair(sd_bus_message *message, Fields fields, void *object, uint64_t *seen)
{
        const char *key;

        int r = sd_bus_message_read(message, "s", &key);
        if (r < 0)
                return r;

        for (size_t i = 0; i < fields.n; i++) {
                const Field *field = &fields.fields[i];

                if (!streq(field->key, key))
                        continue;
                if (*seen & UINT64_C(1) << i)
                        return -EBADMSG;
                *seen |= UINT64_C(1) << i;
                r = sd_bus_message_enter_container(message, 'v', field_signatures[field->type]);
                if (r < 0)
                        return -EBADMSG;
                r = read_value(message, field->type, (char *) object + field->offset);
                if (r < 0)
                        return r;
                return sd_bus_message_exit_container(message);
        }

        return -EBADMSG;
}

static int read_dictionary(sd_bus_message *message, Fields fields, void *object)
{
        uint64_t seen = 0;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        for (;;) {
                r = sd_bus_message_enter_container(message, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_pair(message, fields, object, &seen);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int wire_read_enrolment(sd_bus_message *message, Enrolment *ret_enrolment)
{
        static const Field fields[] = {
                { "token_sha256", FIELD_DIGEST, offsetof(Enrolment, token_sha256) },
                { "lost_size", FIELD_SIZE, offsetof(Enrolment, lost_size) },
                { "lost_head", FIELD_DIGEST, offsetof(Enrolment, lost_head) },
        };
        Enrolment enrolment = { 0 };

        int r = sd_bus_message_read(message, "s", &enrolment.device);
        if (r >= 0)
                r = wire_read_bytes(message, enrolment.chain.bytes, CHAIN_ID_SIZE);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &enrolment.root);
        if (r >= 0)
                r = wire_read_bytes(message, enrolment.root_sha256.bytes, SHA256_SIZE);
        if (r >= 0)
                r = read_dictionary(message, (Fields){ fields, ELEMENTSOF(fields) }, &enrolment);
        if (r < 0)
                return r;

        *ret_enrolment = enrolment;
        return 0;
}

typedef struct Outcome {
        const char *status;
        Result how;
} Outcome;

int wire_read_outcome(sd_bus_message *message, Result *ret_how)
{
#define AT(member) offsetof(Outcome, how.member)
        static const Field fields[] = {
                { "status", FIELD_TEXT, offsetof(Outcome, status) },
                { "reason", FIELD_TEXT, AT(reason) },
                { "message", FIELD_TEXT, AT(message) },
                { "process_may_continue", FIELD_BOOLEAN, AT(process_may_continue) },
                { "exit_code", FIELD_INTEGER, AT(exit.code) },
                { "exit_signal", FIELD_INTEGER, AT(exit.signal) },
                { "stdout", FIELD_BYTES, AT(out.data) },
                { "stdout_size", FIELD_SIZE, AT(out.size) },
                { "stdout_sha256", FIELD_DIGEST, AT(out.sha256) },
                { "stdout_truncated", FIELD_BOOLEAN, AT(out.truncated) },
                { "stderr", FIELD_BYTES, AT(err.data) },
                { "stderr_size", FIELD_SIZE, AT(err.size) },
                { "stderr_sha256", FIELD_DIGEST, AT(err.sha256) },
                { "stderr_truncated", FIELD_BOOLEAN, AT(err.truncated) },
                { "started_at_ms", FIELD_SIZE, AT(started_at_ms) },
                { "finished_at_ms", FIELD_SIZE, AT(finished_at_ms) },
        };
#undef AT
        Outcome outcome = { .how.exit.code = -1 };

        int r = read_dictionary(message, (Fields){ fields, ELEMENTSOF(fields) }, &outcome);
        if (r < 0)
                return r;

        outcome.how.status = -1;
        for (int i = 0; outcome.status && i < _RESULT_STATUS_MAX; i++)
                if (streq(result_status_names[i], outcome.status))
                        outcome.how.status = i;
        if (outcome.how.status < 0)
                return -EBADMSG;

        *ret_how = outcome.how;
        return 0;
}

/* ---- entries of the chain */

int wire_append_entry(sd_bus_message *message, const AuditEntry *entry)
{
        int r = sd_bus_message_open_container(message, 'r', "ttqayayay");
        if (r >= 0)
                r = sd_bus_message_append(message, "ttq", entry->seq, entry->time_ms, entry->type);
        if (r >= 0)
                r = wire_append_bytes(message, entry->body);
        if (r >= 0)
                r = wire_append_bytes(message, BYTES_OF(entry->prev.bytes));
        if (r >= 0)
                r = wire_append_bytes(message, BYTES_OF(entry->hash.bytes));
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

static int read_entry(sd_bus_message *message, AuditEntry *entry)
{
        const void *body;

        int r = sd_bus_message_read(message, "ttq", &entry->seq, &entry->time_ms, &entry->type);
        if (r >= 0)
                r = sd_bus_message_read_array(message, 'y', &body, &entry->body.size);
        if (r >= 0)
                r = wire_read_bytes(message, entry->prev.bytes, SHA256_SIZE);
        if (r >= 0)
                r = wire_read_bytes(message, entry->hash.bytes, SHA256_SIZE);
        if (r < 0)
                return r;

        entry->body.data = body;
        return 0;
}

int wire_read_entries(sd_bus_message *message, AuditEntry **ret_entries, size_t *ret_n)
{
        _cleanup_(freep) AuditEntry *entries = NULL;
        size_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', "(ttqayayay)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'r', "ttqayayay")) > 0) {
                if (n == ENTRIES_MAX)
                        return -EBADMSG;
                if (n % 64 == 0) {
                        AuditEntry *more = reallocarray(entries, n + 64, sizeof *entries);
                        if (!more)
                                return -ENOMEM;
                        entries = more;
                }
                r = read_entry(message, &entries[n++]);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret_entries = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

/* ---- dictionaries that go out */

static const char *const outcome_names[] = {
        [LEDGER_DENIED] = "denied",
        [LEDGER_ACCEPTED] = "accepted",
        [LEDGER_KNOWN] = "known",
};

int wire_append_answer(sd_bus_message *message, const LedgerAnswer *answer)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r >= 0)
                r = wire_append_pair(message, "outcome", "s", outcome_names[answer->outcome]);
        if (r >= 0)
                r = wire_append_pair_bytes(message, "digest", BYTES_OF(answer->digest.bytes));
        if (r >= 0 && answer->request_id[0] != '\0')
                r = wire_append_pair(message, "request_id", "s", answer->request_id);
        if (r >= 0 && answer->entry)
                r = wire_append_pair(message, "entry", "s", answer->entry);
        if (r >= 0 && answer->state != 0)
                r = wire_append_pair(message, "state", "s", request_state_name(answer->state));
        if (r >= 0 && answer->error != 0)
                r = wire_append_pair(message, "reason", "s", devbox_error_code(answer->error));
        if (r >= 0 && answer->error != 0)
                r = wire_append_pair(message, "message", "s", answer->message);
        if (r >= 0 && (answer->logged || answer->outcome == LEDGER_KNOWN))
                r = wire_append_pair(message, "seq", "t", answer->seq);
        if (r >= 0 && answer->result)
                r = wire_append_pair(message, "result", "s", answer->result);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

int wire_append_status(sd_bus_message *message, const LedgerStatus *status)
{
        const struct {
                const char *key;
                uint64_t value;
        } numbers[] = {
                { "size", status->size },
                { "requests", status->requests },
                { "root_version", (uint64_t) status->root_version },
                { "manifest_epoch", (uint64_t) status->epoch },
                { "manifest_version", (uint64_t) status->version },
                { "manifest_expires_at_ms", (uint64_t) status->expires_at_ms },
                { "time_floor_ms", status->time_floor_ms },
        };

        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r >= 0)
                r = wire_append_pair(message, "device", "s", status->device);
        if (r >= 0)
                r = wire_append_pair_bytes(message, "chain_id", BYTES_OF(status->chain.bytes));
        if (r >= 0)
                r = wire_append_pair_bytes(message, "head", BYTES_OF(status->head.bytes));
        if (r >= 0)
                r = wire_append_pair_bytes(message, "key", BYTES_OF(status->key.bytes));
        if (r >= 0)
                r = wire_append_pair_bytes(message, "manifest_sha256",
                                           BYTES_OF(status->manifest_sha256.bytes));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = wire_append_pair(message, numbers[i].key, "t", numbers[i].value);
        if (r >= 0)
                r = wire_append_pair(message, "manifest_in_force", "b", (int) status->in_force);
        if (r >= 0)
                r = wire_append_pair(message, "adoption_needed", "b", (int) status->adoption_needed);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}
