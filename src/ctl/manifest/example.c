/* SPDX-License-Identifier: MIT */
/* An example of a command line for each kind of capability. */

#include "ctl/manifest/example.h"

#include "basic/word.h"
#include "trust/example.h"

/* Before the words: an option, or the name of the capability. Programs have none. */
static void append_kind(CapabilityKind kind, Text *text)
{
        static const char *const options[_CAPABILITY_KIND_MAX] = {
                [CAPABILITY_SHELL_EXEC] = "",
                [CAPABILITY_FS_LIST] = " --list",
                [CAPABILITY_FS_READ] = " --read",
                [CAPABILITY_FS_WRITE] = " --write",
        };

        if (options[kind])
                text_append(text, options[kind]);
        else
                text_appendf(text, " %s", capability_kind_name(kind));
}

int manifest_example(const Manifest *manifest, const Capability *capability, char **ret_line)
{
        _cleanup_(example_words_done) ExampleWords words = EXAMPLE_WORDS_NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        bool writes = capability->kind == CAPABILITY_FS_WRITE;

        int r = capability_example(manifest, capability, &words);
        if (r < 0)
                return r;

        text_appendf(&text, "devboxctl run %s", manifest->device);
        append_kind((CapabilityKind) capability->kind, &text);
        for (const char *word = example_words_next(&words, NULL); word;
             word = writes ? NULL : example_words_next(&words, word)) { /* the text is standard input */
                text_append(&text, " ");
                word_append_quoted(&text, word);
        }
        text_append(&text, writes ? " < FILE" : "");
        return text_take(&text, ret_line, NULL);
}
