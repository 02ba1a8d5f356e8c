/* SPDX-License-Identifier: MIT */
/* The vtable of org.devbox.Ledger1: dbus/org.devbox.Ledger1.xml says what each member means. */

#include "ledger/service-internal.h"

#define ENTRIES "a(ttqayayay)"

#define METHOD(name, arguments, results)                                                                    \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS arguments, SD_BUS_RESULT results, ledger_daemon_on_call,  \
                                SD_BUS_VTABLE_UNPRIVILEGED)
#define METHOD_WITHOUT_RESULT(name, arguments)                                                              \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS arguments, SD_BUS_NO_RESULT, ledger_daemon_on_call,       \
                                SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable ledger_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD_WITHOUT_RESULT("Enroll",
                              ("s", device, "ay", chain_id, "s", root, "ay", root_sha256, "a{sv}", options)),
        METHOD_WITHOUT_RESULT("InstallRoot", ("s", root)),
        METHOD("InstallManifest", ("s", manifest), ("a{sv}", installed)),
        SD_BUS_METHOD_WITH_ARGS("AcceptClock", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, ledger_daemon_on_call,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("BeginSession", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("ay", session, "s", checkpoint), ledger_daemon_on_call,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        METHOD("Accept", ("s", request, "s", delivery, "as", approvals), ("a{sv}", answer)),
        METHOD_WITHOUT_RESULT("Started", ("s", request_id)),
        METHOD("Finish", ("s", request_id, "a{sv}", outcome), ("s", result)),
        METHOD_WITHOUT_RESULT("RecordCosignature", ("s", checkpoint)),
        METHOD_WITHOUT_RESULT("Pin", ("s", device, "ay", chain_id, "ay", key)),
        METHOD("Witness", ("s", checkpoint, ENTRIES, entries), ("s", cosigned)),
        METHOD("GetReplica", ("s", device), ("a{sv}", replica)),
        METHOD("Checkpoint", ("t", size), ("s", checkpoint)),
        METHOD("Export", ("s", device, "t", from, "u", max), (ENTRIES, entries)),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status),
                                ledger_daemon_on_call, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("CheckpointMade", SD_BUS_ARGS("s", checkpoint), 0),
        SD_BUS_VTABLE_END,
};

int ledger_daemon_add_interface(LedgerDaemon *service, sd_bus *bus, const char *path, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Ledger1", ledger_vtable, service);
}
