/* SPDX-License-Identifier: MIT */
#pragma once

/* What a room shows of a command: one reaction to it with its state, and one message with its answer, which
 * is edited while the command runs.
 *
 * The command's row has what there should be. The events follow as fast as the homeserver takes them, one of
 * each kind at a time; what a newer one overtakes is never sent. All functions run inside the caller's
 * transaction. Errors of all functions: those of store/database.h, and -ENOMEM. */

#include "matrix/answer.h"
#include "store/database.h"

/* A reply to the command, in its thread if it was written in one; then edits of that. Of the reaction, the
 * one before is redacted. */
int command_display(Database *database, const char *event_id, const Answer *answer);

/* The reaction to the command `event_id`, or its answer, was sent as `sent_id`; NULL: was refused, or is
 * there already. */
int command_display_status_sent(Database *database, const char *event_id, const char *sent_id);
int command_display_answer_sent(Database *database, const char *event_id, const char *sent_id);
