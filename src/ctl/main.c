/* SPDX-License-Identifier: MIT */
/* devboxctl: what devbox knows, on a terminal or as JSON. The verbs are one table. */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/word.h"
#include "ctl/ctl.h"

typedef struct Verb {
        const char *name, *arguments, *help;
        int (*run)(const Ctl *ctl, char **args);
        int max_arguments;
} Verb;

static const Verb verbs[] = {
        { "status", "", "devbox, the machine and its services on one screen", ctl_status, 0 },
        { "system", "", "CPU, memory, disks, load, networks", ctl_system, 0 },
        { "services", "", "the configured services", ctl_services, 0 },
        { "health", "", "whether devbox itself is well", ctl_health, 0 },
        { "config", "check [FILE]", "whether a configuration is right", ctl_config_check, 1 },
        { "selftest", "", "ask devbox everything once and compare", ctl_selftest, 0 },
};

static int print_help(void)
{
        if (printf("Usage: devboxctl [--json] [COMMAND]\n\nCommands:\n") < 0)
                return CTL_PROBLEM;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                int padding = 23 - (int) strlen(verbs[i].name) - 1 - (int) strlen(verbs[i].arguments);

                (void) printf("  %s %s%*s%s\n", verbs[i].name, verbs[i].arguments, padding, "",
                              verbs[i].help);
        }

        (void) printf(
                "\nOptions:\n"
                "  --json                 one JSON document on standard output\n"
                "  --help                 this text\n"
                "  --version              the version of devbox\n"
                "\nWithout a command: status. Exit status: 0 all is well, 1 it is not, 2 wrong usage.\n"
                "See devboxctl(1).\n");
        return fflush(stdout) == 0 ? CTL_FINE : CTL_PROBLEM;
}

static int usage_error(const char *format, ...) _printf_(1, 2);

static int usage_error(const char *format, ...)
{
        va_list args;

        (void) fprintf(stderr, "devboxctl: ");
        va_start(args, format);
        (void) vfprintf(stderr, format, args);
        va_end(args);
        (void) fprintf(stderr, "; see: devboxctl --help\n");
        return CTL_USAGE;
}

static int unknown_verb(const char *word)
{
        const char *names[ELEMENTSOF(verbs)], *nearest;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                names[i] = verbs[i].name;

        nearest = word_nearest(word, names, ELEMENTSOF(names));
        if (nearest)
                return usage_error("unknown command (did you mean '%s'?)", nearest);

        return usage_error("unknown command '%s'", word_is_showable(word) ? word : "?");
}

/* What getopt_long() just refused; among letters that share one dash it does not say where that is. */
static int unknown_option(char **argv)
{
        const char *word = argv[optind - 1];

        if (optopt == 0 && word_is_showable(word))
                return usage_error("unknown option '%s'", word);

        return usage_error("unknown option");
}

/* Runs the verb that `words` begins with; none means status. */
static int dispatch(const Ctl *ctl, char **words)
{
        const Verb *verb = NULL;

        if (!words[0])
                return ctl_status(ctl, words);

        for (size_t i = 0; i < ELEMENTSOF(verbs) && !verb; i++)
                if (streq(words[0], verbs[i].name))
                        verb = &verbs[i];
        if (!verb)
                return unknown_verb(words[0]);

        words++;
        if (startswith(verb->arguments, "check")) { /* the one verb of two words */
                if (!words[0] || !streq(words[0], "check"))
                        return usage_error("%s takes: check [FILE]", verb->name);
                words++;
        }

        for (int n = 0; words[n]; n++)
                if (n >= verb->max_arguments)
                        return usage_error(verb->max_arguments > 0 ? "'%s' takes one argument at most"
                                                                   : "'%s' takes no arguments",
                                           verb->name);

        return verb->run(ctl, words);
}

/* Colours are for terminals, and for people who did not ask for none. Source: https://no-color.org */
static bool colour_is_wanted(void)
{
        const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && !streq(terminal, "dumb");
}

int main(int argc, char *argv[])
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { 0 },
        };
        Ctl ctl = { .colour = colour_is_wanted() };
        int option;

        opterr = 0; /* its own message does not say where help is */
        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (option) {
                case 'j':
                        ctl.json = true;
                        break;
                case 'h':
                        return print_help();
                case 'V':
                        return puts("devboxctl " DEVBOX_VERSION) < 0 ? CTL_PROBLEM : CTL_FINE;
                default:
                        return unknown_option(argv);
                }

        int r = dispatch(&ctl, argv + optind);
        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0) {
                (void) fprintf(stderr, "devboxctl: %s\n", strerror(-r));
                return CTL_PROBLEM;
        }

        return r;
}
