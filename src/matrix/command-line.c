/* SPDX-License-Identifier: MIT */
/* Splits a line into words. */

#include "matrix/command-line.h"

#include "proto/error.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void command_line_done(CommandLine *line)
{
        free(line->text);
        line->text = NULL;
}

/* Copies one word to `*to`, without its quotes, and returns the place behind it; NULL: a quote has no end.
 */
static const char *take_word(const char *at, char **to)
{
        while (*at != '\0' && !is_blank(*at)) {
                if (*at != '"' && *at != '\'') {
                        *(*to)++ = *at++;
                        continue;
                }

                const char *end = strchr(at + 1, *at);
                if (!end)
                        return NULL;
                memcpy(*to, at + 1, (size_t) (end - at - 1));
                *to += end - at - 1;
                at = end + 1;
        }

        *(*to)++ = '\0';
        return at;
}

int command_line_parse(const char *text, CommandLine *ret_line, const char **ret_why)
{
        _cleanup_(command_line_done) CommandLine line = { .text = malloc(strlen(text) + 1) };
        char *to = line.text;

        if (!line.text)
                return -ENOMEM;
        if (strlen(text) > ARGUMENTS_BYTES_MAX) {
                *ret_why = "the line is too long";
                return DEVBOX_ERROR_BAD_REQUEST;
        }

        for (const char *at = text; at; at = take_word(at, &to)) {
                while (is_blank(*at))
                        at++;
                if (*at == '\0') {
                        *ret_line = TAKE(line, ((CommandLine){ 0 }));
                        return 0;
                }
                if (line.n == ARGUMENTS_MAX) {
                        *ret_why = "the line has too many words";
                        return DEVBOX_ERROR_BAD_REQUEST;
                }
                line.words[line.n++] = to;
        }

        *ret_why = "a quote has no end";
        return DEVBOX_ERROR_BAD_REQUEST;
}
