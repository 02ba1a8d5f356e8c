/* SPDX-License-Identifier: MIT */
#pragma once

/* The methods of org.devbox.Ledger1, which dbus/org.devbox.Ledger1.xml documents. A method is in one file of
 * methods-*.c: its row of the vtable, who may call it, its arguments, and its reply. */

#include "ledger/daemon-internal.h"

/* Who may call a method, beside root: bits of LedgerUser. */
#define ACCESS_AGENT    ((BusAccess){ .users = 1 << LEDGER_USER_AGENT })
#define ACCESS_DISPATCH ((BusAccess){ .users = 1 << LEDGER_USER_DISPATCH })
#define ACCESS_MESH     ((BusAccess){ .users = 1 << LEDGER_USER_MESH })
#define ACCESS_HUB      ((BusAccess){ .users = 1 << LEDGER_USER_MESH | 1 << LEDGER_USER_DISPATCH })
#define ACCESS_DAEMONS  ((BusAccess){ .users = 1 << LEDGER_USER_AGENT | 1 << LEDGER_USER_DISPATCH })
#define ACCESS_ROOT     ((BusAccess){ 0 })
#define ACCESS_ANYONE   ((BusAccess){ .anyone = true }) /* every caller that the bus policy allows */

/* Defines on_NAME(), for the row of the vtable: authorises the caller, needs an open ledger, and calls
 * handle_NAME(), a BusContinuation. What that reads borrows from the message; it returns -EBADMSG for
 * arguments that the interface does not allow. */
#define LEDGER_METHOD(name, access)                                                                         \
        static int continue_##name(sd_bus_message *message, void *userdata)                                 \
        {                                                                                                   \
                int r = ledger_daemon_need_ledger(userdata);                                                \
                return r != 0 ? r : handle_##name(message, userdata);                                       \
        }                                                                                                   \
                                                                                                            \
        static int on_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)                  \
        {                                                                                                   \
                const BusAccess callers = access;                                                           \
                                                                                                            \
                return bus_authorise(((LedgerDaemon *) userdata)->authority, message, &callers,             \
                                     continue_##name, userdata);                                            \
        }                                                                                                   \
        struct _need_semicolon_

/* Rows without a start, for bus.c. */
extern const sd_bus_vtable ledger_policy_methods[], ledger_request_methods[], ledger_chain_methods[],
        ledger_hub_methods[];

/* Of Witness and Export. */
#define ENTRY       "(ttqayayay)"
#define ENTRIES     "a" ENTRY
#define ENTRIES_MAX 4096 /* in one call or reply */
