/* SPDX-License-Identifier: MIT */
/* Parses a command line: options of all verbs, the words of one verb, then its options and arguments in any
 * order. */

#include "ctl/command-line.h"

#include <getopt.h>
#include <stdio.h>

#include "basic/text.h"
#include "basic/word.h"
#include "ctl/help.h"

/* Values of getopt_long() for options without a letter. */
enum { LONG_JSON = 256, LONG_FIRST };

static const struct option common_options[] = {
        { "json", no_argument, NULL, LONG_JSON },
        { "help", no_argument, NULL, 'h' },
        { "host", required_argument, NULL, 'H' },
        { "version", no_argument, NULL, 'V' },
};

typedef struct CommandLine {
        int argc;    /* what is still to be parsed, behind a word that getopt takes for the program */
        char **argv; /* ended by NULL */
        bool help, version;
} CommandLine;

/* ---- messages */

/* A noun without a verb: names its verbs. */
static int reject_noun(Ctl *ctl)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        _cleanup_(freep) char *names = NULL;
        const char *separator = "";

        for (const Verb *const *verb = ctl->verbs; *verb; verb++)
                if ((*verb)->noun && streq((*verb)->noun, ctl->noun)) {
                        text_appendf(&text, "%s%s", separator, (*verb)->name);
                        separator = ", ";
                }

        int r = text_take(&text, &names, NULL);
        return r < 0 ? r : ctl_usage(ctl, "'%s' needs one of: %s", ctl->noun, names);
}

static bool belongs_to_a_verb(const Ctl *ctl, const char *word)
{
        for (const Verb *const *verb = ctl->verbs; *verb; verb++)
                for (const Option *option = (*verb)->options; option && option->name; option++)
                        if (startswith(word, "--") && streq(word + 2, option->name))
                                return true;

        return false;
}

/* An option that getopt_long() does not know; among letters that share one dash it does not report which. */
static int reject_option(Ctl *ctl, const CommandLine *line)
{
        const char *word = line->argv[optind - 1], *names[VERB_OPTIONS_MAX], *nearest = NULL;
        size_t n = 0;

        if (optopt == 'H')
                return ctl_usage(ctl, "--host needs a value: USER@HOST");
        if (!ctl->verb && belongs_to_a_verb(ctl, word))
                return ctl_usage(ctl, "'%s' is an option of a command and goes after it", word);
        for (const Option *option = ctl->verb ? ctl->verb->options : NULL; option && option->name; option++)
                names[n++] = option->name;
        if (startswith(word, "--"))
                nearest = word_nearest(word + 2, names, n);
        if (nearest)
                return ctl_usage(ctl, "unknown option (did you mean '--%s'?)", nearest);
        if (optopt == 0 && word_is_showable(word))
                return ctl_usage(ctl, "unknown option '%s'", word);

        return ctl_usage(ctl, "unknown option");
}

/* ---- options */

/* Whether it is an option of all verbs. */
static bool take_common(Ctl *ctl, CommandLine *line, int value)
{
        switch (value) {
        case LONG_JSON:
                ctl->json = true;
                return true;
        case 'h':
                line->help = true;
                return true;
        case 'V':
                line->version = true;
                return true;
        case 'H':
                ctl->host = optarg;
                return true;
        default:
                return false;
        }
}

/* Parses common options up to the next word. Returns the word, which is removed, or NULL. */
static int take_word(Ctl *ctl, CommandLine *line, char **ret_word)
{
        struct option options[ELEMENTSOF(common_options) + 1] = { 0 };
        int value;

        memcpy(options, common_options, sizeof common_options);
        optind = 0; /* start again */
        while ((value = getopt_long(line->argc, line->argv, "+:hVH:", options, NULL)) >= 0)
                if (!take_common(ctl, line, value))
                        return reject_option(ctl, line);

        *ret_word = line->argv[optind]; /* NULL at the end */
        if (*ret_word) {
                line->argc -= optind;
                line->argv += optind;
        }
        return 0;
}

static int set_option(Ctl *ctl, const Option *option, int value, void *options)
{
        char typed[64];

        if (value < LONG_FIRST)
                (void) snprintf(typed, sizeof typed, "-%c", option->letter);
        else
                (void) snprintf(typed, sizeof typed, "--%s", option->name);

        int r = option->type->parse(ctl, optarg, (char *) options + option->offset);
        return r == -EINVAL || r == -ERANGE
                       ? ctl_usage(ctl, "%s takes %s, not '%s'", typed, option->type->expects, optarg)
                       : r;
}

/* The tables of getopt_long() for the verb's options and the common ones. */
typedef struct GetoptTables {
        struct option options[ELEMENTSOF(common_options) + VERB_OPTIONS_MAX + 1];
        char letters[sizeof "+:hVH:" + (size_t) 2 * VERB_OPTIONS_MAX];
} GetoptTables;

static void make_tables(const Option *options, bool until_argument, GetoptTables *ret_tables)
{
        GetoptTables tables = { .letters = ":hVH:" };
        char *letter = NULL;

        if (until_argument)
                (void) snprintf(tables.letters, sizeof tables.letters, "+:hVH:");
        letter = tables.letters + strlen(tables.letters);

        memcpy(tables.options, common_options, sizeof common_options);
        for (size_t i = 0; options && options[i].name; i++) {
                bool has_value = options[i].type->value;

                assert(i < VERB_OPTIONS_MAX);
                tables.options[ELEMENTSOF(common_options) + i] =
                        (struct option){ options[i].name, has_value ? required_argument : no_argument, NULL,
                                         LONG_FIRST + (int) i };
                if (options[i].letter)
                        *letter++ = options[i].letter;
                if (options[i].letter && has_value)
                        *letter++ = ':';
        }

        *ret_tables = tables;
}

static const Option *find_option(const Option *options, int value)
{
        for (int i = 0; options && options[i].name; i++)
                if (value == LONG_FIRST + i || (options[i].letter && value == options[i].letter))
                        return &options[i];

        return NULL;
}

/* Up to the end, or the first argument of a command. */
static int parse_options(Ctl *ctl, CommandLine *line, void *options)
{
        bool seen[VERB_OPTIONS_MAX] = { false };
        GetoptTables tables;
        int value, r = 0;

        make_tables(ctl->verb->options, ctl->verb->command, &tables);
        optind = 0;
        while (r == 0 &&
               (value = getopt_long(line->argc, line->argv, tables.letters, tables.options, NULL)) >= 0) {
                const Option *option = find_option(ctl->verb->options, value == ':' ? optopt : value);

                if (take_common(ctl, line, value))
                        continue;
                if (!option)
                        r = reject_option(ctl, line);
                else if (value == ':')
                        r = ctl_usage(ctl, "--%s needs a value: %s", option->name, option->type->value);
                else if (seen[option - ctl->verb->options])
                        r = ctl_usage(ctl, "--%s is given twice", option->name);
                else {
                        seen[option - ctl->verb->options] = true;
                        r = set_option(ctl, option, value, options);
                }
        }

        line->argc -= optind;
        line->argv += optind;
        return r;
}

/* `run --queue DEVICE --timeout 5 ls -l`: what follows the second word is not ours. */
static int parse_command(Ctl *ctl, CommandLine *line, void *options)
{
        char *first = NULL;

        int r = parse_options(ctl, line, options);
        if (r != 0 || !(first = line->argv[0]))
                return r;

        r = parse_options(ctl, line, options);
        *--line->argv = first;
        return r;
}

/* ---- verbs */

/* One word for each argument; those in brackets may be missing; "..." may be any number. */
static int check_arguments(Ctl *ctl, const Verb *verb, char **args)
{
        int n = 0, min = 0, max = 0;

        while (args[n])
                n++;
        for (const char *word = strempty(verb->arguments); *word != '\0'; word += strspn(word, " ")) {
                size_t length = strcspn(word, " ");

                min += *word != '[';
                max = memmem(word, length, "...", 3) ? INT32_MAX : max + 1;
                word += length;
        }

        if (n > max && max == 0)
                return ctl_usage(ctl, "'%s%s%s' takes no arguments", VERB_WORDS(verb));
        if (n < min || n > max)
                return ctl_usage(ctl, "'%s%s%s' takes: %s", VERB_WORDS(verb), verb->arguments);
        return 0;
}

static int run_verb(Ctl *ctl, CommandLine *line)
{
        const Verb *verb = ctl->verb;
        _cleanup_(freep) void *options = calloc(1, MAX(verb->options_size, (size_t) 1));

        if (!options)
                return -ENOMEM;
        if (verb->defaults)
                memcpy(options, verb->defaults, verb->options_size);

        int r = verb->command ? parse_command(ctl, line, options) : parse_options(ctl, line, options);
        if (r != 0)
                return r;
        if (line->help || line->version)
                return line->help ? help_print_verb(verb) : help_print_version();

        if (ctl->host && !verb->remote)
                return ctl_usage(ctl, "'%s%s%s' works there only: ssh %s devboxctl %s%s%s", VERB_WORDS(verb),
                                 ctl->host, VERB_WORDS(verb));

        r = check_arguments(ctl, verb, line->argv);
        if (r == 0 && verb->bus)
                r = ctl_open_bus(ctl);
        return r != 0 ? r : verb->run(ctl, options, line->argv);
}

int ctl_run(Ctl *ctl, int argc, char **argv)
{
        CommandLine line = { .argc = argc, .argv = argv };
        char *word;

        int r = take_word(ctl, &line, &word);
        if (r == 0 && !word && (line.help || line.version))
                return line.help ? help_print_all(ctl) : help_print_version();
        if (r == 0)
                r = ctl_find_verb(ctl, word ? word : ctl->verbs[0]->name);
        if (r == 0 && !ctl->verb) {
                r = take_word(ctl, &line, &word);
                if (r == 0 && !word)
                        return line.help ? help_print_noun(ctl, ctl->noun) : reject_noun(ctl);
                if (r == 0)
                        r = ctl_find_verb(ctl, word);
        }

        return r != 0 ? r : run_verb(ctl, &line);
}
