/* SPDX-License-Identifier: MIT */
/* devboxctl audit show, tail, export: the history as lines for a person, or as a file for an auditor. What
 * is shown here is not verified. */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/body.h"
#include "audit/export.h"
#include "basic/fd.h"
#include "basic/parse.h"
#include "ctl/audit/open.h"
#include "ctl/print.h"

#define TAIL_LINES    10
#define LOOK_AGAIN_MS 500

/* ---- an entry in one line */

static void add_word(Text *text, const char *word)
{
        if (word)
                text_appendf(text, " %s", word);
}

/* Of an entry that says what its type must say. */
static void describe(const AuditEntry *entry, const AuditBody *body, Text *text)
{
        if (body->status && entry->type != AUDIT_REQUEST_ACCEPTED)
                add_word(text, body->status);
        add_word(text, body->reason);
        add_word(text, body->entry ? body->entry : body->capability);
        add_word(text, body->subject);
        add_word(text, body->mxid);
        add_word(text, body->device);
        if (entry->type == AUDIT_ROOT || entry->type == AUDIT_MANIFEST)
                text_appendf(text, " epoch %" PRIi64 ", version %" PRIi64 "%s", body->epoch, body->version,
                             body->gap ? ", some before it were never seen" : "");
        if (entry->type == AUDIT_REQUEST_FINISHED)
                text_appendf(text, " exit %" PRIi64, body->exit_code);
        if (entry->type == AUDIT_SUPPRESSED)
                text_appendf(text, " %" PRIi64 " times", body->count);
        if (entry->type == AUDIT_CHECKPOINT)
                text_appendf(text, " size %" PRIi64, body->size);
        if (entry->type == AUDIT_CLOCK)
                text_appendf(text, " by %+" PRIi64 " ms", body->to_ms - body->from_ms);
        add_word(text, body->request_id);
}

static void describe_entry(const AuditEntry *entry, Text *text)
{
        AuditBody *body = NULL;
        char moment[FIGURE_MAX];

        text_appendf(text, "%8" PRIu64 "  %s  %-12s", entry->seq, format_moment(moment, entry->time_ms),
                     audit_type_name(entry->type));
        int r = entry->type < _AUDIT_TYPE_MAX
                        ? audit_body_parse((AuditType) entry->type, entry->body, &body, NULL)
                        : -EBADMSG;
        if (r == 0) {
                describe(entry, body, text);
                audit_body_free((AuditType) entry->type, body);
        } else
                text_append(text, " (unreadable)");
        if (text->error == 0)
                (void) terminal_sanitize(text->data);
        text_append(text, "\n");
}

/* One line in the place of what the text held. */
static void write_entry(const Ctl *ctl, const AuditEntry *entry, Text *text)
{
        text_reset(text);
        if (ctl->json)
                audit_write_entry(AUDIT_FORM_JSON, entry, text);
        else
                describe_entry(entry, text);
}

/* ---- walking */

/* Nothing more comes: at the end, or because of what stands there, which is said. */
static int end(const Ctl *ctl, int next, uint64_t seq)
{
        if (next == AUDIT_NEXT_PART || next == AUDIT_NEXT_MALFORMED)
                return print_failure(ctl, DEVBOX_ERROR_AUDIT_UNAVAILABLE,
                                     "the chain cannot be read on after entry %" PRIu64
                                     "; see: devboxctl audit verify",
                                     seq);

        return next < 0 ? next : CTL_FINE;
}

static int take_number(const Ctl *ctl, CtlOption option, const char *name, uint64_t *number)
{
        const char *text = ctl->options[option];

        return text && parse_u64(text, 0, INT64_MAX, number) < 0
                       ? print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "%s takes a number", name)
                       : 0;
}

int ctl_audit_show(const Ctl *ctl, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *source = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        uint64_t from = 0, lines = UINT64_MAX;
        AuditEntry entry = { 0 };
        int next = AUDIT_NEXT_END;

        int r = take_number(ctl, OPTION_FROM, "--from", &from);
        if (r == 0)
                r = take_number(ctl, OPTION_LINES, "--lines", &lines);
        if (r == 0)
                r = audit_open(ctl, audit_path(ctl), ctl->options[OPTION_DEVICE], &source);
        if (r != 0)
                return r;

        (void) audit_reader_seek(source, from);
        while (lines > 0 && (next = audit_reader_next(source, &entry)) == AUDIT_NEXT_ENTRY) {
                if (entry.seq < from)
                        continue;

                write_entry(ctl, &entry, &text);
                if (text.error < 0 || fputs(text.data, stdout) < 0)
                        return text.error < 0 ? text.error : -errno;
                lines--;
        }

        return lines == 0 ? CTL_FINE : end(ctl, next, entry.seq);
}

/* ---- tail */

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

        write_entry(ctl, entry, &text);
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

/* Waits for a moment, or until nobody reads what is written. */
static bool reader_is_there(void)
{
        struct pollfd out = { .fd = STDOUT_FILENO };

        return poll(&out, 1, LOOK_AGAIN_MS) <= 0 || !(out.revents & (POLLERR | POLLHUP));
}

static int follow(const Ctl *ctl, AuditReader *source)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { 0 };

        for (;;) {
                int next = audit_reader_next(source, &entry);
                if (next < 0 || next == AUDIT_NEXT_MALFORMED)
                        return end(ctl, next, entry.seq);
                if (next != AUDIT_NEXT_ENTRY) {
                        if (!reader_is_there())
                                return CTL_FINE;
                        continue;
                }

                write_entry(ctl, &entry, &text);
                if (text.error < 0 || fputs(text.data, stdout) < 0 || fflush(stdout) != 0)
                        return text.error < 0 ? text.error : -errno;
        }
}

int ctl_audit_tail(const Ctl *ctl, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *source = NULL;
        _cleanup_(ring_done) Ring ring = { 0 };
        AuditEntry entry = { 0 };
        uint64_t lines = TAIL_LINES;
        int next;

        int r = take_number(ctl, OPTION_LINES, "--lines", &lines);
        if (r == 0)
                r = audit_open(ctl, audit_path(ctl), ctl->options[OPTION_DEVICE], &source);
        if (r != 0)
                return r;

        ring.n = MAX(MIN(lines, (uint64_t) 100000), (uint64_t) 1);
        ring.lines = calloc(ring.n, sizeof *ring.lines);
        if (!ring.lines)
                return -ENOMEM;

        while ((next = audit_reader_next(source, &entry)) == AUDIT_NEXT_ENTRY) {
                r = ring_put(&ring, ctl, &entry);
                if (r < 0)
                        return r;
        }
        r = lines > 0 ? ring_print(&ring) : 0;
        if (r < 0)
                return r;
        if (ctl->options[OPTION_FOLLOW] && (next == AUDIT_NEXT_END || next == AUDIT_NEXT_PART))
                return follow(ctl, source);

        return end(ctl, next, entry.seq);
}

/* ---- export */

static int write_line(void *userdata, const char *envelope)
{
        return fprintf(userdata, "%s\n", envelope) < 0 ? -errno : 0;
}

/* A new file, or standard output. */
static int open_output(const Ctl *ctl, const char *path, FILE **ret_file)
{
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                      : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s",
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

static int export_entries(const Ctl *ctl, AuditReader *source, AuditForm form, FILE *file)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        AuditEntry entry = { 0 };
        int next;

        audit_write_head(form, audit_reader_identity(source), &text);
        do {
                if (text.error < 0 || fwrite(text.data, 1, text.size, file) != text.size)
                        return text.error < 0 ? text.error : -EIO;

                text_reset(&text);
                next = audit_reader_next(source, &entry);
                if (next == AUDIT_NEXT_ENTRY)
                        audit_write_entry(form, &entry, &text);
        } while (next == AUDIT_NEXT_ENTRY);

        int r = finish(file);
        return r < 0 ? r : end(ctl, next, entry.seq);
}

/* What goes into a file of its own, one envelope per line. */
typedef int (*Envelopes)(AuditReader *source, StatementTextHandler on_envelope, void *userdata);

static int export_envelopes(const Ctl *ctl, AuditReader *source, CtlOption option, Envelopes envelopes)
{
        _cleanup_(close_file) FILE *file = NULL;

        if (!ctl->options[option])
                return 0;

        int r = open_output(ctl, ctl->options[option], &file);
        if (r == 0)
                r = envelopes(source, write_line, file);
        return r != 0 ? r : finish(file);
}

int ctl_audit_export(const Ctl *ctl, char **args)
{
        _cleanup_(audit_reader_freep) AuditReader *source = NULL;
        _cleanup_(close_file) FILE *file = NULL;
        const char *format = ctl->options[OPTION_FORMAT] ? ctl->options[OPTION_FORMAT] : "jsonl";
        bool binary = streq(format, "binary");

        if (!binary && !streq(format, "jsonl"))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "--format takes jsonl or binary");

        /* The ledger may write meanwhile: a statement must not be about more entries than are there, and
         * what is behind an entry must not be missing. */
        int r = audit_open(ctl, audit_path(ctl), ctl->options[OPTION_DEVICE], &source);
        if (r == 0)
                r = open_output(ctl, ctl->options[OPTION_OUTPUT], &file);
        if (r == 0)
                r = export_envelopes(ctl, source, OPTION_CHECKPOINTS, audit_reader_checkpoints);
        if (r == 0)
                r = export_entries(ctl, source, binary ? AUDIT_FORM_BINARY : AUDIT_FORM_JSON, file);
        if (r == 0)
                r = export_envelopes(ctl, source, OPTION_EVIDENCE, audit_reader_evidence);

        return r;
}
