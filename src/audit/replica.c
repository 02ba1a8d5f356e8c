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
        Replica replica = { .seen.size = (uint64_t) statement_integer(row, 2) };

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
        _cleanup_(statement_freep) Statement *find = NULL;

        int r = database_prepare(
                database,
                "SELECT chain_id, device_key, size, head, checkpoint, quarantine FROM replica"
                " WHERE device = ?",
                &find);
        if (r < 0)
                return r;
        statement_bind_text(find, device);
        r = statement_step(find);

        return r <= 0 ? r : read_row(find, device, ret_replica);
}

int replica_pin(Database *database, const ChainIdentity *identity, const PublicKey *key)
{
        _cleanup_(statement_freep) Statement *insert = NULL;
        Sha256 genesis;

        int r = database_prepare(database,
                                 "INSERT INTO replica(device, chain_id, device_key, head) VALUES(?, ?, ?, ?)"
                                 " ON CONFLICT(device) DO UPDATE SET device_key = excluded.device_key,"
                                 " quarantine = NULL",
                                 &insert);
        if (r < 0)
                return r;

        audit_genesis_prev(identity->device, &genesis);
        statement_bind_text(insert, identity->device);
        statement_bind_bytes(insert, BYTES_OF(identity->chain.bytes));
        statement_bind_bytes(insert, BYTES_OF(key->bytes));
        statement_bind_bytes(insert, BYTES_OF(genesis.bytes));
        return statement_run(insert);
}

static int insert_entries(Database *database, const char *device, AuditEntries entries)
{
        _cleanup_(statement_freep) Statement *insert = NULL;

        int r = entry_table_prepare_insert(database, device, &insert);
        for (size_t i = 0; r == 0 && i < entries.n; i++)
                r = entry_table_insert(insert, device, &entries.entries[i]);

        return r;
}

int replica_extend(Database *database, const Checkpoint *claimed, const char *checkpoint,
                   AuditEntries entries)
{
        _cleanup_(statement_freep) Statement *update = NULL;

        int r = insert_entries(database, claimed->device, entries);
        if (r < 0)
                return r;
        r = database_prepare(
                database, "UPDATE replica SET size = ?, head = ?, checkpoint = ? WHERE device = ?", &update);
        if (r < 0)
                return r;

        statement_bind_integer(update, (int64_t) claimed->size);
        statement_bind_bytes(update, BYTES_OF(claimed->head.bytes));
        statement_bind_text(update, checkpoint);
        statement_bind_text(update, claimed->device);
        return statement_run(update);
}

int replica_quarantine(Database *database, const Replica *replica, DevboxError reason, const char *claimed)
{
        _cleanup_(statement_freep) Statement *update = NULL, *insert = NULL;
        const char *code = devbox_error_code(reason);

        int r = database_prepare(database, "UPDATE replica SET quarantine = ? WHERE device = ?", &update);
        if (r < 0)
                return r;
        statement_bind_text(update, code);
        statement_bind_text(update, replica->seen.device);
        r = statement_run(update);
        if (r < 0)
                return r;

        r = database_prepare(database,
                             "INSERT OR IGNORE INTO replica_proof(device, reason, seen, claimed)"
                             " VALUES(?, ?, ?, ?)",
                             &insert);
        if (r < 0)
                return r;
        statement_bind_text(insert, replica->seen.device);
        statement_bind_text(insert, code);
        statement_bind_text(insert, replica->checkpoint);
        statement_bind_text(insert, claimed);
        return statement_run(insert);
}

int replica_for_each_checkpoint(Database *database, const char *device, StatementTextHandler on_checkpoint,
                                void *userdata)
{
        _cleanup_(statement_freep) Statement *select = NULL;

        int r = database_prepare(database,
                                 "SELECT checkpoint FROM replica WHERE device = ?1 UNION ALL"
                                 " SELECT seen FROM replica_proof WHERE device = ?1 UNION ALL"
                                 " SELECT claimed FROM replica_proof WHERE device = ?1",
                                 &select);
        if (r < 0)
                return r;

        statement_bind_text(select, device);
        return statement_for_each_text(select, on_checkpoint, userdata);
}

int replica_for_each_device(Database *database, StatementTextHandler on_device, void *userdata)
{
        _cleanup_(statement_freep) Statement *select = NULL;

        int r = database_prepare(database, "SELECT device FROM replica", &select);
        return r < 0 ? r : statement_for_each_text(select, on_device, userdata);
}
