/* SPDX-License-Identifier: MIT */
/* devboxctl audit show: the history, one line per entry. Nothing is verified. */

#include <stdio.h>

#include "ctl/audit/entry-print.h"
#include "ctl/audit/open.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

typedef struct ShowOptions {
        const char *db, *device;
        uint64_t from, lines;
} ShowOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        const ShowOptions *given = options;
        uint64_t lines = given->lines;
        AuditEntry entry = { 0 };
        int next = AUDIT_NEXT_END;

        int r = audit_open(given->db, given->device, &reader, NULL, &ctl->problem);
        if (r != 0)
                return r;

        (void) audit_reader_seek(reader, given->from);
        while (lines > 0 && (next = audit_reader_next(reader, &entry)) == AUDIT_NEXT_ENTRY) {
                if (entry.seq < given->from)
                        continue;

                audit_print_entry(ctl, &entry, &text);
                if (text.error < 0 || fputs(text.data, stdout) < 0)
                        return text.error < 0 ? text.error : -errno;
                lines--;
        }

        return lines == 0 ? 0 : audit_print_end(ctl, next, entry.seq);
}

static const Option options[] = {
        CHAIN_OPTIONS(ShowOptions),
        { "from", &option_number, offsetof(ShowOptions, from), "start with this entry" },
        { "lines", &option_number, offsetof(ShowOptions, lines), "how many entries at most", 'n' },
        { 0 },
};

const Verb verb_audit_show = {
        .noun = "audit",
        .name = "show",
        .help = "print the history, one line per entry",
        .example = "audit show --from 100 -n 20",
        VERB_OPTIONS(ShowOptions, options),
        .defaults = &(const ShowOptions){ .db = LEDGER_PATH, .lines = UINT64_MAX },
        .run = run,
};
