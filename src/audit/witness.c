/* SPDX-License-Identifier: MIT */
/* The witness rule. */

#include "audit/witness.h"

#include "proto/error.h"

int witness_begin(WitnessGrowth *growth, const Checkpoint *seen, const Sha256 *kept,
                  const Checkpoint *claimed)
{
        growth->claimed = *claimed;
        if (seen->size == 0) {
                chain_cursor_begin(&growth->cursor, &claimed->chain, claimed->device);
                return 0;
        }

        if (!streq(seen->device, claimed->device) ||
            memcmp(&seen->chain, &claimed->chain, sizeof seen->chain) != 0)
                return DEVBOX_ERROR_WITNESS_FORK;
        if (claimed->size < seen->size)
                return kept && sha256_equal(&claimed->head, kept) ? DEVBOX_ERROR_WITNESS_STALE
                                                                  : DEVBOX_ERROR_WITNESS_ROLLBACK;
        if (claimed->size == seen->size && !sha256_equal(&claimed->head, &seen->head))
                return DEVBOX_ERROR_WITNESS_FORK;

        chain_cursor_resume(&growth->cursor, &seen->chain, seen->size, &seen->head);
        return 0;
}

int witness_step(WitnessGrowth *growth, const AuditEntry *entry)
{
        if (growth->cursor.size >= growth->claimed.size || chain_cursor_next(&growth->cursor, entry) != 0)
                return DEVBOX_ERROR_WITNESS_FORK;

        return 0;
}

bool witness_is_contradicted(const WitnessGrowth *growth, const AuditEntry *entries, size_t n_entries)
{
        const ChainCursor *seen = &growth->cursor;
        ChainCursor other;

        if (n_entries == 0 || seen->size == 0 || sha256_equal(&entries[0].prev, &seen->head))
                return false;

        chain_cursor_resume(&other, &seen->chain, seen->size, &entries[0].prev);
        for (size_t i = 0; i < n_entries; i++)
                if (chain_cursor_next(&other, &entries[i]) != 0)
                        return false;

        return other.size == growth->claimed.size && sha256_equal(&other.head, &growth->claimed.head);
}

int witness_finish(const WitnessGrowth *growth)
{
        return growth->cursor.size == growth->claimed.size &&
                               sha256_equal(&growth->cursor.head, &growth->claimed.head)
                       ? 0
                       : DEVBOX_ERROR_WITNESS_FORK;
}
