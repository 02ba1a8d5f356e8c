/* SPDX-License-Identifier: MIT */
/* The answer to a command that runs on a device. */

#include "matrix/run-answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/text.h"
#include "basic/utf8.h"
#include "matrix/command-display.h"
#include "matrix/command-journal.h"
#include "matrix/upload.h"
#include "proto/id.h"
#include "store/query.h"

#define SUBJECT_SIZE 64

/* Signs in a line have no variation selector, which is invisible; reactions have the one that apps give
 * them. */
typedef struct Mark {
        const char *sign, *key;
} Mark;

#define MARK_WAITS    ((Mark){ "🔒", "🔒" })
#define MARK_RUNS     ((Mark){ "⏳", "⏳" })
#define MARK_DONE     ((Mark){ "✅", "✅" })
#define MARK_REJECTED ((Mark){ "⛔", "⛔" })
#define MARK_FAILED   ((Mark){ "⚠", "⚠\xef\xb8\x8f" })

/* How states end; those without a word never ran, and are their message alone. */
static const struct {
        const char *state, *word;
        Mark mark;
} ends[] = {
        { "timeout", "out of time", MARK_FAILED },
        { "cancelled", "cancelled", MARK_FAILED },
        { "failed", "failed", MARK_FAILED },
        { "interrupted", "interrupted", MARK_FAILED },
        { "interrupted_unknown", "interrupted, how far it came is unknown", MARK_FAILED },
        { "rejected", NULL, MARK_REJECTED },
        { "denied", NULL, MARK_REJECTED },
        { "expired", NULL, MARK_FAILED },
        { "unreachable", NULL, MARK_FAILED },
};

/* A subject is a word of the command: it cannot begin a line of its own, or hide the rest of one. Cut where
 * a dispatcher cuts its own. */
static const char *format_subject(const RunAnswer *answer, char ret_subject[static SUBJECT_SIZE])
{
        (void) snprintf(ret_subject, SUBJECT_SIZE, "%s", answer->subject);
        (void) utf8_sanitize(ret_subject);
        return ret_subject;
}

/* "✅ home-wsl · ls · exit 0 · 0.2 s"; `word` NULL: left out. */
static void append_head(Text *line, const RunAnswer *answer, Mark mark, const char *word)
{
        char subject[SUBJECT_SIZE];

        text_appendf(line, "%s %s · %s · ", mark.sign, answer->device, format_subject(answer, subject));
        if (word)
                text_appendf(line, "%s · ", word);
        answer_append_duration(line, answer->took_usec);
}

/* Before the end. */
static int show(Database *database, const RunAnswer *answer, Mark mark, const Text *line)
{
        if (line->error < 0)
                return line->error;

        return command_display(database, answer->event_id,
                               &(Answer){ .line = line->data,
                                          .output = answer->output,
                                          .n_left_out = answer->n_left_out,
                                          .mark = mark.key });
}

int run_answer_wait(Database *database, const RunAnswer *answer, const RunWait *wait)
{
        _cleanup_(text_done) Text line = TEXT_NULL;
        uint64_t minutes = (wait->left_usec + 59 * USEC_PER_SEC) / (60 * USEC_PER_SEC);

        text_appendf(&line, "waits for %s (%s, %" PRIu64 " %s)",
                     wait->approval ? "an approval" : "the device, which is away",
                     ulid_shown(wait->request_id), minutes, minutes == 1 ? "minute" : "minutes");
        return show(database, answer, wait->approval ? MARK_WAITS : MARK_RUNS, &line);
}

int run_answer_progress(Database *database, const RunAnswer *answer)
{
        _cleanup_(text_done) Text line = TEXT_NULL;

        append_head(&line, answer, MARK_RUNS, NULL);
        return show(database, answer, MARK_RUNS, &line);
}

/* ---- the end */

static Mark finished(const RunAnswer *answer, const RunOutcome *outcome, Text *line)
{
        Mark mark = outcome->exit_code > 0 || outcome->exit_signal > 0 ? MARK_FAILED : MARK_DONE;
        char word[32] = "done";

        if (outcome->exit_signal > 0)
                (void) snprintf(word, sizeof word, "signal %d", outcome->exit_signal);
        else if (outcome->exit_code >= 0)
                (void) snprintf(word, sizeof word, "exit %d", outcome->exit_code);
        append_head(line, answer, mark, word);
        return mark;
}

static Mark unfinished(const RunAnswer *answer, const RunOutcome *outcome, Text *line)
{
        const char *message = outcome->message ? outcome->message : outcome->state;
        size_t i = 0;

        while (i < ELEMENTSOF(ends) - 1 && !streq(ends[i].state, outcome->state))
                i++;
        if (ends[i].word)
                append_head(line, answer, ends[i].mark, ends[i].word);
        if (!ends[i].word)
                text_append(line, message);
        else if (outcome->message)
                text_appendf(line, "\n%s", message);
        return ends[i].mark;
}

static void append_omissions(Text *line, const RunAnswer *answer, const RunOutcome *outcome)
{
        if (outcome->n_cut > 0)
                text_appendf(line,
                             "\nThe output is cut after %zu MiB: %" PRIu64
                             " bytes are missing. All of it, on the hub: devboxctl run %s …",
                             RUN_OUTPUT_MAX / (1024 * 1024), outcome->n_cut, answer->device);
        if (outcome->n_lost > 0)
                text_appendf(line,
                             "\nThe output is cut: %" PRIu64
                             " bytes are beyond max_output of the manifest, or the hub was restarted.",
                             outcome->n_lost);
}

/* All of an output that the message shows in part only. */
static int attach(Database *database, const RunAnswer *answer)
{
        _cleanup_(freep) char *room_id = NULL, *thread = NULL;
        char name[160], subject[SUBJECT_SIZE];

        if (!answer->file && answer_is_whole(answer->output))
                return 0;
        int r = query_text(database, &room_id, "SELECT room_id FROM command WHERE event_id = ?", "t",
                           answer->event_id);
        if (r > 0)
                r = query_text(database, &thread, "SELECT thread FROM command WHERE event_id = ?", "t",
                               answer->event_id);
        if (r < 0 || !room_id)
                return MIN(r, 0);
        (void) snprintf(name, sizeof name, "%.63s-%s.txt", answer->device, format_subject(answer, subject));

        const UploadFile file = { .room_id = room_id,
                                  .name = name,
                                  .type = "text/plain",
                                  .content = answer->output,
                                  .reply_to = answer->event_id,
                                  .thread = thread };
        return answer->file ? upload_writer_finish(answer->file, &file) : upload_add(database, &file);
}

int run_answer_end(Database *database, const RunAnswer *answer, const RunOutcome *outcome)
{
        _cleanup_(text_done) Text line = TEXT_NULL;
        bool done = streq(outcome->state, "finished");
        Mark mark = done ? finished(answer, outcome, &line) : unfinished(answer, outcome, &line);

        append_omissions(&line, answer, outcome);
        int r = line.error < 0 ? line.error : command_journal_is_open(database, answer->event_id);
        if (r <= 0)
                return r;
        r = command_journal_answer(database, answer->event_id,
                                   &(Answer){ .line = line.data,
                                              .output = answer->output,
                                              .n_left_out = answer->n_left_out,
                                              .mark = mark.key });
        return r < 0 ? r : attach(database, answer);
}

int run_answer_reject(Database *database, const char *event_id, const char *sentence)
{
        return command_journal_answer(database, event_id,
                                      &(Answer){ .line = sentence, .mark = MARK_REJECTED.key });
}
