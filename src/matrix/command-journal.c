/* SPDX-License-Identifier: MIT */
/* Commands from their acceptance to their answer. */

#include "matrix/command-journal.h"

#include "basic/time.h"
#include "matrix/command-display.h"
#include "store/query.h"

typedef enum CommandState {
        COMMAND_RECEIVED,
        COMMAND_SUBMITTED,
        COMMAND_ANSWERED,
        COMMAND_BEGUN
} CommandState;

#define ANSWERED_MAX "10000" /* rows kept; a replayed event is recognised by its session's index as well */

int command_journal_add(Database *database, const ReceivedCommand *command)
{
        return query_run(
                database,
                "INSERT OR IGNORE INTO command(event_id, room_id, sender, line, thread, received_ms, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                "tttttii", command->event_id, command->room_id, command->sender, command->line,
                command->thread, command->received_ms, (int64_t) COMMAND_RECEIVED);
}

void journal_command_done(JournalCommand *command)
{
        free(command->event_id);
        free(command->room_id);
        free(command->sender);
        free(command->line);
        free(command->device);
        *command = JOURNAL_COMMAND_NULL;
}

int command_journal_next(Database *database, JournalCommand *ret_command)
{
        _cleanup_(journal_command_done) JournalCommand command = JOURNAL_COMMAND_NULL;
        _cleanup_(statement_resetp) Statement *row = NULL;
        char **const texts[] = { &command.event_id, &command.room_id, &command.sender, &command.line,
                                 &command.device };

        int r = query(database, &row,
                      "SELECT event_id, c.room_id, sender, line, nullif(r.name, ''), received_ms, taken_back"
                      " FROM command AS c LEFT JOIN chat_room AS r ON r.room_id = c.room_id"
                      " WHERE state = ? ORDER BY received_ms, c.rowid LIMIT 1",
                      "i", (int64_t) COMMAND_RECEIVED);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(row, (int) i, texts[i]);
        if (r < 0)
                return r;
        command.received_ms = statement_integer(row, ELEMENTSOF(texts));
        command.taken_back = statement_integer(row, ELEMENTSOF(texts) + 1) != 0;

        *ret_command = TAKE(command, JOURNAL_COMMAND_NULL);
        return 1;
}

int command_journal_each_before(Database *database, const char *event_id, int64_t since_ms,
                                int (*on_line)(void *userdata, const char *line), void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows,
                      "SELECT c.line FROM command AS c JOIN command AS it ON it.event_id = ?"
                      " AND c.room_id = it.room_id AND c.sender = it.sender"
                      " AND c.answered_ms < it.received_ms AND c.answered_ms >= ?",
                      "ti", event_id, since_ms);
        return r < 0 ? r : statement_for_each_text(rows, on_line, userdata);
}

static int set_state(Database *database, const char *event_id, CommandState state)
{
        return query_run(database, "UPDATE command SET state = ? WHERE event_id = ?", "it", (int64_t) state,
                         event_id);
}

int command_journal_submit(Database *database, const char *event_id)
{
        return set_state(database, event_id, COMMAND_SUBMITTED);
}

int command_journal_begin(Database *database, const char *event_id)
{
        return set_state(database, event_id, COMMAND_BEGUN);
}

int command_journal_take_back(Database *database, const char *event_id, const char *room_id)
{
        return query_run(database,
                         "UPDATE command SET taken_back = 1,"
                         " state = CASE WHEN state = ?3 AND NOT taken_back THEN ?4 ELSE state END"
                         " WHERE event_id = ?1 AND room_id = ?2",
                         "ttii", event_id, room_id, (int64_t) COMMAND_RECEIVED, (int64_t) COMMAND_ANSWERED);
}

int command_journal_is_taken_back(Database *database, const char *event_id)
{
        return query_exists(database,
                            "SELECT 1 FROM command WHERE event_id = ? AND taken_back AND state = ?", "ti",
                            event_id, (int64_t) COMMAND_BEGUN);
}

static int forget_answered(Database *database)
{
        return query_run(database,
                         "DELETE FROM command WHERE state = ? AND rowid <= (SELECT max(rowid) FROM command) "
                         "- " ANSWERED_MAX,
                         "i", (int64_t) COMMAND_ANSWERED);
}

int command_journal_is_open(Database *database, const char *event_id)
{
        return query_exists(database, "SELECT 1 FROM command WHERE event_id = ? AND state != ?", "ti",
                            event_id, (int64_t) COMMAND_ANSWERED);
}

int command_journal_answer(Database *database, const char *event_id, const Answer *answer)
{
        int r = command_journal_is_open(database, event_id);

        if (r <= 0)
                return r;
        r = command_display(database, event_id, answer);
        if (r == 0)
                r = query_run(database, "UPDATE command SET state = ?, answered_ms = ? WHERE event_id = ?",
                              "iit", (int64_t) COMMAND_ANSWERED,
                              (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC), event_id);
        return r < 0 ? r : forget_answered(database);
}

static int interrupt_submitted(Database *database)
{
        static const Answer interrupted = {
                .line = "interrupted: devbox-matrix was restarted while this ran; see devboxctl requests",
        };

        for (;;) {
                _cleanup_(freep) char *event_id = NULL;

                int r = query_text(database, &event_id,
                                   "SELECT event_id FROM command WHERE state = ? LIMIT 1", "i",
                                   (int64_t) COMMAND_SUBMITTED);
                if (r > 0)
                        r = command_journal_answer(database, event_id, &interrupted);
                else
                        return r;
                if (r < 0)
                        return r;
        }
}

int command_journal_recover(Database *database)
{
        int r = interrupt_submitted(database);

        return r < 0 ? r
                     : query_run(database, "UPDATE command SET state = ? WHERE state = ?", "ii",
                                 (int64_t) COMMAND_RECEIVED, (int64_t) COMMAND_BEGUN);
}
