/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Ledger1 for root and manifest: SignClaim, Enroll, InstallRoot, InstallManifest,
 * AcceptClock and Reload. */

#include "bus/dictionary.h"
#include "bus/error.h"
#include "ledger/method.h"
#include "log/log.h"

static int handle_sign_claim(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        Signature signature;
        const void *body;
        size_t size;

        int r = sd_bus_message_read_array(message, 'y', &body, &size);
        if (r < 0)
                return -EBADMSG;
        r = ledger_sign_claim(self->ledger, BYTES(body, size), &signature);
        return r != 0 ? r : bus_reply_bytes(message, BYTES_OF(signature.bytes));
}

static int enrolment_read(sd_bus_message *message, Enrolment *ret_enrolment)
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

static int handle_enroll(sd_bus_message *message, void *userdata)
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

        return r != 0 ? r : bus_reply(message, NULL);
}

static int handle_install_root(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        int64_t previous = root_version(self);
        const char *root;

        if (sd_bus_message_read(message, "s", &root) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_install_root(self->ledger, root));
        log_root(self, previous);

        return r != 0 ? r : bus_reply(message, NULL);
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

static int reply_manifest_installed(sd_bus_message *message, const ManifestInstalled *installed)
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

static int handle_install_manifest(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        ManifestInstalled installed = { 0 };
        const char *manifest;

        if (sd_bus_message_read(message, "s", &manifest) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_install_manifest(self->ledger, manifest, &installed));
        log_manifest(&installed, r);
        if (r > 0 && installed.fault[0] != '\0') {
                bus_reply_error(message, r, installed.fault);
                return 0;
        }

        return r != 0 ? r : reply_manifest_installed(message, &installed);
}

static int handle_accept_clock(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        int r = ledger_daemon_after_write(self, ledger_accept_clock(self->ledger));

        return r != 0 ? r : bus_reply(message, NULL);
}

/* Also of a ledger that is not open: this tries to open it. */
static int continue_reload(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;

        int r = ledger_daemon_reload(self);
        if (r < 0)
                return r;
        if (!self->ledger)
                return DEVBOX_ERROR_AUDIT_UNAVAILABLE;

        const char *problem =
                self->config.problem ? self->config.problem : ledger_ceiling_problem(self->ledger);
        if (!problem)
                return bus_reply(message, NULL);

        bus_reply_error(message, DEVBOX_ERROR_CONFIG_INVALID, problem);
        return 0;
}

static int on_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return bus_authorise(((LedgerDaemon *) userdata)->authority, message, &ACCESS_ROOT, continue_reload,
                             userdata);
}

LEDGER_METHOD(sign_claim, ACCESS_ROOT);
LEDGER_METHOD(enroll, ACCESS_ROOT);
LEDGER_METHOD(install_root, ACCESS_DAEMONS);
LEDGER_METHOD(install_manifest, ACCESS_DAEMONS);
LEDGER_METHOD(accept_clock, ACCESS_ROOT);

const sd_bus_vtable ledger_policy_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("SignClaim", SD_BUS_ARGS("ay", body), SD_BUS_RESULT("ay", signature),
                                on_sign_claim, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Enroll",
                SD_BUS_ARGS("s", device, "ay", chain_id, "s", root, "ay", root_sha256, "a{sv}", options),
                SD_BUS_NO_RESULT, on_enroll, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InstallRoot", SD_BUS_ARGS("s", root), SD_BUS_NO_RESULT, on_install_root,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InstallManifest", SD_BUS_ARGS("s", manifest),
                                SD_BUS_RESULT("a{sv}", installed), on_install_manifest,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AcceptClock", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_accept_clock,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
