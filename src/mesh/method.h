/* SPDX-License-Identifier: MIT */
#pragma once

/* The methods of org.devbox.Mesh1, which dbus/org.devbox.Mesh1.xml documents. A method is in one file: its
 * row of the vtable, who may call it, its arguments, and its reply. */

#include "bus/dictionary.h"
#include "bus/error.h"
#include "mesh/daemon-internal.h"

/* Users with rights of their own: the API passes on claims and revocations, the dispatcher reads, the agent
 * passes on what the hub sets, devbox-matrix what operators revoke. */
typedef enum MeshUser { MESH_USER_API, MESH_USER_DISPATCH, MESH_USER_AGENT, MESH_USER_MATRIX } MeshUser;

/* Who may call a method, beside root. The actions are those of polkit/org.devbox.mesh.policy. */
#define ACCESS_ROOT      ((BusAccess){ 0 })
#define ACCESS_READERS   ((BusAccess){ .anyone = true }) /* every caller that the bus policy allows */
#define ACCESS_API       ((BusAccess){ .users = 1 << MESH_USER_API })
#define ACCESS_AGENT     ((BusAccess){ .users = 1 << MESH_USER_AGENT })
#define ACCESS_MATRIX    ((BusAccess){ .users = 1 << MESH_USER_MATRIX })
#define ACCESS_ENROLL    ((BusAccess){ .action = "org.devbox.mesh.enroll" })
#define ACCESS_CONFIGURE ((BusAccess){ .action = "org.devbox.mesh.configure" })
#define ACCESS_REVOKE    ((BusAccess){ .users = 1 << MESH_USER_API, .action = "org.devbox.mesh.revoke" })

/* Defines on_NAME(), for the row of the vtable: authorises the caller, and calls handle_NAME(), a
 * BusContinuation. What that reads borrows from the message; it returns -EBADMSG for arguments that the
 * interface does not allow. */
#define MESH_METHOD(name, access)                                                                           \
        static int on_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)                  \
        {                                                                                                   \
                return bus_authorise(((MeshDaemon *) userdata)->authority, message, &access, handle_##name, \
                                     userdata);                                                             \
        }                                                                                                   \
        struct _need_semicolon_

/* Replies with the dictionary of GetStatus. */
int mesh_reply_status(sd_bus_message *message, const MeshDaemon *self);

/* Rows without a start, for bus.c. */
extern const sd_bus_vtable mesh_status_methods[], mesh_setup_methods[], mesh_peer_methods[],
        mesh_manifest_methods[], mesh_invitation_methods[], mesh_admission_methods[], mesh_join_methods[];
