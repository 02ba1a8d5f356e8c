/* SPDX-License-Identifier: MIT */
/* What the ledger is asked. Each method reads its arguments, asks the ledger, and replies. */

#include "ledger/service-internal.h"
#include "log/log.h"

/* One answer of Export stays well below what the bus takes. */
#define EXPORT_ENTRIES_MAX 4096
#define EXPORT_BYTES_MAX   (4 * 1024 * 1024)

/* What sd-bus returns may be above 0, which here would be a reason. */
static int send_reply(sd_bus_message *reply)
{
        int r = sd_bus_send(NULL, reply, NULL);

        return MIN(r, 0);
}

static int reply_text(sd_bus_message *message, const char *text)
{
        int r = sd_bus_reply_method_return(message, "s", text);

        return MIN(r, 0);
}

static int reply_nothing(sd_bus_message *message)
{
        int r = sd_bus_reply_method_return(message, NULL);

        return MIN(r, 0);
}

/* ---- what the device obeys */

/* 0: the device has none. */
static int64_t root_version(const LedgerDaemon *service)
{
        LedgerStatus status;

        ledger_status(service->ledger, &status);
        return status.root_version;
}

/* If it is another than before: the same root again is no news. */
static void tell_root(const LedgerDaemon *service, int64_t before)
{
        int64_t version = root_version(service);

        if (version != before)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ROOT_INSTALLED }),
                                "The root is now version %lld", (long long) version);
}

static int method_enroll(LedgerDaemon *service, sd_bus_message *message)
{
        int64_t before = root_version(service);
        Enrolment enrolment;

        int r = wire_read_enrolment(message, &enrolment);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_enroll(service->ledger, &enrolment));
        tell_root(service, before);
        if (r == DEVBOX_ERROR_ROOT_CHAIN) { /* here there is none before that it could follow */
                r = sd_bus_reply_method_errorf(message, devbox_error_bus_name(DEVBOX_ERROR_ROOT_CHAIN),
                                               "this is not the root with that digest, or its own keys did "
                                               "not sign it; see: devboxctl operator show");
                return MIN(r, 0);
        }

        return r != 0 ? r : reply_nothing(message);
}

static int method_install_root(LedgerDaemon *service, sd_bus_message *message)
{
        int64_t before = root_version(service);
        const char *root;

        int r = sd_bus_message_read(message, "s", &root);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_install_root(service->ledger, root));
        tell_root(service, before);

        return r != 0 ? r : reply_nothing(message);
}

static void tell_manifest(const ManifestInstalled *installed, int error)
{
        if (error > 0)
                (void) log_full(LOG_WARNING, 0,
                                LOG_FIELDS({ "DEVBOX_OUTCOME", devbox_error_code((DevboxError) error) }),
                                "A manifest was refused: %s", devbox_error_sentence((DevboxError) error));
        else if (error == 0 && !installed->unchanged)
                (void) log_full(LOG_NOTICE, 0,
                                LOG_FIELDS({ "MESSAGE_ID", installed->version == MANIFEST_TOMBSTONE
                                                                   ? MESSAGE_DEVICE_REVOKED
                                                                   : MESSAGE_MANIFEST_INSTALLED }),
                                "The manifest is now version %lld of epoch %lld%s",
                                (long long) installed->version, (long long) installed->epoch,
                                installed->version == MANIFEST_TOMBSTONE ? ": the device is revoked" : "");
}

static int append_installed(sd_bus_message *reply, const ManifestInstalled *installed)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = wire_append_pair(reply, "epoch", "t", (uint64_t) installed->epoch);
        if (r >= 0)
                r = wire_append_pair(reply, "version", "t", (uint64_t) installed->version);
        if (r >= 0)
                r = wire_append_pair(reply, "unchanged", "b", (int) installed->unchanged);
        if (r >= 0)
                r = wire_append_pair(reply, "gap", "b", (int) installed->gap);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int method_install_manifest(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        ManifestInstalled installed = { 0 };
        const char *manifest;

        int r = sd_bus_message_read(message, "s", &manifest);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_install_manifest(service->ledger, manifest, &installed));
        tell_manifest(&installed, r);
        if (r > 0 && installed.fault[0] != '\0') {
                (void) bus_error_set(&error, r, installed.fault);
                r = sd_bus_reply_method_error(message, &error);
                return MIN(r, 0);
        }
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_installed(reply, &installed);
        return r < 0 ? r : send_reply(reply);
}

static int method_accept_clock(LedgerDaemon *service, sd_bus_message *message)
{
        int r = ledger_daemon_note(service, ledger_accept_clock(service->ledger));

        return r != 0 ? r : reply_nothing(message);
}

/* ---- requests */

static int method_begin_session(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *checkpoint = NULL;
        uint8_t session[SESSION_NONCE_SIZE];

        int r = ledger_daemon_note(service, ledger_begin_session(service->ledger, session));
        if (r != 0)
                return r;
        r = ledger_daemon_note(service, ledger_checkpoint(service->ledger, 0, &checkpoint));
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = wire_append_bytes(reply, BYTES_OF(session));
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", checkpoint);
        return r < 0 ? r : send_reply(reply);
}

static int read_bundle(sd_bus_message *message, LedgerBundle *ret_bundle)
{
        LedgerBundle bundle = { 0 };

        int r = sd_bus_message_read(message, "ss", &bundle.request, &bundle.delivery);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        for (;;) {
                const char *approval;

                r = sd_bus_message_read(message, "s", &approval);
                if (r <= 0)
                        break;
                if (bundle.n_approvals == APPROVALS_MAX)
                        return -EBADMSG;
                bundle.approvals[bundle.n_approvals++] = approval;
        }
        if (r < 0)
                return r;

        *ret_bundle = bundle;
        return 0;
}

static void tell_answer(LedgerDaemon *service, const LedgerAnswer *answer)
{
        const char *outcome = answer->outcome == LEDGER_KNOWN ? "known"
                              : answer->error                 ? devbox_error_code(answer->error)
                                                              : "accepted";

        service->accepted += answer->outcome == LEDGER_ACCEPTED;
        service->known += answer->outcome == LEDGER_KNOWN;
        service->refused += answer->outcome == LEDGER_DENIED;
        if (answer->error && !answer->logged && answer->error != DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                return; /* anybody could fill the journal with these */

        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS({ "DEVBOX_REQUEST", answer->request_id }, { "DEVBOX_OUTCOME", outcome },
                                   { "DEVBOX_CAPABILITY", strempty(answer->entry) }),
                        "Request %s: %s", answer->request_id[0] != '\0' ? answer->request_id : "without id",
                        outcome);
}

static int method_accept(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        LedgerBundle bundle;

        int r = read_bundle(message, &bundle);
        if (r < 0)
                return -EBADMSG;
        r = ledger_accept(service->ledger, &bundle, &answer);
        if (r != 0)
                return r;
        (void) ledger_daemon_note(service, answer.failure);
        tell_answer(service, &answer);

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = wire_append_answer(reply, &answer);
        return r < 0 ? r : send_reply(reply);
}

static int method_started(LedgerDaemon *service, sd_bus_message *message)
{
        const char *request_id;

        int r = sd_bus_message_read(message, "s", &request_id);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_started(service->ledger, request_id));

        return r != 0 ? r : reply_nothing(message);
}

static int method_finish(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(freep) char *result = NULL;
        const char *request_id;
        Result how;

        int r = sd_bus_message_read(message, "s", &request_id);
        if (r >= 0)
                r = wire_read_outcome(message, &how);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_finish(service->ledger, request_id, &how, &result));

        return r != 0 ? r : reply_text(message, result);
}

/* ---- the chain and its witnesses */

static int method_checkpoint(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(freep) char *checkpoint = NULL;
        uint64_t size;

        int r = sd_bus_message_read(message, "t", &size);
        if (r < 0)
                return -EBADMSG;
        r = ledger_checkpoint(service->ledger, size, &checkpoint);
        if (r == -ENOENT)
                return DEVBOX_ERROR_BAD_REQUEST;
        r = ledger_daemon_note(service, r);

        return r != 0 ? r : reply_text(message, checkpoint);
}

static int method_record_cosignature(LedgerDaemon *service, sd_bus_message *message)
{
        const char *checkpoint;

        int r = sd_bus_message_read(message, "s", &checkpoint);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_record_cosignature(service->ledger, checkpoint));

        return r != 0 ? r : reply_nothing(message);
}

static int method_pin(LedgerDaemon *service, sd_bus_message *message)
{
        const char *device;
        PublicKey key;
        ChainId chain;

        int r = sd_bus_message_read(message, "s", &device);
        if (r >= 0)
                r = wire_read_bytes(message, chain.bytes, CHAIN_ID_SIZE);
        if (r >= 0)
                r = wire_read_bytes(message, key.bytes, PUBLIC_KEY_SIZE);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_pin(service->ledger, device, &chain, &key));

        return r != 0 ? r : reply_nothing(message);
}

static int method_witness(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(freep) AuditEntry *entries = NULL;
        _cleanup_(freep) char *cosigned = NULL;
        const char *checkpoint;
        size_t n;

        int r = sd_bus_message_read(message, "s", &checkpoint);
        if (r >= 0)
                r = wire_read_entries(message, &entries, &n);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        r = ledger_daemon_note(service, ledger_witness(service->ledger, checkpoint,
                                                       (AuditEntries){ entries, n }, &cosigned));
        if (r == DEVBOX_ERROR_WITNESS_ROLLBACK || r == DEVBOX_ERROR_WITNESS_FORK)
                (void) log_full(LOG_ALERT, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_WITNESS_ALARM }),
                                "A device's audit chain did not only grow: %s",
                                devbox_error_sentence((DevboxError) r));

        return r != 0 ? r : reply_text(message, cosigned);
}

static int append_replica(sd_bus_message *reply, const ReplicaStatus *status)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = wire_append_pair(reply, "size", "t", status->size);
        if (r >= 0)
                r = wire_append_pair_bytes(reply, "chain_id", BYTES_OF(status->chain.bytes));
        if (r >= 0)
                r = wire_append_pair_bytes(reply, "key", BYTES_OF(status->key.bytes));
        if (r >= 0 && status->checkpoint)
                r = wire_append_pair(reply, "checkpoint", "s", status->checkpoint);
        if (r >= 0 && status->quarantine)
                r = wire_append_pair(reply, "quarantine", "s", devbox_error_code(status->quarantine));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int method_get_replica(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        ReplicaStatus status = { 0 };
        const char *device;

        int r = sd_bus_message_read(message, "s", &device);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_note(service, ledger_replica(service->ledger, device, &status));
        if (r != 0)
                return r;

        _cleanup_(freep) char *checkpoint = status.checkpoint;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = append_replica(reply, &status);
        return r < 0 ? r : send_reply(reply);
}

typedef struct Export {
        sd_bus_message *reply;
        size_t bytes;
} Export;

static int export_entry(const AuditEntry *entry, void *userdata)
{
        Export *export = userdata;

        if (export->bytes > EXPORT_BYTES_MAX)
                return 1;

        export->bytes += entry->body.size + 128;
        int r = wire_append_entry(export->reply, entry);
        return r < 0 ? r : 0;
}

static int method_export(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Export export = { 0 };
        const char *device;
        uint64_t from;
        uint32_t max;

        int r = sd_bus_message_read(message, "stu", &device, &from, &max);
        if (r < 0)
                return -EBADMSG;

        ChainRange range = { .device = *device != '\0' ? device : NULL,
                             .from = from,
                             .max = MIN(max, (uint32_t) EXPORT_ENTRIES_MAX) };
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ttqayayay)");
        if (r < 0)
                return r;
        export.reply = reply;
        r = ledger_daemon_note(service, ledger_export(service->ledger, &range, export_entry, &export));
        if (r != 0)
                return r;

        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : send_reply(reply);
}

static int method_get_status(LedgerDaemon *service, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        LedgerStatus status;

        ledger_status(service->ledger, &status);
        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = wire_append_status(reply, &status);
        return r < 0 ? r : send_reply(reply);
}

/* clang-format off */
static const LedgerMethod members[] = {
        { "Enroll",            ROLE_ADMIN,                 method_enroll },
        { "InstallRoot",       ROLE_AGENT | ROLE_DISPATCH, method_install_root },
        { "InstallManifest",   ROLE_AGENT | ROLE_DISPATCH, method_install_manifest },
        { "AcceptClock",       ROLE_ADMIN,                 method_accept_clock },
        { "BeginSession",      ROLE_AGENT,                 method_begin_session },
        { "Accept",            ROLE_AGENT,                 method_accept },
        { "Started",           ROLE_AGENT,                 method_started },
        { "Finish",            ROLE_AGENT,                 method_finish },
        { "RecordCosignature", ROLE_AGENT,                 method_record_cosignature },
        { "Pin",               ROLE_DISPATCH,              method_pin },
        { "Witness",           ROLE_DISPATCH,              method_witness },
        { "GetReplica",        ROLE_DISPATCH,              method_get_replica },
        { "Checkpoint",        ROLE_ALL,                   method_checkpoint },
        { "Export",            ROLE_ALL,                   method_export },
        { "GetStatus",         ROLE_ALL,                   method_get_status },
};
/* clang-format on */

const LedgerMethod *ledger_daemon_find_member(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (streq(members[i].name, name))
                        return &members[i];

        return NULL;
}
