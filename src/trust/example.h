/* SPDX-License-Identifier: MIT */
#pragma once

/* What a person can type: for an entry of a manifest the words of a request that it allows. */

#include "basic/text.h"
#include "trust/manifest.h"

typedef struct ExampleWords {
        Text text; /* the words, each with a NUL after it */
} ExampleWords;

#define EXAMPLE_WORDS_NULL ((ExampleWords){ 0 })

static inline void example_words_done(ExampleWords *words)
{
        text_done(&words->text);
}

/* The least that the entry needs, in the order that Submit of org.devbox.Dispatch1 takes it; a program by
 * its base name where that is enough. What only the person knows is a word in capitals: FILE is the name of
 * a file, TEXT what to write to it. Errors: -ENOMEM. */
int capability_example(const Manifest *manifest, const Capability *capability, ExampleWords *ret_words);

/* The word after this one, NULL: the first. NULL: there is none. Borrowed. */
const char *example_words_next(const ExampleWords *words, const char *word);
