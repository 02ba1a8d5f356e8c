/* SPDX-License-Identifier: MIT */
/* devboxctl audit export: the history as a file for an auditor. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl/audit/entry-print.h"
#include "ctl/audit/open.h"
#include "ctl/option-types.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct ExportOptions {
        const char *db, *device, *output, *checkpoints, *evidence;
        AuditForm form;
} ExportOptions;

static int write_line(void *userdata, const char *envelope)
{
        return fprintf(userdata, "%s\n", envelope) < 0 ? -errno : 0;
}

/* A new file, or standard output. */
static int open_output(Ctl *ctl, const char *path, FILE **ret_file)
{
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                      : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s",
                                   path ? path : "standard output", strerror(errno));

        *ret_file = fdopen(fd, "w");
        if (!*ret_file) {
                fd_close(fd);
                return -ENOMEM;
        }

        return 0;
}

static void close_file(FILE **file)
{
        if (*file)
                (void) fclose(*file);
}

static int finish(FILE *file)
{
        if (fflush(file) != 0)
                return -errno;

        return fsync(fileno(file)) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

static int export_entries(Ctl *ctl, AuditReader *reader, AuditForm form, FILE *file)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { 0 };
        int next;

        audit_write_head(form, audit_reader_identity(reader), &text);
        do {
                if (text.error < 0 || fwrite(text.data, 1, text.size, file) != text.size)
                        return text.error < 0 ? text.error : -EIO;

                text_reset(&text);
                next = audit_reader_next(reader, &entry);
                if (next == AUDIT_NEXT_ENTRY)
                        audit_write_entry(form, &entry, &text);
        } while (next == AUDIT_NEXT_ENTRY);

        int r = finish(file);
        return r < 0 ? r : audit_print_end(ctl, next, entry.seq);
}

/* What goes into a file of its own, one envelope per line. */
typedef int (*Envelopes)(AuditReader *reader, StatementTextHandler on_envelope, void *userdata);

static int export_envelopes(Ctl *ctl, AuditReader *reader, const char *path, Envelopes envelopes)
{
        _cleanup_(close_file) FILE *file = NULL;

        if (!path)
                return 0;

        int r = open_output(ctl, path, &file);
        if (r == 0)
                r = envelopes(reader, write_line, file);
        return r != 0 ? r : finish(file);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(close_file) FILE *file = NULL;
        const ExportOptions *given = options;

        /* The ledger may write meanwhile: a checkpoint must not cover more entries than the file has, and
         * the evidence of an entry must not be missing. */
        int r = audit_open(given->db, given->device, &reader, NULL, &ctl->problem);
        if (r == 0)
                r = open_output(ctl, given->output, &file);
        if (r == 0)
                r = export_envelopes(ctl, reader, given->checkpoints, audit_reader_checkpoints);
        if (r == 0)
                r = export_entries(ctl, reader, given->form, file);
        if (r == 0)
                r = export_envelopes(ctl, reader, given->evidence, audit_reader_evidence);

        return r;
}

static int parse_format(const Ctl *ctl, const char *text, void *ret_value)
{
        if (!streq(text, "jsonl") && !streq(text, "binary"))
                return -EINVAL;

        *(AuditForm *) ret_value = streq(text, "binary") ? AUDIT_FORM_BINARY : AUDIT_FORM_JSON;
        return 0;
}

static const OptionType option_format = { "jsonl|binary", "jsonl or binary", parse_format };

static const Option options[] = {
        CHAIN_OPTIONS(ExportOptions),
        { "format", &option_format, offsetof(ExportOptions, form), "how entries are written (jsonl)" },
        { "output", &option_file, offsetof(ExportOptions, output), "write there, not to standard output",
          'o' },
        { "checkpoints", &option_file, offsetof(ExportOptions, checkpoints), "write checkpoints there" },
        { "evidence", &option_file, offsetof(ExportOptions, evidence), "write signed documents there" },
        { 0 },
};

const Verb verb_audit_export = {
        .noun = "audit",
        .name = "export",
        .help = "write the history to a file for an auditor",
        .example = "audit export -o laptop.jsonl --checkpoints laptop.checkpoints",
        VERB_OPTIONS(ExportOptions, options),
        .defaults = &(const ExportOptions){ .db = LEDGER_PATH, .form = AUDIT_FORM_JSON },
        .run = run,
};
