/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether the store is the newest there is. A ratchet that goes back uses keys twice, so a store that was
 * restored from a backup, or copied, must not be used without a person's decision. A counter is kept in the
 * store and in a file that backups leave out, and grows at every opening and every hour; it does not see an
 * older copy of the same hour, which the server's one-time keys and our own messages in the timeline give
 * away later. */

#include "e2ee/e2ee.h"

/* Outside a transaction: compares, and counts on if it is right. Otherwise sets E2EE_FAULT_ROLLED_BACK,
 * which stays. Errors: also those of reading and writing the file. */
int e2ee_advance_generation(E2ee *e2ee, const char *path);
