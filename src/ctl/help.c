/* SPDX-License-Identifier: MIT */
/* devboxctl help: what the tables of the verbs contain. */

#include "ctl/help.h"

#include <stdio.h>

#include "ctl/verbs.h"

#define COLUMN 27
#define WIDTH  79

static const char footer[] = "See devboxctl(1), devboxctl-operator(1), devboxctl-manifest(1), "
                             "devboxctl-audit(1),\ndevboxctl-device(1), devboxctl-hub(1), devboxctl-run(1), "
                             "devboxctl-person(1),\ndevboxctl-matrix(1).\n";

int help_print_version(void)
{
        return puts("devboxctl " DEVBOX_VERSION) < 0 ? -errno : 0;
}

/* "operator sign FILE". Returns the width. */
static int print_words(const Verb *verb)
{
        return printf("%s%s%s%s%s", VERB_WORDS(verb), verb->arguments ? " " : "", strempty(verb->arguments));
}

static void print_line_of(const Verb *verb)
{
        int n = printf("  ") + print_words(verb);

        if (n >= COLUMN)
                n = printf("\n") - 1;
        (void) printf("%*s%s\n", MAX(COLUMN - n, 1), "", verb->help);
}

static void print_option(const Option *option)
{
        int n = printf("  %c%c%s--%s%s%s", option->letter ? '-' : ' ', option->letter ? option->letter : ' ',
                       option->letter ? ", " : "  ", option->name, option->type->value ? " " : "",
                       strempty(option->type->value));

        (void) printf("%*s%s\n", MAX(COLUMN + 4 - n, 1), "", option->help);
}

/* `remote`: with those of verbs that call a hub. */
static int print_common(bool remote)
{
        if (remote)
                (void) printf(
                        "  -H, --host USER@HOST         the hub, over ssh; without it, this machine\n");
        (void) printf("      --json                   print one JSON document\n"
                      "  -h, --help                   this text, or help of the command before it\n"
                      "  -V, --version                the version of devbox\n");
        return ferror(stdout) ? -errno : 0;
}

static void print_example(const char *title, const Verb *verb)
{
        if (verb->example)
                (void) printf("%s devboxctl %s\n", title, verb->example);
        else
                (void) printf("%s devboxctl %s%s%s\n", title, VERB_WORDS(verb));
}

/* [--dir DIR] [--key FILE] … in lines that fit a terminal. */
static void print_synopsis(const Verb *verb)
{
        int indent = printf("  devboxctl %s%s%s", VERB_WORDS(verb));
        int column = indent;

        for (const Option *option = verb->options; option && option->name; option++) {
                const char *value = option->type->value;
                int width = (int) (strlen(option->name) + (value ? strlen(value) + 1 : 0) + 5);

                if (column + width > WIDTH)
                        column = printf("\n%*s", indent, "") - 1;
                column += printf(" [--%s%s%s]", option->name, value ? " " : "", strempty(value));
        }
        (void) printf("%s%s\n", verb->arguments ? " " : "", strempty(verb->arguments));
}

int help_print_all(const Ctl *ctl)
{
        (void) printf("Usage: devboxctl [-H USER@HOST] [--json] [COMMAND]\n\nCommands:\n");
        for (const Verb *const *verb = ctl->verbs; *verb; verb++)
                if (!verb_is_hidden(*verb))
                        print_line_of(*verb);

        (void) printf("\nOptions:\n");
        (void) print_common(true);
        (void) printf("\nWithout a command: status. Options of a command: devboxctl help COMMAND.\n"
                      "Exit status: 0 success, 1 failure or a problem was found, 2 wrong usage.\n%s",
                      footer);
        return ferror(stdout) ? -errno : 0;
}

int help_print_noun(const Ctl *ctl, const char *noun)
{
        (void) printf("Usage: devboxctl [--json] %s COMMAND\n", noun);
        for (const Verb *const *verb = ctl->verbs; *verb; verb++) {
                if (!streq(verb_first_word(*verb), noun))
                        continue;

                (void) printf("\n%c%s:\n", (*verb)->help[0] - 'a' + 'A', (*verb)->help + 1);
                print_synopsis(*verb);
                print_example("  Example:", *verb);
        }

        (void) printf("\nWhat the options mean: devboxctl help %s COMMAND.\n%s", noun, footer);
        return ferror(stdout) ? -errno : 0;
}

int help_print_verb(const Verb *verb)
{
        (void) printf("Usage: devboxctl [OPTIONS] ");
        (void) print_words(verb);
        (void) printf("\n\n%c%s.\n\nOptions:\n", verb->help[0] - 'a' + 'A', verb->help + 1);
        for (const Option *option = verb->options; option && option->name; option++)
                print_option(option);
        (void) print_common(verb->remote);
        print_example("\nExample:\n ", verb);

        (void) printf("\nExit status: 0 success, 1 %s, 2 wrong usage.\n%s",
                      verb->statuses ? verb->statuses : "failure", footer);
        return ferror(stdout) ? -errno : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        if (!args[0])
                return help_print_all(ctl);

        ctl->verb = NULL;
        for (; *args && !ctl->verb; args++) {
                int r = ctl_find_verb(ctl, *args);
                if (r != 0)
                        return r;
        }
        return ctl->verb ? help_print_verb(ctl->verb) : help_print_noun(ctl, ctl->noun);
}

const Verb verb_help = {
        .name = "help",
        .arguments = "[GROUP] [COMMAND]",
        .help = "show how a command is used",
        .example = "help operator init",
        .run = run,
};
