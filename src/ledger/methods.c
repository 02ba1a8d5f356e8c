/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Ledger1: each authorises its caller, then reads its arguments, calls the ledger
 * and replies. The handlers of the vtable, with who may call them, are at the end. */

#include "audit/entry-bus.h"
#include "bus/dictionary.h"
#include "bus/error.h"
#include "ledger/daemon-internal.h"
#include "log/log.h"

/* One answer of Export stays well below what the bus takes. */
#define EXPORT_ENTRIES_MAX 4096
#define EXPORT_BYTES_MAX   (4 * 1024 * 1024)

/* What sd-bus returns may be above 0, which here would be a reason. */
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

static int read_text(sd_bus_message *message, const char **ret_text)
{
        return sd_bus_message_read(message, "s", ret_text) < 0 ? -EBADMSG : 0;
}

/* ---- root and manifest */

/* 0: the device has none. */
static int64_t root_version(const LedgerDaemon *self)
{
        LedgerStatus status;

        ledger_status(self->ledger, &status);
        return status.root_version;
}

static void log_root(const LedgerDaemon *self, int64_t previous)
{
        int64_t version = root_version(self);

        if (version != previous)
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_ROOT_INSTALLED }),
                                "The root is now version %lld", (long long) version);
}

static int enroll_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        int64_t previous = root_version(self);
        Enrolment enrolment;

        int r = enrolment_read(message, &enrolment);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_enroll(self->ledger, &enrolment));
        log_root(self, previous);
        if (r == DEVBOX_ERROR_ROOT_CHAIN) { /* the first root has no predecessor that could sign it */
                r = sd_bus_reply_method_errorf(message, devbox_error_bus_name(DEVBOX_ERROR_ROOT_CHAIN),
                                               "this is not the root with that digest, or its own keys did "
                                               "not sign it; see: devboxctl operator show");
                return MIN(r, 0);
        }

        return r != 0 ? r : reply_nothing(message);
}

static int install_root_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        int64_t previous = root_version(self);
        const char *root;

        int r = read_text(message, &root);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_install_root(self->ledger, root));
        log_root(self, previous);

        return r != 0 ? r : reply_nothing(message);
}

static void log_manifest(const ManifestInstalled *installed, int error)
{
        if (error > 0)
                (void) log_full(LOG_WARNING, 0,
                                LOG_FIELDS({ "DEVBOX_OUTCOME", devbox_error_code((DevboxError) error) }),
                                "A manifest was rejected: %s", devbox_error_sentence((DevboxError) error));
        else if (error == 0 && !installed->unchanged)
                (void) log_full(LOG_NOTICE, 0,
                                LOG_FIELDS({ "MESSAGE_ID", installed->version == MANIFEST_TOMBSTONE
                                                                   ? MESSAGE_DEVICE_REVOKED
                                                                   : MESSAGE_MANIFEST_INSTALLED }),
                                "The manifest is now version %lld of epoch %lld%s",
                                (long long) installed->version, (long long) installed->epoch,
                                installed->version == MANIFEST_TOMBSTONE ? ": the device is revoked" : "");
}

static int install_manifest_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        ManifestInstalled installed = { 0 };
        const char *manifest;

        int r = read_text(message, &manifest);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_install_manifest(self->ledger, manifest, &installed));
        log_manifest(&installed, r);
        if (r > 0 && installed.fault[0] != '\0') {
                bus_reply_error(message, r, installed.fault);
                return 0;
        }

        return r != 0 ? r : reply_manifest_installed(message, &installed);
}

static int accept_clock_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        int r = ledger_daemon_after_write(self, ledger_accept_clock(self->ledger));

        return r != 0 ? r : reply_nothing(message);
}

/* ---- requests */

static int begin_session_authorised(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *checkpoint = NULL;
        LedgerDaemon *self = userdata;
        uint8_t session[SESSION_NONCE_SIZE];

        int r = ledger_daemon_after_write(self, ledger_begin_session(self->ledger, session));
        if (r != 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_checkpoint(self->ledger, 0, &checkpoint));
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', session, sizeof session);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", checkpoint);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return MIN(r, 0);
}

static void count_answer(LedgerDaemon *self, const LedgerAnswer *answer)
{
        self->accepted += answer->outcome == LEDGER_ACCEPTED;
        self->known += answer->outcome == LEDGER_KNOWN;
        self->denied += answer->outcome == LEDGER_DENIED;
}

/* Rejections without an entry in the chain are not logged: unauthenticated input must not fill the journal.
 */
static void log_answer(const LedgerAnswer *answer)
{
        const char *outcome = answer->outcome == LEDGER_KNOWN ? "known"
                              : answer->error                 ? devbox_error_code(answer->error)
                                                              : "accepted";

        if (answer->error && !answer->logged && answer->error != DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                return;

        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS({ "DEVBOX_REQUEST", answer->request_id }, { "DEVBOX_OUTCOME", outcome },
                                   { "DEVBOX_CAPABILITY", strempty(answer->entry) }),
                        "Request %s: %s", answer->request_id[0] != '\0' ? answer->request_id : "without id",
                        outcome);
}

static int accept_authorised(sd_bus_message *message, void *userdata)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        LedgerDaemon *self = userdata;
        LedgerBundle bundle;

        int r = bundle_read(message, &bundle);
        if (r < 0)
                return r;
        r = ledger_accept(self->ledger, &bundle, &answer);
        if (r != 0)
                return r;
        (void) ledger_daemon_after_write(self, answer.failure);
        count_answer(self, &answer);
        log_answer(&answer);

        return reply_answer(message, &answer);
}

static int started_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *request;

        int r = read_text(message, &request);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_started(self->ledger, request));

        return r != 0 ? r : reply_nothing(message);
}

static int finish_authorised(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) char *result = NULL;
        LedgerDaemon *self = userdata;
        const char *request;
        Result outcome;

        int r = read_text(message, &request);
        if (r >= 0)
                r = outcome_read(message, &outcome);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_finish(self->ledger, request, &outcome, &result));

        return r != 0 ? r : reply_text(message, result);
}

/* ---- the chain and its witnesses */

static int checkpoint_authorised(sd_bus_message *message, void *userdata)
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

        return r != 0 ? r : reply_text(message, checkpoint);
}

static int record_cosignature_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *checkpoint;

        int r = read_text(message, &checkpoint);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_record_cosignature(self->ledger, checkpoint));

        return r != 0 ? r : reply_nothing(message);
}

static int pin_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *device;
        PublicKey key;
        ChainId chain;

        int r = read_text(message, &device);
        if (r >= 0)
                r = bus_array_read(message, chain.bytes, CHAIN_ID_SIZE);
        if (r >= 0)
                r = bus_array_read(message, key.bytes, PUBLIC_KEY_SIZE);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_after_write(self, ledger_pin(self->ledger, device, &chain, &key));

        return r != 0 ? r : reply_nothing(message);
}

static int witness_authorised(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) AuditEntry *entries = NULL;
        _cleanup_(freep) char *cosigned = NULL;
        LedgerDaemon *self = userdata;
        const char *checkpoint;
        size_t n;

        int r = read_text(message, &checkpoint);
        if (r >= 0)
                r = audit_entries_read(message, &entries, &n);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(
                self, ledger_witness(self->ledger, checkpoint, (AuditEntries){ entries, n }, &cosigned));
        if (r == DEVBOX_ERROR_WITNESS_ROLLBACK || r == DEVBOX_ERROR_WITNESS_FORK)
                (void) log_full(LOG_ALERT, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_WITNESS_ALARM }),
                                "A device's audit chain did not only grow: %s",
                                devbox_error_sentence((DevboxError) r));

        return r != 0 ? r : reply_text(message, cosigned);
}

static int get_replica_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        ReplicaStatus status = { 0 };
        const char *device;

        int r = read_text(message, &device);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_replica(self->ledger, device, &status));
        if (r != 0)
                return r;

        _cleanup_(freep) char *checkpoint = status.checkpoint;
        return reply_replica(message, &status);
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
        int r = audit_entry_append(export->reply, entry);
        return MIN(r, 0);
}

static int export_authorised(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        LedgerDaemon *self = userdata;
        const char *device;
        uint64_t from;
        uint32_t max;

        if (sd_bus_message_read(message, "stu", &device, &from, &max) < 0)
                return -EBADMSG;

        ChainRange range = { .device = *device != '\0' ? device : NULL,
                             .from = from,
                             .max = MIN(max, (uint32_t) EXPORT_ENTRIES_MAX) };
        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ttqayayay)");
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(
                self, ledger_export(self->ledger, &range, export_entry, &(Export){ .reply = reply }));
        if (r != 0)
                return r;

        r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return MIN(r, 0);
}

static int get_status_authorised(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        LedgerStatus status;

        ledger_status(self->ledger, &status);
        return reply_status(message, &status);
}

/* ---- who may call what, beside root: bits of the users in daemon.c */

#define AGENT    ((BusAccess){ .users = 1 << LEDGER_USER_AGENT })
#define DISPATCH ((BusAccess){ .users = 1 << LEDGER_USER_DISPATCH })
#define DAEMONS  ((BusAccess){ .users = 1 << LEDGER_USER_AGENT | 1 << LEDGER_USER_DISPATCH })
#define ROOT     ((BusAccess){ 0 })
#define ANYONE   ((BusAccess){ .anyone = true }) /* every caller that the bus policy allows */

#define DEFINE_METHOD(name, access)                                                                         \
        static int name##_continue(sd_bus_message *message, void *userdata)                                 \
        {                                                                                                   \
                int r = ledger_daemon_need_ledger(userdata);                                                \
                return r != 0 ? r : name##_authorised(message, userdata);                                   \
        }                                                                                                   \
                                                                                                            \
        int ledger_method_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)              \
        {                                                                                                   \
                return bus_authorise(((LedgerDaemon *) userdata)->authority, message, &access,              \
                                     name##_continue, userdata);                                            \
        }                                                                                                   \
        struct _need_semicolon_

DEFINE_METHOD(enroll, ROOT);
DEFINE_METHOD(install_root, DAEMONS);
DEFINE_METHOD(install_manifest, DAEMONS);
DEFINE_METHOD(accept_clock, ROOT);
DEFINE_METHOD(begin_session, AGENT);
DEFINE_METHOD(accept, AGENT);
DEFINE_METHOD(started, AGENT);
DEFINE_METHOD(finish, AGENT);
DEFINE_METHOD(record_cosignature, AGENT);
DEFINE_METHOD(pin, DISPATCH);
DEFINE_METHOD(witness, DISPATCH);
DEFINE_METHOD(get_replica, DISPATCH);
DEFINE_METHOD(checkpoint, ANYONE);
DEFINE_METHOD(export, ANYONE);
DEFINE_METHOD(get_status, ANYONE);
