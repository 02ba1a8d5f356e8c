/* SPDX-License-Identifier: MIT */
/* Lines of chat: within the limits of arguments, and each word, quoted, is one word again. */

#include "basic/text.h"
#include "fuzz.h"
#include "matrix/command-line.h"

/* Quotes of either kind keep all but themselves. */
static void quote(Text *text, const char *word)
{
        text_append(text, "''");
        for (; *word; word++)
                text_appendf(text, *word == '\'' ? "\"%c\"" : "'%c'", *word);
}

static void check_quoted(const char *word)
{
        _cleanup_(command_line_done) CommandLine line = { 0 };
        _cleanup_(text_done) Text text = TEXT_NULL;
        const char *why = NULL;

        quote(&text, word);
        if (text.size > ARGUMENTS_BYTES_MAX)
                return;

        fuzz_check(command_line_parse(text.data, &line, &why) == 0);
        fuzz_check(line.n == 1 && streq(line.words[0], word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(command_line_done) CommandLine line = { 0 };
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        const char *why = NULL;

        if (command_line_parse(text, &line, &why) != 0) {
                fuzz_check(why);
                return 0;
        }

        fuzz_check(line.n <= ARGUMENTS_MAX);
        for (size_t i = 0; i < line.n; i++)
                check_quoted(line.words[i]);
        return 0;
}
