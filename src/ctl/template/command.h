/* SPDX-License-Identifier: MIT */
#pragma once

/* A command in a line of a template:
 *
 *     command  = program *argument
 *     program  = word *( "|" word )                 one entry for each
 *     argument = item [ "..." ] | "[" item [ "..." ] "]"
 *     item     = word *( "|" word )                 a word, or one of several
 *              | number ".." number
 *              | ( "DIR" | "FILE" | "PATH" ) "in" root
 *              | "WORD" [ "of" class ]
 *
 * What ends in "..." is repeated, what is in brackets may be absent. "--" is executed and not typed; where a
 * line has none, it is inserted before the first DIR, FILE, PATH or WORD, unless that may belong to an
 * option before it, or options follow. */

#include <cjson/cJSON.h>

#include "ctl/template/tokens.h"

/* The words of a line that are still to be parsed, and where it says why it failed. */
typedef struct LineParser {
        const Token *at;
        cJSON *roots; /* the array of the manifest; may grow */
        char *reason; /* LINE_REASON_MAX */
} LineParser;

/* Returns -EBADMSG. */
int line_fail(LineParser *parser, const char *format, ...) _printf_(2, 3);

bool line_is_word(const LineParser *parser, const char *word);

/* Takes the next token if it is of this kind, or this word. */
bool line_take(LineParser *parser, TokenKind kind);
bool line_take_word(LineParser *parser, const char *word);

/* Takes a root and gives its name, borrowed from the roots. Errors: -EBADMSG, -ENOMEM. */
int line_take_root(LineParser *parser, const char **ret_name);

/* Takes a command: the programs, an array of strings, and the constraints of their arguments, an array. It
 * ends before a comma, before the end, or before the word `end` (may be NULL). Errors: -EBADMSG, -ENOMEM. */
int command_take(LineParser *parser, const char *end, cJSON **ret_programs, cJSON **ret_constraints);
