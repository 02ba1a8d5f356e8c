/* SPDX-License-Identifier: MIT */
/* What an auditor gets from a device that lies: an exported chain, a NUL, statements about it, a NUL, and
 * the evidence, by whose roots it is judged. It is verified as it is, and with all its hashes put right: a
 * device can do that, a fuzzer cannot. Whatever it is, there is an outcome, and never more than was there
 * was judged again. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/chain-cursor.h"
#include "audit/export.h"
#include "audit/verify.h"
#include "fuzz.h"

#define ROOTS_MAX 4

typedef struct Auditor {
        AuditEvidence *evidence;
        AuditRoot roots[ROOTS_MAX];
        Root *parsed[ROOTS_MAX];
        size_t n_roots;
} Auditor;

/* Up to the next NUL, which it ends with; steps behind it. */
static char *take_part(char **at, const char *end)
{
        char *part = *at, *nul = memchr(part, '\0', (size_t) (end - part));

        *at = nul ? nul + 1 : (char *) end;
        return part;
}

static void add_root(Auditor *auditor, Bytes line)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        AuditRoot *root = &auditor->roots[auditor->n_roots];

        if (auditor->n_roots == ROOTS_MAX || envelope_parse(line, ENVELOPE_PAYLOAD_MAX, &envelope) != 0 ||
            strcmp(envelope->type, ENVELOPE_ROOT) != 0 ||
            root_parse(envelope_payload(envelope), &auditor->parsed[auditor->n_roots], NULL) != 0)
                return;

        root->root = auditor->parsed[auditor->n_roots++];
        root->version = root->root->version;
        root->digest = envelope->digest;
}

static void read_evidence(Auditor *auditor, const char *text)
{
        unsigned line;

        if (audit_evidence_parse(text, &auditor->evidence, &line) < 0)
                fuzz_check(line > 0);
        for (size_t size; *text != '\0'; text += size + (text[size] == '\n')) {
                size = strcspn(text, "\n");
                add_root(auditor, BYTES(text, size));
        }
}

static void auditor_done(Auditor *auditor)
{
        audit_evidence_free(auditor->evidence);
        for (size_t i = 0; i < auditor->n_roots; i++)
                root_free(auditor->parsed[i]);
}

static void verify(AuditReader *reader, char *statements, const Auditor *auditor, bool hash_only)
{
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        AuditReport report;

        fuzz_check(audit_verifier_new(audit_reader_identity(reader),
                                      &(AuditMeans){ .roots = auditor->roots,
                                                     .n_roots = auditor->n_roots,
                                                     .evidence = auditor->evidence,
                                                     .hash_only = hash_only },
                                      &verifier) == 0);
        for (char *line = strtok(statements, "\n"); line; line = strtok(NULL, "\n"))
                (void) audit_verifier_add_checkpoint(verifier, line);
        fuzz_check(audit_verify(verifier, reader, &report) == 0);
        fuzz_check(report.n_judged <= report.n_accepted && report.n_redacted <= report.n_accepted);
        fuzz_check(report.outcome == AUDIT_OK || report.why);
        fuzz_check(report.witnessed <= report.size && report.retired <= report.size);
}

/* The same entries, as far as they can be read, each after the one before. */
static void link_again(const char *chain, Text *text)
{
        _cleanup_(freep) char *copy = strdup(chain);
        uint8_t *at = (uint8_t *) copy, *end = at + strlen(copy);
        ChainIdentity identity;
        AuditEntry entry;
        ChainCursor cursor;
        size_t used;

        text_append(text, "");
        if (audit_read_head(AUDIT_FORM_JSON, at, (size_t) (end - at), &used, &identity) != AUDIT_NEXT_ENTRY)
                return;

        audit_write_head(AUDIT_FORM_JSON, &identity, text);
        chain_cursor_begin(&cursor, &identity.chain, identity.device);
        while (at += used, audit_read_entry(AUDIT_FORM_JSON, at, (size_t) (end - at), &used, &entry) ==
                                   AUDIT_NEXT_ENTRY) {
                chain_cursor_append(&cursor, entry.type, entry.time_ms, entry.body, &entry);
                audit_write_entry(AUDIT_FORM_JSON, &entry, text);
        }
}

static int open_chain(const char *chain, AuditReader **ret_source)
{
        char path[32];

        int fd = memfd_create("chain", MFD_CLOEXEC);
        fuzz_check(fd >= 0 && write(fd, chain, strlen(chain)) == (ssize_t) strlen(chain));
        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int r = audit_reader_open(path, NULL, ret_source);
        (void) close(fd);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = malloc(size + 1);
        _cleanup_(auditor_done) Auditor auditor = { 0 };
        char *at = text;

        memcpy(text, data, size);
        text[size] = '\0';
        _cleanup_(text_done) Text again = TEXT_NULL;
        const char *chain = take_part(&at, text + size);
        char *statements = take_part(&at, text + size);
        read_evidence(&auditor, take_part(&at, text + size));
        link_again(chain, &again);
        for (int way = 0; way < 4; way++) {
                _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
                _cleanup_(freep) char *copy = strdup(statements);

                if (open_chain(way & 1 ? again.data : chain, &reader) == 0)
                        verify(reader, copy, &auditor, way & 2);
        }

        return 0;
}
