/* SPDX-License-Identifier: MIT */
#pragma once

/* Whom the manifests of the devices name: they are invited to the rooms, and their identities are pinned.
 * The manifests are the operator's word; nothing that was pinned or learned otherwise counts. */

#include "e2ee/e2ee.h"
#include "trust/manifest.h"

/* The device's manifest is this one now; NULL: it has none any more. A person whom two manifests pin
 * differently is not pinned at all, until they agree. Inside the caller's transaction. Errors: those of
 * store/database.h, and -ENOMEM. */
int people_receive(Database *database, E2ee *e2ee, const char *device, const Manifest *manifest);

/* 1: a manifest pins another identity than this one (NULL: none). */
int people_pins_another(Database *database, const char *user_id, const char *master);

/* 1: a manifest pins another identity than the one the server has for the user: whatever they do, it does
 * not count. */
int people_is_suspended(Database *database, E2ee *e2ee, const char *user_id);
