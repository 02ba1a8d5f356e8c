/* SPDX-License-Identifier: MIT */
/* The words of a line. */

#include "ctl/template/tokens.h"

#include <stdio.h>

#define BLANKS " \t"

static const struct {
        char character;
        TokenKind kind;
} marks[] = { { '|', TOKEN_BAR },   { '[', TOKEN_OPEN },   { ']', TOKEN_CLOSE },
              { '(', TOKEN_BEGIN }, { ')', TOKEN_FINISH }, { ',', TOKEN_COMMA } };

static bool is_blank_or_end(char character)
{
        return character == '\0' || strchr(BLANKS, character);
}

/* TOKEN_WORD: part of a word. */
static TokenKind kind_of(const char *at)
{
        for (size_t i = 0; i < ELEMENTSOF(marks); i++)
                if (*at == marks[i].character && (*at != ',' || is_blank_or_end(at[1])))
                        return marks[i].kind;

        return TOKEN_WORD;
}

static bool add(Tokens *tokens, TokenKind kind, bool glued, const char *text, size_t length)
{
        if (tokens->n == TOKENS_MAX - 1)
                return false;

        tokens->items[tokens->n++] = (Token){ kind, glued, tokens->texts + tokens->used };
        memcpy(tokens->texts + tokens->used, text, length);
        tokens->used += length;
        tokens->texts[tokens->used++] = '\0';
        return true;
}

static int fail(char *ret_reason, const char *why)
{
        (void) snprintf(ret_reason, LINE_REASON_MAX, "%s", why);
        return -EBADMSG;
}

/* Returns the length with both quotes, or a negative error. */
static int split_quoted(Tokens *tokens, const char *at, bool glued, char *ret_reason)
{
        size_t length = strcspn(at + 1, "\"");

        if (at[1 + length] == '\0')
                return fail(ret_reason, "a quote is not closed");
        if (!add(tokens, TOKEN_QUOTED, glued, at + 1, length))
                return fail(ret_reason, "the line has too many words");

        return (int) length + 2;
}

/* Returns the length, or a negative error. */
static int split_word(Tokens *tokens, const char *at, bool glued, char *ret_reason)
{
        static const char ellipsis[] = "...";
        size_t length = 0, of_ellipsis = strlen(ellipsis);

        while (!is_blank_or_end(at[length]) && at[length] != '"' && kind_of(at + length) == TOKEN_WORD) {
                if (strchr("<>;&$*?`'\\", at[length])) {
                        (void) snprintf(
                                ret_reason, LINE_REASON_MAX,
                                "there is no shell: put %c in double quotes if the program is to get it",
                                at[length]);
                        return -EBADMSG;
                }
                length++;
        }

        bool many = length >= of_ellipsis && strncmp(at + length - of_ellipsis, ellipsis, of_ellipsis) == 0;
        size_t of_word = many ? length - of_ellipsis : length;
        if ((of_word > 0 && !add(tokens, TOKEN_WORD, glued, at, of_word)) ||
            (many && !add(tokens, TOKEN_ELLIPSIS, glued || of_word > 0, "", 0)))
                return fail(ret_reason, "the line has too many words");

        return (int) length;
}

int tokens_split(const char *line, Tokens *ret_tokens, char ret_reason[static LINE_REASON_MAX])
{
        ret_tokens->n = ret_tokens->used = 0;
        if (strlen(line) > LINE_BYTES_MAX)
                return fail(ret_reason, "the line is too long");

        for (const char *at = line; *at != '\0';) {
                size_t blanks = strspn(at, BLANKS);
                bool glued = blanks == 0 && at != line;
                int length = 1;

                at += blanks;
                if (*at == '\0')
                        break;
                if (*at == '"')
                        length = split_quoted(ret_tokens, at, glued, ret_reason);
                else if (kind_of(at) == TOKEN_WORD)
                        length = split_word(ret_tokens, at, glued, ret_reason);
                else if (!add(ret_tokens, kind_of(at), glued, "", 0))
                        length = fail(ret_reason, "the line has too many words");
                if (length < 0)
                        return length;
                at += length;
        }

        ret_tokens->items[ret_tokens->n] = (Token){ TOKEN_END, false, "" };
        return 0;
}
