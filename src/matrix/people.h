/* SPDX-License-Identifier: MIT */
#pragma once

/* Whom the manifests of the devices name: they are members of the rooms, and their identities are pinned.
 * The manifests are the operator's word; nothing that was pinned or learned otherwise counts.
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "e2ee/e2ee.h"
#include "trust/manifest.h"

/* The device's manifest is this one now; NULL: it has none any more. A person whom two manifests pin
 * differently is not pinned at all, until they agree. Whom it names no longer is removed from the device's
 * room, and from all others if no manifest names them. */
int people_receive(Database *database, E2ee *e2ee, const char *device, const Manifest *manifest);

/* 1: a manifest pins another identity than this one (NULL: none). */
int people_pins_another(Database *database, const char *user_id, const char *master);

/* The device is revoked: it has no manifest any more, and its room ends with the notice ("revoked at …,
 * asked by …"), once. Its members stay in the room and keep their pins for it: a command there is answered.
 * A later manifest opens it again. */
int people_revoke(Database *database, E2ee *e2ee, const char *device, const char *notice);

/* 1: a manifest names the user. */
int people_is_named(Database *database, const char *user_id);

/* 1: a manifest names a user whose homeserver is not that of `own_id`, and no sync has shown them in a room
 * that they were invited to, since rooms are not federated; the caller frees the id. */
int people_find_outsider(Database *database, const char *own_id, char **ret_user_id);

/* 1: the user is one of those whom the room is for; in rooms that we did not make, any manifest names them.
 * All others are neither listened to nor answered. */
int people_is_heard(Database *database, const char *room_id, const char *user_id);

/* 1: a manifest pins another identity than the one the server has for the user: whatever they do, it does
 * not count. */
int people_is_suspended(Database *database, E2ee *e2ee, const char *user_id);
