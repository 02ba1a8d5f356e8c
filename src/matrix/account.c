/* SPDX-License-Identifier: MIT */
/* The account: its store, and its session while it is logged in. */

#include <stdio.h>
#include <unistd.h>

#include "log/log.h"
#include "matrix/approval.h"
#include "matrix/command-journal.h"
#include "matrix/daemon-internal.h"
#include "matrix/schema.h"
#include "matrix/upload.h"

#define PATH_SIZE 4096

static int format_path(const MatrixDaemon *self, char ret_path[static PATH_SIZE])
{
        return snprintf(ret_path, PATH_SIZE, "%s/matrix.db", self->state_directory) < PATH_SIZE
                       ? 0
                       : -ENAMETOOLONG;
}

static int open_store(MatrixDaemon *self)
{
        char path[PATH_SIZE];

        int r = format_path(self, path);
        return r < 0 ? r : matrix_database_open(path, &self->database);
}

/* What was written for people is sent as soon as it was written. */
static void on_committed(void *userdata)
{
        matrix_work(userdata);
}

static int new_session(MatrixDaemon *self, const MatrixLogin *login)
{
        static const SessionHandlers handlers = { .on_committed = on_committed };

        return session_new(&(SessionOptions){ .event = self->event,
                                              .http = self->http,
                                              .database = self->database,
                                              .login = login,
                                              .pickle_key = self->key,
                                              .handlers = &handlers,
                                              .userdata = self },
                           &self->session);
}

/* Commands that an earlier session began. */
static int recover_commands(MatrixDaemon *self)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = command_journal_recover(self->database);
        if (r == 0)
                r = upload_recover(self->database);
        if (r == 0)
                r = approval_recover(self->database);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void stop_session(MatrixDaemon *self)
{
        executions_done(self);
        approvals_done(&self->approvals);
        directory_done(&self->directory);
        watch_done(&self->watch);
        self->session = session_free(self->session);
}

int matrix_account_start(MatrixDaemon *self)
{
        _cleanup_(matrix_login_done) MatrixLogin login = MATRIX_LOGIN_NULL;

        stop_session(self);
        int r = matrix_login_read(self->database, self->key, &login);
        if (r <= 0 || !login.token)
                return r;
        r = recover_commands(self);
        if (r == 0)
                r = new_session(self, &login);
        if (r < 0)
                return r;

        directory_refresh(self);
        watch_work(self);
        return 0;
}

int matrix_account_open(MatrixDaemon *self)
{
        int r = open_store(self);
        if (r == 0)
                r = matrix_account_start(self);
        if (r >= 0)
                return 0;

        (void) log_error_errno(r, "Cannot use matrix.db in %s: %s", self->state_directory,
                               r == -EKEYREJECTED ? "it does not open with this seal" : strerror(-r));
        return -EALREADY;
}

void matrix_account_close(MatrixDaemon *self)
{
        stop_session(self);
        self->database = database_close(self->database);
}

/* Closing has put all of it into the one file. */
int matrix_account_forget(MatrixDaemon *self)
{
        char path[PATH_SIZE], kept[PATH_SIZE + 24];

        int r = format_path(self, path);
        if (r < 0)
                return r;
        (void) snprintf(kept, sizeof kept, "%s.%llu", path,
                        (unsigned long long) (time_now(CLOCK_REALTIME) / USEC_PER_SEC));

        matrix_account_close(self);
        r = rename(path, kept) < 0 ? -errno : 0;
        int opened = open_store(self);
        return r < 0 ? r : opened;
}
