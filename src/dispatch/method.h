/* SPDX-License-Identifier: MIT */
#pragma once

/* The methods of org.devbox.Dispatch1, which dbus/org.devbox.Dispatch1.xml documents. */

#include "dispatch/daemon-internal.h"

/* Who may call a method, beside root. The actions are those of polkit/org.devbox.dispatch.policy. */
#define ACCESS_READERS ((BusAccess){ .anyone = true }) /* every caller that the bus policy allows */
#define ACCESS_SUBMIT  ((BusAccess){ .users = DISPATCH_FRONT_ENDS, .action = "org.devbox.dispatch.submit" })
#define ACCESS_APPROVE ((BusAccess){ .users = DISPATCH_FRONT_ENDS, .action = "org.devbox.dispatch.approve" })
#define ACCESS_MESH    ((BusAccess){ .users = 1 << DISPATCH_USER_MESH })

/* Defines on_NAME(), for the row of the vtable: authorises the caller, and calls handle_NAME(). */
#define DISPATCH_METHOD(name, access)                                                                       \
        static int on_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)                  \
        {                                                                                                   \
                const BusAccess callers = access;                                                           \
                                                                                                            \
                return bus_authorise(((DispatchDaemon *) userdata)->authority, message, &callers,           \
                                     handle_##name, userdata);                                              \
        }                                                                                                   \
        struct _need_semicolon_

/* Rows without a start. */
extern const sd_bus_vtable dispatch_request_methods[], dispatch_device_methods[],
        dispatch_container_methods[], dispatch_replay_methods[], dispatch_cancel_methods[];
