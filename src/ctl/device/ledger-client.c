/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Ledger1. */

#include "ctl/device/ledger-client.h"

#include "audit/entry-bus.h"
#include "bus/dictionary.h"
#include "ctl/client.h"

static const ClientDaemon ledger = {
        .title = "devbox-ledger",
        .name = "org.devbox.Ledger1",
        .path = "/org/devbox/Ledger1",
        .unavailable = DEVBOX_ERROR_NOT_FOUND,
        .timeout = DEVBOX_ERROR_BUSY,
        .denied = "only root may do this; run it with sudo (members of the group devbox-admin may read)",
};

#define METHOD(member, types) (&(const ClientMethod){ &ledger, member, types })

static const BusField status_fields[] = {
        BUS_FIELD("device", BUS_STRING, DeviceStatus, device, BUS_REQUIRED),
        BUS_FIELD("chain_id", BUS_ARRAY, DeviceStatus, chain_id, 0, CHAIN_ID_SIZE),
        BUS_FIELD("key", BUS_ARRAY, DeviceStatus, key, BUS_REQUIRED, PUBLIC_KEY_SIZE),
        BUS_FIELD("head", BUS_ARRAY, DeviceStatus, head, 0, SHA256_SIZE),
        BUS_FIELD("manifest_sha256", BUS_ARRAY, DeviceStatus, manifest_sha256, 0, SHA256_SIZE),
        BUS_FIELD("size", BUS_UINT64, DeviceStatus, size),
        BUS_FIELD("root_version", BUS_UINT64, DeviceStatus, root_version),
        BUS_FIELD("manifest_epoch", BUS_UINT64, DeviceStatus, manifest_epoch),
        BUS_FIELD("manifest_version", BUS_UINT64, DeviceStatus, manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, DeviceStatus, manifest_expires_at_ms),
        BUS_FIELD("time_floor_ms", BUS_UINT64, DeviceStatus, time_floor_ms),
        BUS_FIELD("manifest_in_force", BUS_BOOL, DeviceStatus, manifest_in_force),
        BUS_FIELD("adoption_needed", BUS_BOOL, DeviceStatus, adoption_needed),
        BUS_FIELD("disk_full", BUS_BOOL, DeviceStatus, disk_full),
};
static const BusDictionary status_dictionary = BUS_DICTIONARY(status_fields);

static const BusField installation_fields[] = {
        BUS_FIELD("epoch", BUS_UINT64, ManifestInstallation, epoch, BUS_REQUIRED),
        BUS_FIELD("version", BUS_UINT64, ManifestInstallation, version, BUS_REQUIRED),
        BUS_FIELD("unchanged", BUS_BOOL, ManifestInstallation, unchanged),
        BUS_FIELD("gap", BUS_BOOL, ManifestInstallation, gap),
};
static const BusDictionary installation_dictionary = BUS_DICTIONARY(installation_fields);

void device_status_done(DeviceStatus *status)
{
        free(status->device);
        *status = DEVICE_STATUS_NULL;
}

int ledger_client_get_status(sd_bus *bus, DeviceStatus *ret_status, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;

        int r = client_call(bus, METHOD("GetStatus", ""), &reply, ret_problem);
        if (r == 0)
                r = client_read_dictionary(&ledger, reply, &status_dictionary, &status, ret_problem);
        if (r == 0)
                *ret_status = TAKE(status, DEVICE_STATUS_NULL);
        return r;
}

/* What is written only if it is not zero. */
static int append_options(sd_bus_message *call, const DeviceEnrolment *enrolment)
{
        const struct Options {
                Bytes token_sha256, lost_head;
                uint64_t lost_size;
        } options = { sha256_is_null(&enrolment->token_sha256) ? (Bytes){ 0 }
                                                               : BYTES_OF(enrolment->token_sha256.bytes),
                      enrolment->lost_size == 0 ? (Bytes){ 0 } : BYTES_OF(enrolment->lost_head.bytes),
                      enrolment->lost_size };
        static const BusField fields[] = {
                BUS_FIELD("token_sha256", BUS_BYTES, struct Options, token_sha256, BUS_OPTIONAL),
                BUS_FIELD("lost_head", BUS_BYTES, struct Options, lost_head, BUS_OPTIONAL),
                BUS_FIELD("lost_size", BUS_UINT64, struct Options, lost_size, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return bus_dictionary_append(call, &dictionary, &options);
}

int ledger_client_enroll(sd_bus *bus, const DeviceEnrolment *enrolment, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("Enroll", "s"), &call, enrolment->device);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', enrolment->chain_id, CHAIN_ID_SIZE);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", enrolment->root);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', enrolment->root_sha256.bytes, SHA256_SIZE);
        if (r >= 0)
                r = append_options(call, enrolment);

        return client_send(&ledger, r, call, NULL, ret_problem);
}

int ledger_client_install_root(sd_bus *bus, const char *root, char **ret_problem)
{
        return client_call(bus, METHOD("InstallRoot", "s"), NULL, ret_problem, root);
}

int ledger_client_install_manifest(sd_bus *bus, const char *manifest, ManifestInstallation *ret_installed,
                                   char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = client_call(bus, METHOD("InstallManifest", "s"), &reply, ret_problem, manifest);
        return r != 0 ? r
                      : client_read_dictionary(&ledger, reply, &installation_dictionary, ret_installed,
                                               ret_problem);
}

int ledger_client_export(sd_bus *bus, uint64_t from, EntryHandler on_entry, void *userdata,
                         char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        AuditEntry entry;

        int r = client_call(bus, METHOD("Export", "stu"), &reply, ret_problem, "", from, UINT32_MAX);
        if (r != 0)
                return r;

        r = sd_bus_message_enter_container(reply, 'a', "(ttqayayay)");
        while (r >= 0 && (r = sd_bus_message_at_end(reply, false)) == 0) {
                r = audit_entry_read(reply, &entry);
                if (r < 0)
                        break;
                r = on_entry(&entry, userdata);
                if (r < 0)
                        return r;
        }

        return client_read(&ledger, r, ret_problem);
}

int ledger_client_sign_claim(sd_bus *bus, Bytes body, Signature *ret_signature, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = client_new_call(bus, METHOD("SignClaim", ""), &call);
        if (r >= 0)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', body.data, body.size);
        r = client_send(&ledger, r, call, &reply, ret_problem);
        if (r != 0)
                return r;

        return client_read(&ledger, bus_array_read(reply, ret_signature->bytes, SIGNATURE_SIZE),
                           ret_problem);
}

int ledger_client_accept_clock(sd_bus *bus, char **ret_problem)
{
        return client_call(bus, METHOD("AcceptClock", ""), NULL, ret_problem);
}

int ledger_client_reload(sd_bus *bus, char **ret_problem)
{
        return client_call(bus, METHOD("Reload", ""), NULL, ret_problem);
}
