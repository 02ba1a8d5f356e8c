/* SPDX-License-Identifier: MIT */
/* devboxctl __complete: the words that complete a command line. The scripts in scripts/completion call
 * it, so that they contain no verb and no option. Each line is a word, with a tab and what it means; or
 * ":files" or ":directories", for the shell to complete. */

#include <stdio.h>

#include "ctl/verbs.h"

/* A command line up to the word that is completed. */
typedef struct Line {
        const Verb *verb;
        const char *noun;     /* given, without a verb so far */
        const Option *option; /* whose value is completed */
        size_t n_arguments;
        bool help; /* the words after "help" are those of a command, without its arguments */
} Line;

/* The one common option that has a value. */
static const Option host_option = { "host", &(const OptionType){ .value = "USER@HOST" }, .letter = 'H' };

static const Option *find_option(const Verb *verb, const char *word)
{
        if (streq(word, "--host") || streq(word, "-H"))
                return &host_option;
        for (const Option *option = verb ? verb->options : NULL; option && option->name; option++)
                if ((startswith(word, "--") && streq(word + 2, option->name)) ||
                    (option->letter && word[0] == '-' && word[1] == option->letter && word[2] == '\0'))
                        return option;

        return NULL;
}

static void add_word(const Ctl *ctl, const char *word, Line *line)
{
        if (line->verb) {
                line->n_arguments++;
                return;
        }

        const Verb *verb = verb_find(ctl->verbs, line->noun, word);
        if (verb == &verb_help)
                line->help = true;
        else if (verb) {
                line->verb = line->noun || !verb->noun ? verb : NULL;
                line->noun = verb->noun;
        }
}

static Line parse_line(const Ctl *ctl, char **words)
{
        Line line = { 0 };

        for (; words[0] && words[1]; words++)
                if (line.option)
                        line.option = NULL; /* this was its value */
                else if (words[0][0] == '-') {
                        line.option = find_option(line.verb, words[0]);
                        if (line.option && !line.option->type->value)
                                line.option = NULL;
                } else
                        add_word(ctl, words[0], &line);

        return line;
}

static void print_candidate(const char *start, const char *word, const char *help)
{
        if (startswith(word, start))
                (void) printf("%s\t%s\n", word, help);
}

static void print_options(const Verb *verb, const char *start)
{
        char word[64];

        for (const Option *option = verb ? verb->options : NULL; option && option->name; option++) {
                (void) snprintf(word, sizeof word, "--%s", option->name);
                print_candidate(start, word, option->help);
        }
        if (!verb || verb->remote)
                print_candidate(start, "--host", "the hub, over ssh");
        print_candidate(start, "--json", "print one JSON document");
        print_candidate(start, "--help", "show how it is used");
        print_candidate(start, "--version", "print the version");
}

static void print_words(const Ctl *ctl, const char *noun, const char *start)
{
        const char *last = "";

        for (const Verb *const *verb = ctl->verbs; *verb; verb++) {
                const char *word = noun ? (*verb)->name : verb_first_word(*verb);

                if (verb_is_hidden(*verb) || streq(word, last) ||
                    (noun && !((*verb)->noun && streq((*verb)->noun, noun))))
                        continue;
                print_candidate(start, word, noun || !(*verb)->noun ? (*verb)->help : "");
                last = word;
        }
}

/* What a placeholder means: "[FILE]", "DIR", "jsonl|binary". */
static void print_values(const char *placeholder, size_t length, const char *start)
{
        char text[64], *rest = text;

        (void) snprintf(text, sizeof text, "%.*s", (int) length, placeholder);
        text[strcspn(text, "].")] = '\0';
        if (endswith(text, "FILE"))
                (void) puts(":files");
        else if (endswith(text, "DIR"))
                (void) puts(":directories");
        else if (strchr(text, '|'))
                for (char *word = strsep(&rest, "|"); word; word = strsep(&rest, "|"))
                        print_candidate(start, word, "");
}

/* The n-th word of "OLD-FILE NEW-FILE"; the last one again if it ends in "...". */
static void print_arguments(const Verb *verb, size_t n, const char *start)
{
        const char *word = strempty(verb->arguments);

        for (; *word != '\0'; word += strcspn(word, " "), word += strspn(word, " ")) {
                size_t length = strcspn(word, " ");

                if (n-- == 0 || memmem(word, length, "...", 3)) {
                        print_values(word, length, start);
                        return;
                }
        }
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const Line line = parse_line(ctl, args);
        const char *start = "";

        for (char **word = args; *word; word++)
                start = *word;

        if (line.option)
                print_values(line.option->type->value, strlen(line.option->type->value), start);
        else if (*start == '-')
                print_options(line.help ? &verb_help : line.verb, start);
        else if (line.verb && line.help)
                return 0;
        else if (line.verb)
                print_arguments(line.verb, line.n_arguments, start);
        else
                print_words(ctl, line.noun, start);
        return 0;
}

const Verb verb_complete = {
        .name = "__complete",
        .arguments = "[WORD...]",
        .help = "complete a command line",
        .run = run,
};
