/* SPDX-License-Identifier: MIT */
#pragma once

/* Answers in rooms: a line, and below it what a program printed, as a block of code. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"
#include "basic/text.h"
#include "basic/time.h"

/* A byte of output takes up to six, an event has 65536, in base64. */
#define ANSWER_PART ((size_t) 3584)

/* Of the output the first and the last ANSWER_PART are shown, and where they are cut. What is not UTF-8,
 * controls but tabs and line feeds, and invisible characters become U+FFFD: output cannot reorder or hide
 * what surrounds it, nor is any of it markup. */
typedef struct Answer {
        const char *line;     /* ours: plain text */
        Bytes output;         /* may be empty */
        const char *end;      /* a line of ours below the output; NULL: none */
        const char *reply_to; /* an event; NULL: none */
        const char *thread;   /* the root of the thread that it belongs into; NULL: none */
        const char *mark;     /* of an answer to a command: the reaction to it; NULL: as it is */
        size_t n_left_out;    /* bytes that `output` lacks behind its first ANSWER_PART */
} Answer;

/* Appends how long it took: "40 ms", "0.3 s", "2 min 5 s". */
void answer_append_duration(Text *text, usec_t usec);

/* "m.relates_to" of a reply, in a thread or not; NULL: neither. Errors: -ENOMEM. */
int answer_relation(const char *reply_to, const char *thread, cJSON **ret_relation);

/* Whether all of the output is in the message. */
bool answer_is_whole(Bytes output);

/* The content of an m.room.message, an m.notice, which causes no notification. The caller deletes it.
 * Errors: -ENOMEM. */
int answer_make(const Answer *answer, cJSON **ret_content);

/* The content of an m.reaction to an event. The caller deletes it. Errors: -ENOMEM. */
int answer_reaction(const char *event_id, const char *key, cJSON **ret_content);

/* The content as the edit of an event that was sent with another one. Takes the content, also on failure.
 * Errors: -ENOMEM. */
int answer_edit_take(cJSON *content, const char *event_id, cJSON **ret_edit);
