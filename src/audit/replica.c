/* SPDX-License-Identifier: MIT */
/* The tables `replica` and `replica_proof`. */

#include "audit/replica.h"

#include <stdio.h>

#include "audit/entry-table.h"

void replica_done(Replica *replica)
{
        free(replica->checkpoint);
        *replica = REPLICA_NULL;
}

static int read_row(const Statement *row, const char *device, Replica *ret_replica)
{
        const char *checkpoint = statement_text(row, 4), *quarantine = statement_text(row, 5);
        Replica replica = { .seen.size = (uint64_t) statement_integer(row, 2),
                            .revoked = statement_integer(row, 6) != 0 };

        (void) snprintf(replica.seen.device, sizeof replica.seen.device, "%s", device);
        if (statement_copy_bytes(row, 0, replica.seen.chain.bytes, CHAIN_ID_SIZE) < 0 ||
            statement_copy_bytes(row, 1, replica.key.bytes, PUBLIC_KEY_SIZE) < 0 ||
            statement_copy_bytes(row, 3, replica.seen.head.bytes, SHA256_SIZE) < 0 ||
            (quarantine && devbox_error_from_code(quarantine, &replica.quarantine) < 0))
                return -EBADMSG;
        if (checkpoint) {
                replica.checkpoint = strdup(checkpoint);
                if (!replica.checkpoint)
                        return -ENOMEM;
        }

        *ret_replica = replica;
        return 1;
}

int replica_find(Database *database, const char *device, Replica *ret_replica)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows,
                      "SELECT chain_id, device_key, size, head, checkpoint, quarantine, revoked FROM replica"
                      " WHERE device = ?",
                      "t", device);
        if (r == 0)
                r = statement_step(rows);

        return r <= 0 ? r : read_row(rows, device, ret_replica);
}

int replica_pin(Database *database, const ChainIdentity *identity, const PublicKey *key)
{
        Sha256 genesis;

        audit_genesis_prev(identity->device, &genesis);
        return query_run(database,
                         "INSERT INTO replica(device, chain_id, device_key, head) VALUES(?, ?, ?, ?)"
                         " ON CONFLICT(device) DO UPDATE SET device_key = excluded.device_key,"
                         " quarantine = NULL, revoked = 0",
                         "tbbb", identity->device, BYTES_OF(identity->chain.bytes), BYTES_OF(key->bytes),
                         BYTES_OF(genesis.bytes));
}

int replica_revoke(Database *database, const char *device)
{
        return query_run(database, "UPDATE replica SET revoked = 1 WHERE device = ?", "t", device);
}

int replica_extend(Database *database, const Checkpoint *claimed, const char *checkpoint,
                   AuditEntries entries)
{
        for (size_t i = 0; i < entries.n; i++) {
                int r = entry_table_insert(database, claimed->device, &entries.entries[i]);
                if (r < 0)
                        return r;
        }

        return query_run(database, "UPDATE replica SET size = ?, head = ?, checkpoint = ? WHERE device = ?",
                         "ibtt", (int64_t) claimed->size, BYTES_OF(claimed->head.bytes), checkpoint,
                         claimed->device);
}

int replica_quarantine(Database *database, const Replica *replica, DevboxError reason, const char *claimed)
{
        const char *device = replica->seen.device, *code = devbox_error_code(reason);

        int r = query_run(database, "UPDATE replica SET quarantine = ? WHERE device = ?", "tt", code,
                          device);
        if (r < 0)
                return r;

        return query_run(database,
                         "INSERT OR IGNORE INTO replica_proof(device, reason, seen, claimed)"
                         " VALUES(?, ?, ?, ?)",
                         "tttt", device, code, replica->checkpoint, claimed);
}

int replica_for_each_checkpoint(Database *database, const char *device, StatementTextHandler on_checkpoint,
                                void *userdata)
{
        Statement *rows;

        int r = query(database, &rows,
                      "SELECT checkpoint FROM replica WHERE device = ?1 UNION ALL"
                      " SELECT seen FROM replica_proof WHERE device = ?1 UNION ALL"
                      " SELECT claimed FROM replica_proof WHERE device = ?1",
                      "t", device);
        return r < 0 ? r : statement_for_each_text(rows, on_checkpoint, userdata);
}

int replica_for_each_device(Database *database, StatementTextHandler on_device, void *userdata)
{
        Statement *rows;

        int r = query(database, &rows, "SELECT device FROM replica", "");
        return r < 0 ? r : statement_for_each_text(rows, on_device, userdata);
}
