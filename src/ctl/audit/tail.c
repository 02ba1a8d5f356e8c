/* SPDX-License-Identifier: MIT */
/* devboxctl audit tail: the end of the history, and what is added to it. Nothing is verified. */

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/audit/entry-print.h"
#include "ctl/audit/open.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

#define LOOK_AGAIN_MS 500

typedef struct TailOptions {
        const char *db, *device;
        uint64_t lines;
        bool follow;
} TailOptions;

typedef struct Ring {
        char **lines;
        size_t n, next; /* room for n; the next goes to lines[next % n] */
} Ring;

static void ring_done(Ring *ring)
{
        for (size_t i = 0; ring->lines && i < ring->n; i++)
                free(ring->lines[i]);
        free(ring->lines);
}

static int ring_put(Ring *ring, const Ctl *ctl, const AuditEntry *entry)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char **line = &ring->lines[ring->next++ % ring->n];

        audit_print_entry(ctl, entry, &text);
        free(*line);
        *line = NULL;
        return text_take(&text, line, NULL);
}

static int ring_print(const Ring *ring)
{
        for (size_t i = 0; i < ring->n; i++) {
                const char *line = ring->lines[(ring->next + i) % ring->n];

                if (line && fputs(line, stdout) < 0)
                        return -errno;
        }

        return fflush(stdout) == 0 ? 0 : -errno;
}

/* Waits a moment. Returns whether standard output still has a reader. */
static bool reader_is_there(void)
{
        struct pollfd out = { .fd = STDOUT_FILENO };

        return poll(&out, 1, LOOK_AGAIN_MS) <= 0 || !(out.revents & (POLLERR | POLLHUP));
}

/* `chain`, unless NULL, is what the reader reads. */
static int follow(Ctl *ctl, AuditReader *reader, LedgerChain *chain)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { 0 };

        for (;;) {
                int next = audit_reader_next(reader, &entry);
                if (next < 0 || next == AUDIT_NEXT_MALFORMED)
                        return audit_print_end(ctl, next, entry.seq);
                if (next != AUDIT_NEXT_ENTRY) {
                        int r = chain ? ledger_chain_update(chain, &ctl->problem) : 0;
                        if (r != 0 || !reader_is_there())
                                return r;
                        continue;
                }

                audit_print_entry(ctl, &entry, &text);
                if (text.error < 0 || fputs(text.data, stdout) < 0 || fflush(stdout) != 0)
                        return text.error < 0 ? text.error : -errno;
        }
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(ledger_chain_freep) LedgerChain *chain = NULL;
        _cleanup_(ring_done) Ring ring = { 0 };
        const TailOptions *given = options;
        AuditEntry entry = { 0 };
        int next;

        int r = audit_open(given->db, given->device, &reader, &chain, &ctl->problem);
        if (r != 0)
                return r;

        ring.n = MAX(MIN(given->lines, (uint64_t) 100000), (uint64_t) 1);
        ring.lines = calloc(ring.n, sizeof *ring.lines);
        if (!ring.lines)
                return -ENOMEM;

        while ((next = audit_reader_next(reader, &entry)) == AUDIT_NEXT_ENTRY) {
                r = ring_put(&ring, ctl, &entry);
                if (r < 0)
                        return r;
        }
        r = given->lines > 0 ? ring_print(&ring) : 0;
        if (r < 0)
                return r;
        if (given->follow && (next == AUDIT_NEXT_END || next == AUDIT_NEXT_PART))
                return follow(ctl, reader, chain);

        return audit_print_end(ctl, next, entry.seq);
}

static const Option options[] = {
        CHAIN_OPTIONS(TailOptions),
        { "lines", &option_number, offsetof(TailOptions, lines), "how many entries (10)", 'n' },
        { "follow", &option_switch, offsetof(TailOptions, follow), "wait for more entries", 'f' },
        { 0 },
};

const Verb verb_audit_tail = {
        .noun = "audit",
        .name = "tail",
        .help = "print the end of the history",
        .example = "audit tail -f",
        VERB_OPTIONS(TailOptions, options),
        .defaults = &(const TailOptions){ .db = LEDGER_PATH, .lines = 10 },
        .run = run,
};
