/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables of this folder, as the first migration of the database that it shares with its caller: what a
 * sync response changes here and there is one transaction. The changes are later migrations of it. */

extern const char e2ee_tables[], e2ee_changes_1[], e2ee_changes_2[];
