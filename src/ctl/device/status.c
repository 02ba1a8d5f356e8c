/* SPDX-License-Identifier: MIT */
/* devboxctl device status: the enrolment of this machine, and the policy in force. */

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/device/ledger-client.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

/* What a person must do, or NULL. */
static const char *find_problem(const DeviceStatus *status)
{
        if (*status->device == '\0')
                return "not enrolled; run: devboxctl device enroll";
        if (status->disk_full)
                return "the disk is full, so nothing is accepted; run: df -h /var/lib/devbox";
        if (status->adoption_needed)
                return "the chain knows another key: install a manifest that names this one";
        if (!status->manifest_in_force)
                return status->manifest_version == 0
                               ? "no manifest; run: devboxctl device install FILE"
                               : "the manifest is expired or void; run: devboxctl device install FILE";

        return NULL;
}

static int print_document(const DeviceStatus *status)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        bool enrolled = *status->device != '\0';

        json_open_object(&json, NULL);
        json_add_string(&json, "device", enrolled ? status->device : NULL);
        json_add_hex(&json, "key", BYTES_OF(status->key.bytes));
        if (enrolled) {
                json_add_hex(&json, "chain_id", BYTES_OF(status->chain_id));
                json_add_u64(&json, "size", status->size);
                json_add_hex(&json, "head", BYTES_OF(status->head.bytes));
                json_add_u64(&json, "root_version", status->root_version);
        }
        if (status->manifest_version > 0) {
                json_open_object(&json, "manifest");
                json_add_u64(&json, "epoch", status->manifest_epoch);
                json_add_u64(&json, "version", status->manifest_version);
                json_add_hex(&json, "sha256", BYTES_OF(status->manifest_sha256.bytes));
                json_add_time(&json, "expires_at", status->manifest_expires_at_ms * USEC_PER_MSEC);
                json_add_bool(&json, "in_force", status->manifest_in_force);
                json_close_object(&json);
        }
        json_add_bool(&json, "adoption_needed", status->adoption_needed);
        json_add_string(&json, "problem", find_problem(status));
        json_close_object(&json);
        return print_json(&json);
}

static int print_table(const Ctl *ctl, const DeviceStatus *status)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        char words[FINGERPRINT_SIZE], hex[HEX_SIZE(CHAIN_ID_SIZE)], moment[FIGURE_MAX];
        const char *problem = find_problem(status);

        fingerprint_format(&status->key, words);
        table_add_fact(&table, "device", STYLE_HEAD, "%s", *status->device != '\0' ? status->device : "-");
        table_add_fact(&table, "key", STYLE_PLAIN, "%s", words);
        if (*status->device != '\0') {
                hex_format(BYTES_OF(status->chain_id), hex);
                table_add_fact(&table, "chain", STYLE_PLAIN, "%s, %" PRIu64 " entries", hex, status->size);
                table_add_fact(&table, "root", STYLE_PLAIN, "%" PRIu64, status->root_version);
        }
        if (status->manifest_version > 0)
                table_add_fact(&table, "manifest", STYLE_PLAIN,
                               "version %" PRIu64 " of epoch %" PRIu64 ", until %s",
                               status->manifest_version, status->manifest_epoch,
                               format_moment(moment, status->manifest_expires_at_ms));
        if (problem)
                table_add_fact(&table, "problem", STYLE_BAD, "%s", problem);

        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;

        int r = ledger_client_get_status(ctl->bus, &status, &ctl->problem);
        if (r != 0)
                return r;

        ctl->status = find_problem(&status) ? CTL_PROBLEM : CTL_OK;
        return ctl->json ? print_document(&status) : print_table(ctl, &status);
}

const Verb verb_device_status = {
        .noun = "device",
        .name = "status",
        .help = "show what this machine is enrolled as, and what it obeys",
        .statuses = "failure, or the machine obeys no manifest",
        .remote = true,
        .bus = true,
        .run = run,
};
