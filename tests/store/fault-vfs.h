/* SPDX-License-Identifier: MIT */
#pragma once

/* A disk that fails on purpose: a layer between SQLite and its files that counts every write, truncation,
 * sync and deletion, and at a given one lets the world end in a given way. */

#include <stdint.h>

typedef enum Fault {
        FAULT_NONE,
        FAULT_FULL,  /* from there on there is no room */
        FAULT_WRITE, /* from there on writing fails */
        FAULT_SYNC,  /* from there on syncing fails */
        FAULT_KILL,  /* SIGKILL before the step is done */
        FAULT_POWER, /* the same, and of what was not synced only some reached the disk */
} Fault;

/* Puts the layer under every database that is opened from now on. */
void fault_vfs_install(void);

/* Begins to count anew. `seed` chooses what reaches the disk with FAULT_POWER. */
void fault_vfs_arm(Fault fault, uint64_t at_step, uint64_t seed);

/* How many steps there were since. */
uint64_t fault_vfs_steps(void);
