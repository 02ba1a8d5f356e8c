/* SPDX-License-Identifier: MIT */
#pragma once

/* Where the devices of a hub are: stored, and spoken to after a boot. */

#include "mesh/peers.h"

/* Whether one is elsewhere than is stored. */
bool endpoints_changed(const PeerTable *peers);

/* Stores those that are, in a transaction. Errors: those of a database. */
int endpoints_store(Database *database, PeerTable *peers);

/* Sends a packet to those that are silent, a few times, if there are many of them in later calls. The link
 * must be up. Errors: those of sending; the next call goes on there. */
int endpoints_wake(PeerTable *peers);
