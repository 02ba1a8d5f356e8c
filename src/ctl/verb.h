/* SPDX-License-Identifier: MIT */
#pragma once

/* A verb of devboxctl: one file, named after it, in the folder of its noun. The file declares the options
 * that the verb takes as a table and ends with its `const Verb verb_NOUN_NAME`; main.c has one row for it.
 * Help, completion and the parsing of the command line follow from these tables. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Exit statuses, as devboxctl(1) has them. A verb may have more. */
enum { CTL_OK = 0, CTL_PROBLEM = 1, CTL_USAGE = 2 };

typedef struct Ctl {
        const struct Verb *const *verbs; /* all, ended by NULL */
        const struct Verb *verb;         /* the one that runs; NULL: not known yet */
        const char *host;                /* whose bus it calls, over ssh; NULL: this machine's */
        sd_bus *bus;                     /* that bus, once it is open; closed after the verb */
        const char *noun;                /* that of the command, also while the verb is not known yet */
        uint64_t now_ms;                 /* when the command started */
        bool json;
        bool colour; /* on standard output */
        int status; /* the exit status of a verb that succeeds; of one that fails if it is not CTL_PROBLEM */
        char *problem; /* the detail of the DevboxError that a verb returns; NULL: the plain sentence */
} Ctl;

/* What an option takes. `value` is its placeholder and decides about completion: "FILE" and "DIR" complete
 * paths, "a|b" these words, anything else nothing. */
typedef struct OptionType {
        const char *value;   /* NULL: a switch */
        const char *expects; /* "a number": completes "--lines takes …" */

        /* Errors: -EINVAL or -ERANGE, it is not what the option expects; -ENOMEM. */
        int (*parse)(const Ctl *ctl, const char *text, void *ret_value);
} OptionType;

typedef struct Option {
        const char *name;
        const OptionType *type;
        size_t offset; /* of the value within the options of the verb */
        const char *help;
        char letter; /* of the short form, or 0 */
} Option;

#define VERB_OPTIONS_MAX 32

typedef struct Verb {
        const char *noun; /* NULL: the verb is one word */
        const char *name;
        const char *arguments; /* "FILE", "[FILE]", "OLD-FILE NEW-FILE", "FILE..."; NULL: none */
        const char *help;      /* one line */
        const char *example;   /* without "devboxctl"; NULL: noun and name alone */
        const char *statuses;  /* exit statuses beside 0, 1 and 2, or what 1 means here; may be NULL */
        const Option *options; /* ended by one without a name; NULL: none */
        size_t options_size;
        bool command;         /* options stand around the first argument; those after belong to the others */
        bool remote;          /* all it looks at is on the bus: it takes --host */
        bool bus;             /* ctl->bus is opened before it runs */
        const void *defaults; /* what the options are before they are parsed; NULL: zero */

        /* `args` ends with NULL and has as many members as `arguments` allows. Returns 0 with `ctl->status`,
         * or a DevboxError with `ctl->problem`. Errors: -ENOMEM, those of writing to standard output. */
        int (*run)(Ctl *ctl, const void *options, char **args);
} Verb;

/* In the initializer of a verb: its options, which are parsed into a struct of this type. */
#define VERB_OPTIONS(type, ...) .options = (__VA_ARGS__), .options_size = sizeof(type)

/* The words of a verb, for "%s%s%s". */
#define VERB_WORDS(verb) strempty((verb)->noun), (verb)->noun ? " " : "", (verb)->name

/* How the commands begin that work on the same hub, for "%s%s%s": in lines that say what to type next. */
#define CTL_COMMAND(ctl) "devboxctl", (ctl)->host ? " -H " : "", strempty((ctl)->host)

/* "operator init" reads as noun and name, "status" as name only. */
static inline const char *verb_first_word(const Verb *verb)
{
        return verb->noun ? verb->noun : verb->name;
}

/* A verb for scripts, which help does not show. */
static inline bool verb_is_hidden(const Verb *verb)
{
        return verb->name[0] == '_';
}

/* The first verb of this noun and name; with noun NULL, the first whose command begins with the word. NULL:
 * there is none. */
const Verb *verb_find(const Verb *const *verbs, const char *noun, const char *word);

/* A command line that is wrong: exit status 2 and the help for what was parsed of it. Returns
 * DEVBOX_ERROR_BAD_REQUEST. Errors: -ENOMEM. */
int ctl_usage(Ctl *ctl, const char *format, ...) _printf_(2, 3);

/* Opens ctl->bus, unless it is open: for verbs that may reject their options first, and so have no `bus`.
 * Returns 0, or a DevboxError with `ctl->problem`. Errors: -ENOMEM. */
int ctl_open_bus(Ctl *ctl);

/* Looks up the next word of a command: sets `verb`, or `noun` where the word is one and the verb is still to
 * come. Returns 0 or DEVBOX_ERROR_BAD_REQUEST, as ctl_usage(). Errors: -ENOMEM. */
int ctl_find_verb(Ctl *ctl, const char *word);
