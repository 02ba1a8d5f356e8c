/* SPDX-License-Identifier: MIT */
/* A device and the hub that witnesses it. */

#include "witness-pair.h"

#include "basic/text.h"

int copies_add(const AuditEntry *entry, void *userdata)
{
        Copies *copies = userdata;
        char *body = malloc(entry->body.size);

        assert_true(copies->n < ELEMENTSOF(copies->entries));
        assert_non_null(body);
        memcpy(body, entry->body.data, entry->body.size);
        copies->entries[copies->n] = *entry;
        copies->entries[copies->n++].body.data = (uint8_t *) body;
        return 0;
}

void copies_free(Copies *copies)
{
        for (size_t i = 0; i < copies->n; i++)
                free((void *) copies->entries[i].body.data);
        free(copies);
}

Copies *copies_of(LedgerWorld *device)
{
        Copies *copies = calloc(1, sizeof *copies);

        assert_non_null(copies);
        assert_ok(ledger_export(device->ledger, &(ChainRange){ .max = UINT64_MAX }, copies_add, copies));
        return copies;
}

int pair_up(void **state)
{
        Pair *pair = calloc(1, sizeof *pair);
        LedgerStatus status;
        void *world = NULL;

        assert_non_null(pair);
        assert_int_equal(ledger_world_up(&world), 0);
        pair->device = world;
        assert_int_equal(ledger_world_up_empty(&world), 0);
        pair->hub = world;
        ledger_world_close(pair->hub);
        ledger_world_set_key(pair->hub, KEY_WITNESS);
        ledger_world_open(pair->hub);
        ledger_status(pair->device->ledger, &status);
        assert_int_equal(ledger_pin(pair->hub->ledger, "dev-a", &status.chain, &status.key), 0);
        *state = pair;
        return 0;
}

int pair_down(void **state)
{
        Pair *pair = *state;

        assert_int_equal(ledger_world_down((void **) &pair->device), 0);
        assert_int_equal(ledger_world_down((void **) &pair->hub), 0);
        free(pair);
        return 0;
}

void pair_grow(Pair *pair, int n)
{
        while (n-- > 0) {
                pair->device->time.now_ms += 500; /* sessions are limited per minute */
                ledger_world_begin_session(pair->device);
        }
}

uint64_t pair_seen(Pair *pair)
{
        ReplicaStatus status;

        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &status), 0);
        free(status.checkpoint);
        return status.size;
}

void pair_assert_kept(Pair *pair, const char *cosigned)
{
        ReplicaStatus status;

        assert_int_equal(ledger_replica(pair->hub->ledger, "dev-a", &status), 0);
        assert_string_equal(status.checkpoint, cosigned);
        free(status.checkpoint);
}

static int add_line(void *userdata, const char *envelope)
{
        text_appendf(userdata, "%s\n", envelope);
        return 0;
}

static AuditEvidence *evidence_of(const Pair *pair, const AuditEntry *entries, size_t n)
{
        _cleanup_(text_done) Text lines = TEXT_NULL;
        AuditEvidence *evidence;
        unsigned number;

        text_append(&lines, "");
        for (size_t i = 0; i < n && !pair->withholds; i++)
                assert_ok(ledger_export_evidence(pair->device->ledger, &entries[i], add_line, &lines));
        for (size_t i = 0; i < ELEMENTSOF(pair->more_evidence); i++)
                if (pair->more_evidence[i])
                        assert_ok(add_line(&lines, pair->more_evidence[i]));
        assert_ok(audit_evidence_parse(lines.data, &evidence, &number));
        return evidence;
}

int pair_show(Pair *pair, const Copies *copies, uint64_t size, char **ret_cosigned)
{
        _cleanup_(freep) char *checkpoint = NULL, *cosigned = NULL;
        uint64_t from = MIN(pair_seen(pair), size);
        AuditEntries entries = { copies->entries + from, size - from };
        _cleanup_(audit_evidence_freep) AuditEvidence *evidence =
                evidence_of(pair, entries.entries, entries.n);

        assert_int_equal(ledger_checkpoint(pair->device->ledger, size, &checkpoint), 0);
        int r = ledger_witness(pair->hub->ledger, checkpoint, entries, evidence, &cosigned);
        if (r == 0 && ret_cosigned)
                *ret_cosigned = TAKE_PTR(cosigned);
        return r;
}

void pair_assert_proofs(const Pair *pair, int64_t n)
{
        ledger_world_close(pair->hub);
        assert_int_equal(ledger_world_query(pair->hub, "SELECT count(*) FROM replica_proof"), n);
        ledger_world_open(pair->hub);
}
