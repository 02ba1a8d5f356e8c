/* SPDX-License-Identifier: MIT */
/* A chain to tamper with. */

#include "audit-chain.h"

#include <stdio.h>
#include <unistd.h>

#include "audit/body.h"
#include "basic/file.h"
#include "trust/world.h"

const ChainIdentity chain_identity = { "dev-a", { "0123456789abcdef" } };

Chain chain;

static char *body_of(AuditType type, const AuditBody *body)
{
        SchemaFault fault = { 0 };
        char *text = NULL;

        if (audit_body_format(type, body, &text, &fault) != 0)
                fail_msg("%s %s", fault.path, fault.why);
        return text;
}

/* The first entries: enrolment, root and manifest. */
static char *early_body(AuditType type)
{
        char device[] = "dev-a";
        AuditBody body = { 0 };

        switch (type) {
        case AUDIT_GENESIS:
                body = (AuditBody){ .device = device,
                                    .chain = chain_identity.chain,
                                    .key = *key_pair_public(world_key(KEY_DEVICE)),
                                    .sha256 = chain.roots[0].digest };
                break;
        case AUDIT_ROOT:
                body = (AuditBody){ .version = 1, .epoch = 1, .sha256 = chain.roots[0].digest };
                break;
        case AUDIT_MANIFEST:
                body = (AuditBody){ .version = 1, .epoch = 1, .sha256 = { { 3 } } };
                break;
        default:
                break;
        }

        return body_of(type, &body);
}

/* Requests that are accepted, started and finished, one after the other. */
char *chain_request_body(AuditType type, size_t i)
{
        char id[ULID_SIZE], kind[] = "shell.exec", entry[] = "ls", principal[] = "@ana:hs.example",
                            done[] = "finished", arguments[] = "{\"argv\":[\"/usr/bin/ls\",\"\\\"q\\\"\"]}";
        uint8_t random[ULID_RANDOM_SIZE] = { (uint8_t) (i / 3), (uint8_t) (i / 3 >> 8) };
        AuditBody body = { .request_id = id,
                           .capability = kind,
                           .entry = entry,
                           .principal = principal,
                           .arguments = arguments,
                           .status = done,
                           .request_sha256 = { { 1, random[0], random[1] } },
                           .arguments_sha256 = { { 2 } },
                           .manifest = { .epoch = 1, .version = 1, .sha256 = { { 3 } } } };

        ulid_format(1760000000000, random, id);
        return body_of(type, &body);
}

AuditType chain_type_at(size_t i)
{
        static const AuditType early[] = { AUDIT_GENESIS, AUDIT_ROOT, AUDIT_MANIFEST, AUDIT_SESSION };
        static const AuditType turns[] = { AUDIT_REQUEST_ACCEPTED, AUDIT_REQUEST_STARTED,
                                           AUDIT_REQUEST_FINISHED };

        return i < ELEMENTSOF(early) ? early[i] : turns[(i - 1) % 3];
}

/* Builds the entries from number `from` on; all bodies must be there. */
static void link_entries(AuditEntry *entries, size_t n, Checkpoint *ret_at)
{
        ChainCursor cursor;

        chain_cursor_begin(&cursor, &chain_identity.chain, chain_identity.device);
        for (size_t i = 0; i < n; i++) {
                chain_cursor_append(&cursor, chain_type_at(i), 1760000000000 + i, entries[i].body,
                                    &entries[i]);
                if (ret_at) {
                        ret_at[i + 1] = (Checkpoint){ .chain = chain_identity.chain,
                                                      .size = i + 1,
                                                      .head = cursor.head };
                        memcpy(ret_at[i + 1].device, chain_identity.device, sizeof "dev-a");
                }
        }
}

int chain_make(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, world_root, KEY_ROOT_A, KEY_ROOT_B);

        assert_ok(root_accept_first(envelope, NULL, &chain.root));
        chain.roots[0] = (AuditRoot){ .version = 1, .root = chain.root };
        chain.roots[0].digest = envelope->digest;
        for (size_t i = 0; i < ENTRIES; i++) {
                AuditType type = chain_type_at(i);

                chain.bodies[i] = type == AUDIT_REQUEST_ACCEPTED || type == AUDIT_REQUEST_STARTED ||
                                                  type == AUDIT_REQUEST_FINISHED
                                          ? chain_request_body(type, i - 1)
                                          : early_body(type);
                chain.entries[i].body = bytes_of_string(chain.bodies[i]);
        }
        link_entries(chain.entries, ENTRIES, chain.at);
        (void) snprintf(chain.path, sizeof chain.path, "/tmp/devbox-audit-%d", (int) getpid());
        return 0;
}

int chain_free(void **state)
{
        for (size_t i = 0; i < ENTRIES; i++)
                free(chain.bodies[i]);
        root_free(chain.root);
        (void) unlink(chain.path);
        return 0;
}

char *chain_export(AuditForm form, const AuditEntry *entries, size_t n, size_t *ret_size)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char *bytes;

        audit_write_head(form, &chain_identity, &text);
        for (size_t i = 0; i < n; i++)
                audit_write_entry(form, &entries[i], &text);
        assert_ok(text_take(&text, &bytes, ret_size));
        return bytes;
}

char *chain_sign_checkpoint(const Checkpoint *checkpoint, WorldKey device, bool witnessed)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        char *text;

        assert_ok(checkpoint_sign(checkpoint, world_key(device), &envelope));
        if (witnessed)
                assert_ok(envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, world_key(KEY_WITNESS)));
        assert_ok(envelope_format(envelope, &text));
        return text;
}

AuditReport chain_verify(const void *bytes, size_t size, const char *checkpoint, bool root)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        AuditReport report = { .outcome = AUDIT_BROKEN };

        assert_ok(file_write(chain.path, FILE_REPLACE, 0600, BYTES(bytes, size)));
        if (audit_reader_open(chain.path, NULL, &reader) < 0)
                return report; /* not even a chain */

        assert_ok(audit_verifier_new(audit_reader_identity(reader),
                                     &(AuditMeans){ .roots = chain.roots, .n_roots = root }, &verifier));
        if (checkpoint)
                assert_ok(audit_verifier_add_checkpoint(verifier, checkpoint));
        assert_ok(audit_verify(verifier, reader, &report));
        return report;
}
