/* SPDX-License-Identifier: MIT */
#pragma once

/* Commands from their acceptance to their answer:
 *
 *         received ──► submitted ──► answered
 *             └──────► begun ──────────┘
 *
 * Each arrow is a commit. A command is submitted after that commit, so it is submitted at most once: after a
 * crash in between it is answered as interrupted, and never sent again. One that has the same effect when it
 * is sent again is only begun: after a crash it is received once more.
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "matrix/answer.h"
#include "store/database.h"

/* An outage must not turn into surprises: older commands are answered, and not run. */
#define COMMAND_AGE_MAX_MS (15 * 60 * 1000)

typedef struct ReceivedCommand {
        const char *event_id, *room_id, *sender, *line; /* borrowed */
        const char *thread;                             /* the root of its thread; NULL: none */
        int64_t received_ms;
} ReceivedCommand;

/* Once for each event. */
int command_journal_add(Database *database, const ReceivedCommand *command);

typedef struct JournalCommand {
        char *event_id, *room_id, *sender, *line; /* owned */
        char *device;                             /* owned; that of the room, NULL: it is no device's */
        int64_t received_ms;
        bool taken_back; /* its message was, while it was begun */
} JournalCommand;

#define JOURNAL_COMMAND_NULL ((JournalCommand){ 0 })

void journal_command_done(JournalCommand *command);

/* The first received one. 1: there is one. */
int command_journal_next(Database *database, JournalCommand *ret_command);

/* Calls the handler with the lines of its sender in its room that were answered since then, and before it
 * was received: their writer may have read the answer. By our clock alone. Stops at what the handler returns
 * if that is not 0, and returns it. */
int command_journal_each_before(Database *database, const char *event_id, int64_t since_ms,
                                int (*on_line)(void *userdata, const char *line), void *userdata);

int command_journal_submit(Database *database, const char *event_id);
int command_journal_begin(Database *database, const char *event_id);

/* The message of a command was redacted, in that room: what was only received never begins, and is not
 * answered. */
int command_journal_take_back(Database *database, const char *event_id, const char *room_id);

/* 1: it was begun, not answered yet, and taken back. */
int command_journal_is_taken_back(Database *database, const char *event_id);

/* 1: it was not answered yet. */
int command_journal_is_open(Database *database, const char *event_id);

/* Puts the answer into the outbox, as a reply to the command; only the first counts. */
int command_journal_answer(Database *database, const char *event_id, const Answer *answer);

/* At the start: answers those that were submitted by a process that is gone; what it had begun is received
 * again. */
int command_journal_recover(Database *database);
