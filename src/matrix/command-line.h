/* SPDX-License-Identifier: MIT */
#pragma once

/* A line of chat as arguments: blanks separate, quotes keep together what is in them, and no other character
 * means anything. */

#include "trust/constraint.h"

typedef struct CommandLine {
        char *text;                 /* the words, each with a NUL after it */
        char *words[ARGUMENTS_MAX]; /* borrowed from the text */
        size_t n;
} CommandLine;

void command_line_done(CommandLine *line);

/* Errors: DEVBOX_ERROR_BAD_REQUEST, then `ret_why` says what is wrong: a quote without its end, too many
 * words, or too long; -ENOMEM. */
int command_line_parse(const char *text, CommandLine *ret_line, const char **ret_why);
