/* SPDX-License-Identifier: MIT */
#pragma once

/* The words of a line of a template. There is no shell: characters that mean something to one are rejected
 * outside of double quotes. */

#include "basic/macro.h"

#define LINE_BYTES_MAX 1024
#define TOKENS_MAX     256

#define LINE_REASON_MAX 192

typedef enum TokenKind {
        TOKEN_END,
        TOKEN_WORD,
        TOKEN_QUOTED,   /* "a word", which is never a keyword */
        TOKEN_COMMA,    /* before a blank; elsewhere a comma is part of a word */
        TOKEN_BAR,      /* | */
        TOKEN_OPEN,     /* [ */
        TOKEN_CLOSE,    /* ] */
        TOKEN_BEGIN,    /* ( */
        TOKEN_FINISH,   /* ) */
        TOKEN_ELLIPSIS, /* ... at the end of a word, or alone */
} TokenKind;

typedef struct Token {
        TokenKind kind;
        bool glued;       /* no blank before it */
        const char *text; /* of WORD and QUOTED, else "" */
} Token;

typedef struct Tokens {
        Token items[TOKENS_MAX]; /* ends with END */
        size_t n;
        char texts[2 * LINE_BYTES_MAX + 2];
        size_t used; /* of texts */
} Tokens;

/* Splits a line. Errors: -EBADMSG, with the reason. */
int tokens_split(const char *line, Tokens *ret_tokens, char ret_reason[static LINE_REASON_MAX]);
