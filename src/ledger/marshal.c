/* SPDX-License-Identifier: MIT */
/* The ledger's structs on the bus, as dbus/org.devbox.Ledger1.xml describes them. */

#include "audit/entry-bus.h"
#include "bus/dictionary.h"
#include "ledger/daemon-internal.h"

#define ENTRIES_MAX 4096

/* ---- arguments */

int enrolment_read(sd_bus_message *message, Enrolment *ret_enrolment)
{
        static const BusField options[] = {
                BUS_FIELD("token_sha256", BUS_ARRAY, Enrolment, token_sha256, 0, SHA256_SIZE),
                BUS_FIELD("lost_size", BUS_COUNT, Enrolment, lost_size),
                BUS_FIELD("lost_head", BUS_ARRAY, Enrolment, lost_head, 0, SHA256_SIZE),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY_STRICT(options);
        Enrolment enrolment = { 0 };

        int r = sd_bus_message_read(message, "s", &enrolment.device);
        if (r >= 0)
                r = bus_array_read(message, enrolment.chain.bytes, CHAIN_ID_SIZE);
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &enrolment.root);
        if (r >= 0)
                r = bus_array_read(message, enrolment.root_sha256.bytes, SHA256_SIZE);
        if (r >= 0)
                r = bus_dictionary_read(message, &dictionary, &enrolment);
        if (r < 0)
                return -EBADMSG;

        *ret_enrolment = enrolment;
        return 0;
}

int bundle_read(sd_bus_message *message, LedgerBundle *ret_bundle)
{
        LedgerBundle bundle = { 0 };
        const char *approval;

        int r = sd_bus_message_read(message, "ss", &bundle.request, &bundle.delivery);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &approval)) > 0) {
                if (bundle.n_approvals == APPROVALS_MAX)
                        return -EBADMSG;
                bundle.approvals[bundle.n_approvals++] = approval;
        }
        if (r < 0)
                return -EBADMSG;

        *ret_bundle = bundle;
        return 0;
}

/* The part of a Result that Finish has. */
typedef struct Outcome {
        const char *status;
        int32_t exit_code, exit_signal;
        Bytes out, err;
        Result result;
} Outcome;

static const BusField outcome_fields[] = {
        BUS_FIELD("status", BUS_TEXT, Outcome, status, BUS_REQUIRED),
        BUS_FIELD("reason", BUS_TEXT, Outcome, result.reason),
        BUS_FIELD("message", BUS_TEXT, Outcome, result.message),
        BUS_FIELD("process_may_continue", BUS_BOOL, Outcome, result.process_may_continue),
        BUS_FIELD("exit_code", BUS_INT32, Outcome, exit_code),
        BUS_FIELD("exit_signal", BUS_INT32, Outcome, exit_signal),
        BUS_FIELD("stdout", BUS_BYTES, Outcome, out),
        BUS_FIELD("stdout_size", BUS_COUNT, Outcome, result.out.size),
        BUS_FIELD("stdout_sha256", BUS_ARRAY, Outcome, result.out.sha256, 0, SHA256_SIZE),
        BUS_FIELD("stdout_truncated", BUS_BOOL, Outcome, result.out.truncated),
        BUS_FIELD("stderr", BUS_BYTES, Outcome, err),
        BUS_FIELD("stderr_size", BUS_COUNT, Outcome, result.err.size),
        BUS_FIELD("stderr_sha256", BUS_ARRAY, Outcome, result.err.sha256, 0, SHA256_SIZE),
        BUS_FIELD("stderr_truncated", BUS_BOOL, Outcome, result.err.truncated),
        BUS_FIELD("started_at_ms", BUS_COUNT, Outcome, result.started_at_ms),
        BUS_FIELD("finished_at_ms", BUS_COUNT, Outcome, result.finished_at_ms),
};
static const BusDictionary outcome_dictionary = BUS_DICTIONARY_STRICT(outcome_fields);

int outcome_read(sd_bus_message *message, Result *ret_result)
{
        Outcome outcome = { .exit_code = -1, .result.status = _RESULT_STATUS_MAX };

        int r = bus_dictionary_read(message, &outcome_dictionary, &outcome);
        if (r < 0)
                return r;

        for (int i = 0; i < _RESULT_STATUS_MAX; i++)
                if (streq(result_status_names[i], outcome.status))
                        outcome.result.status = i;
        if (outcome.result.status == _RESULT_STATUS_MAX)
                return -EBADMSG;

        outcome.result.exit = (ResultExit){ .code = outcome.exit_code, .signal = outcome.exit_signal };
        outcome.result.out.data = (SchemaBlob){ (uint8_t *) outcome.out.data, outcome.out.size };
        outcome.result.err.data = (SchemaBlob){ (uint8_t *) outcome.err.data, outcome.err.size };
        *ret_result = outcome.result;
        return 0;
}

/* ---- entries of the chain */

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

int audit_entries_read(sd_bus_message *message, AuditEntry **ret_entries, size_t *ret_n)
{
        _cleanup_(freep) AuditEntry *entries = NULL;
        size_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', "(ttqayayay)");
        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                AuditEntry *entry = n < ENTRIES_MAX ? entries_grow(&entries, n) : NULL;

                if (!entry)
                        return n < ENTRIES_MAX ? -ENOMEM : -EBADMSG;
                r = audit_entry_read(message, entry);
                n++;
        }
        if (r < 0)
                return -EBADMSG;

        *ret_entries = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

/* ---- replies */

int reply_manifest_installed(sd_bus_message *message, const ManifestInstalled *installed)
{
        static const BusField fields[] = {
                BUS_FIELD("epoch", BUS_COUNT, ManifestInstalled, epoch),
                BUS_FIELD("version", BUS_COUNT, ManifestInstalled, version),
                BUS_FIELD("unchanged", BUS_BOOL, ManifestInstalled, unchanged),
                BUS_FIELD("gap", BUS_BOOL, ManifestInstalled, gap),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return bus_reply_dictionary(message, &dictionary, installed);
}

typedef struct AnswerView {
        const char *outcome, *request_id, *entry, *state, *reason, *message, *result;
        Sha256 digest;
        uint64_t seq;
} AnswerView;

static const BusField answer_fields[] = {
        BUS_FIELD("outcome", BUS_TEXT, AnswerView, outcome),
        BUS_FIELD("digest", BUS_ARRAY, AnswerView, digest, 0, SHA256_SIZE),
        BUS_FIELD("request_id", BUS_TEXT, AnswerView, request_id, BUS_OPTIONAL),
        BUS_FIELD("entry", BUS_TEXT, AnswerView, entry, BUS_OPTIONAL),
        BUS_FIELD("state", BUS_TEXT, AnswerView, state, BUS_OPTIONAL),
        BUS_FIELD("reason", BUS_TEXT, AnswerView, reason, BUS_OPTIONAL),
        BUS_FIELD("message", BUS_TEXT, AnswerView, message, BUS_OPTIONAL),
        BUS_FIELD("seq", BUS_UINT64, AnswerView, seq, BUS_OPTIONAL), /* 0 is the enrolment's */
        BUS_FIELD("result", BUS_TEXT, AnswerView, result, BUS_OPTIONAL),
};
static const BusDictionary answer_dictionary = BUS_DICTIONARY(answer_fields);

static const char *const outcome_names[] = {
        [LEDGER_DENIED] = "denied",
        [LEDGER_ACCEPTED] = "accepted",
        [LEDGER_KNOWN] = "known",
};

int reply_answer(sd_bus_message *message, const LedgerAnswer *answer)
{
        AnswerView view = {
                .outcome = outcome_names[answer->outcome],
                .request_id = answer->request_id,
                .entry = answer->entry,
                .state = answer->state ? request_state_name(answer->state) : NULL,
                .reason = answer->error ? devbox_error_code(answer->error) : NULL,
                .message = answer->error ? answer->message : NULL,
                .result = answer->result,
                .digest = answer->digest,
                .seq = answer->logged || answer->outcome == LEDGER_KNOWN ? answer->seq : 0,
        };

        return bus_reply_dictionary(message, &answer_dictionary, &view);
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
};
static const BusDictionary replica_dictionary = BUS_DICTIONARY(replica_fields);

int reply_replica(sd_bus_message *message, const ReplicaStatus *status)
{
        ReplicaView view = { .status = *status,
                             .quarantine =
                                     status->quarantine ? devbox_error_code(status->quarantine) : NULL };

        return bus_reply_dictionary(message, &replica_dictionary, &view);
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
};
static const BusDictionary status_dictionary = BUS_DICTIONARY(status_fields);

int reply_status(sd_bus_message *message, const LedgerStatus *status)
{
        return bus_reply_dictionary(message, &status_dictionary, status);
}
