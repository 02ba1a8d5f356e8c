/* SPDX-License-Identifier: MIT */
/* The vtable of org.devbox.Ledger1, which dbus/org.devbox.Ledger1.xml documents. */

#include "ledger/daemon-internal.h"

#define ENTRIES "a(ttqayayay)"

static const sd_bus_vtable ledger_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Enroll",
                SD_BUS_ARGS("s", device, "ay", chain_id, "s", root, "ay", root_sha256, "a{sv}", options),
                SD_BUS_NO_RESULT, ledger_method_enroll, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InstallRoot", SD_BUS_ARGS("s", root), SD_BUS_NO_RESULT,
                                ledger_method_install_root, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InstallManifest", SD_BUS_ARGS("s", manifest),
                                SD_BUS_RESULT("a{sv}", installed), ledger_method_install_manifest,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AcceptClock", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, ledger_method_accept_clock,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("BeginSession", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("ay", session, "s", checkpoint), ledger_method_begin_session,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Accept", SD_BUS_ARGS("s", request, "s", delivery, "as", approvals),
                                SD_BUS_RESULT("a{sv}", answer), ledger_method_accept,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Started", SD_BUS_ARGS("s", request), SD_BUS_NO_RESULT,
                                ledger_method_started, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Finish", SD_BUS_ARGS("s", request, "a{sv}", outcome),
                                SD_BUS_RESULT("s", result), ledger_method_finish,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RecordCosignature", SD_BUS_ARGS("s", checkpoint), SD_BUS_NO_RESULT,
                                ledger_method_record_cosignature, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Pin", SD_BUS_ARGS("s", device, "ay", chain_id, "ay", key), SD_BUS_NO_RESULT,
                                ledger_method_pin, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Witness", SD_BUS_ARGS("s", checkpoint, ENTRIES, entries),
                                SD_BUS_RESULT("s", cosigned), ledger_method_witness,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetReplica", SD_BUS_ARGS("s", device), SD_BUS_RESULT("a{sv}", replica),
                                ledger_method_get_replica, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Checkpoint", SD_BUS_ARGS("t", size), SD_BUS_RESULT("s", checkpoint),
                                ledger_method_checkpoint, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Export", SD_BUS_ARGS("s", device, "t", from, "u", max),
                                SD_BUS_RESULT(ENTRIES, entries), ledger_method_export,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status),
                                ledger_method_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("CheckpointMade", SD_BUS_ARGS("s", checkpoint), 0),
        SD_BUS_VTABLE_END,
};

int ledger_daemon_add_interface(LedgerDaemon *self, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Ledger1", ledger_vtable, self);
}
