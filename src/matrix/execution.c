/* SPDX-License-Identifier: MIT */
/* Commands that are being worked on. */

#include "matrix/execution.h"

#include <stdio.h>

#include "basic/fd.h"
#include "log/log.h"
#include "matrix/run-answer.h"

#define EXECUTIONS_MAX 256 /* the dispatcher has its own limits, of a device and of all */

/* `repeats`: after a crash it is begun again, since that has no second effect. */
static const struct {
        void (*start)(Execution *);
        bool repeats;
} kinds[_COMMAND_KIND_MAX] = {
        [COMMAND_REQUEST] = { run_start, true },       [COMMAND_APPROVE] = { decision_start, false },
        [COMMAND_DENY] = { decision_start, false },    [COMMAND_CANCEL] = { cancel_start, false },
        [COMMAND_REVOKE] = { revoke_start, false },    [COMMAND_HELP] = { help_start, true },
        [COMMAND_STATUS] = { status_start, true },     [COMMAND_DEVICES] = { devices_start, true },
        [COMMAND_REQUESTS] = { requests_start, true },
};

static void execution_free(Execution *execution)
{
        LIST_REMOVE(execution, entry);
        execution->self->n_executions--;
        bus_request_cancel(&execution->call);
        run_done(execution);
        journal_command_done(&execution->journal);
        command_done(&execution->command);
        free(execution);
}

void executions_done(MatrixDaemon *self)
{
        while (!LIST_EMPTY(&self->executions))
                execution_free(LIST_FIRST(&self->executions));
}

/* ---- their end */

void execution_finish(Execution *execution, Transaction *transaction, int r)
{
        MatrixDaemon *self = execution->self;

        if (r == 0)
                r = transaction_commit(transaction);
        if (r < 0)
                (void) log_full(LOG_ERR, r, LOG_FIELDS({ "DEVBOX_REQUEST", execution->request_id }),
                                "Cannot store the answer to a command: it is answered at the next start");
        execution_free(execution);
        session_send(self->session);
}

void execution_answer(Execution *execution, const char *line, Bytes output)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = execution->self->database;
        const Answer answer = { .line = line, .output = output };

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = command_journal_answer(database, execution->journal.event_id, &answer);
        execution_finish(execution, &transaction, r);
}

void execution_refuse(Execution *execution, const char *sentence)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = execution->self->database;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = run_answer_reject(database, execution->journal.event_id, sentence);
        execution_finish(execution, &transaction, r);
}

void execution_reject(Execution *execution, int reason, const char *detail)
{
        const char *sentence = devbox_error_sentence((DevboxError) reason);
        char text[512];

        (void) snprintf(text, sizeof text, "%s%s%s", sentence, detail ? ": " : "", strempty(detail));
        execution_refuse(execution, text);
}

/* ---- their beginning */

/* In a transaction. 1: it is submitted, and `execution` has it; 0: it was answered. */
static int take(Database *database, Execution *execution)
{
        const char *why = NULL;

        int r = command_parse(execution->journal.line, &execution->command, &why);
        if (r > 0)
                return run_answer_reject(database, execution->journal.event_id, why);
        if (r == 0)
                r = (kinds[execution->command.kind].repeats
                             ? command_journal_begin
                             : command_journal_submit)(database, execution->journal.event_id);
        return r < 0 ? r : 1;
}

/* 1: there was one; 0: no more. */
static int start_next(MatrixDaemon *self)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Execution *execution = calloc(1, sizeof *execution);
        int taken = 0;

        if (!execution)
                return -ENOMEM;
        *execution = (Execution){ .self = self, .fd = -EBADF };
        LIST_INSERT_HEAD(&self->executions, execution, entry);
        self->n_executions++;

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = command_journal_next(self->database, &execution->journal);
        if (r > 0)
                taken = take(self->database, execution);
        if (r > 0 && taken >= 0)
                r = transaction_commit(&transaction) < 0 ? -EIO : 1;
        if (r > 0 && taken > 0)
                kinds[execution->command.kind].start(execution);
        else
                execution_free(execution);
        return taken < 0 ? taken : r;
}

/* Those whose messages were redacted since they began. Only requests can be cancelled. */
static int take_back(MatrixDaemon *self)
{
        Execution *execution;
        int r = 0;

        LIST_FOREACH(execution, &self->executions, entry)
                if (r >= 0 && execution->command.kind == COMMAND_REQUEST) {
                        r = command_journal_is_taken_back(self->database, execution->journal.event_id);
                        if (r > 0)
                                run_take_back(execution);
                }
        return MIN(r, 0);
}

void executions_start(MatrixDaemon *self)
{
        int r = take_back(self);

        if (r == 0)
                r = 1;
        while (r > 0 && self->n_executions < EXECUTIONS_MAX)
                r = start_next(self);
        if (r < 0)
                (void) log_error_errno(r, "Cannot begin a command");
}
