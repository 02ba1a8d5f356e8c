/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Ledger1 that wait for their reply. Functions return 0, or a DevboxError with its
 * detail, which the caller frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "audit/entry.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

/* GetStatus. Numbers are 0, and digests zero, where the device has none. */
typedef struct DeviceStatus {
        char *device; /* empty: not enrolled */
        uint8_t chain_id[CHAIN_ID_SIZE];
        PublicKey key;
        Sha256 head, manifest_sha256;
        uint64_t size, root_version, manifest_epoch, manifest_version, manifest_expires_at_ms, time_floor_ms;
        bool manifest_in_force, adoption_needed, disk_full;
} DeviceStatus;

#define DEVICE_STATUS_NULL ((DeviceStatus){ 0 })

int ledger_client_get_status(sd_bus *bus, DeviceStatus *ret_status, char **ret_problem);
void device_status_done(DeviceStatus *status);

/* Enroll; the root's digest is of `root_sha256`, which the operator has compared. What is zero is left out.
 */
typedef struct DeviceEnrolment {
        const char *device, *root;
        uint8_t chain_id[CHAIN_ID_SIZE];
        Sha256 root_sha256, token_sha256;
        uint64_t lost_size; /* of the chain that this one continues */
        Sha256 lost_head;
} DeviceEnrolment;

int ledger_client_enroll(sd_bus *bus, const DeviceEnrolment *enrolment, char **ret_problem);

typedef struct ManifestInstallation {
        uint64_t epoch, version;
        bool unchanged, gap;
} ManifestInstallation;

int ledger_client_install_root(sd_bus *bus, const char *root, char **ret_problem);
int ledger_client_install_manifest(sd_bus *bus, const char *manifest, ManifestInstallation *ret_installed,
                                   char **ret_problem);

/* Export of the own chain from entry `from` on. The handler gets some entries, at least one unless the chain
 * has no more; a negative value that it returns ends this, and is returned. */
typedef int (*EntryHandler)(const AuditEntry *entry, void *userdata);
int ledger_client_export(sd_bus *bus, uint64_t from, EntryHandler on_entry, void *userdata,
                         char **ret_problem);

/* SignClaim: of a claim that names the key of this device. */
int ledger_client_sign_claim(sd_bus *bus, Bytes body, Signature *ret_signature, char **ret_problem);

int ledger_client_accept_clock(sd_bus *bus, char **ret_problem);
int ledger_client_reload(sd_bus *bus, char **ret_problem);
