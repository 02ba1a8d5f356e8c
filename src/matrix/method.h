/* SPDX-License-Identifier: MIT */
#pragma once

/* The methods of org.devbox.Matrix1, which dbus/org.devbox.Matrix1.xml documents. */

#include "matrix/operation.h"

/* Who may call a method, beside root. The action is that of polkit/org.devbox.matrix.policy. */
#define ACCESS_READERS ((BusAccess){ .anyone = true }) /* every caller that the bus policy allows */
#define ACCESS_MANAGE  ((BusAccess){ .action = "org.devbox.matrix.manage" })

/* Defines on_NAME(), for the row of the vtable: authorises the caller, and calls handle_NAME(). */
#define MATRIX_METHOD(name, access)                                                                         \
        static int on_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)                  \
        {                                                                                                   \
                const BusAccess callers = access;                                                           \
                MatrixDaemon *self = userdata;                                                              \
                                                                                                            \
                idle_touch(&self->idle);                                                                    \
                return bus_authorise(self->authority, message, &callers, handle_##name, self);              \
        }                                                                                                   \
        struct _need_semicolon_

/* Rows without a start. */
extern const sd_bus_vtable matrix_account_methods[], matrix_status_methods[], matrix_identity_methods[],
        matrix_verification_methods[];
