/* SPDX-License-Identifier: MIT */
/* Looks verbs up by their words, and reports wrong usage of them. */

#include "ctl/verb.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/word.h"
#include "ctl/client.h"
#include "ctl/problem.h"

int ctl_usage(Ctl *ctl, const char *format, ...)
{
        const char *first = ctl->verb ? verb_first_word(ctl->verb) : ctl->noun;
        const char *second = ctl->verb && ctl->verb->noun ? ctl->verb->name : NULL;
        _cleanup_(freep) char *text = NULL;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }

        ctl->status = CTL_USAGE;
        return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "%s; see: devboxctl help%s%s%s%s", text,
                           first ? " " : "", strempty(first), second ? " " : "", strempty(second));
}

/* The noun that has a verb of this name, for those who leave the noun out. NULL: none has. */
static const char *noun_of(const Ctl *ctl, const char *name)
{
        for (const Verb *const *verb = ctl->verbs; *verb; verb++)
                if ((*verb)->noun && streq((*verb)->name, name))
                        return (*verb)->noun;

        return NULL;
}

/* No verb and no noun, or no verb of ctl->noun. */
static int reject_word(Ctl *ctl, const char *word)
{
        const char *names[128], *nearest, *noun = ctl->noun;
        size_t n = 0;

        for (const Verb *const *verb = ctl->verbs; *verb && n < ELEMENTSOF(names); verb++)
                if (!noun)
                        names[n++] = verb_first_word(*verb);
                else if ((*verb)->noun && streq((*verb)->noun, noun))
                        names[n++] = (*verb)->name;

        nearest = word_nearest(word, names, n);
        if (!noun && noun_of(ctl, word))
                return ctl_usage(ctl, "unknown command (did you mean '%s %s'?)", noun_of(ctl, word), word);
        if (nearest)
                return ctl_usage(ctl, "unknown command (did you mean '%s%s%s'?)", strempty(noun),
                                 noun ? " " : "", nearest);

        return ctl_usage(ctl, "unknown command '%s%s%s'", strempty(noun), noun ? " " : "",
                         word_is_showable(word) ? word : "?");
}

const Verb *verb_find(const Verb *const *verbs, const char *noun, const char *word)
{
        for (; *verbs; verbs++)
                if (noun ? (*verbs)->noun && streq((*verbs)->noun, noun) && streq((*verbs)->name, word)
                         : streq(verb_first_word(*verbs), word))
                        return *verbs;

        return NULL;
}

int ctl_find_verb(Ctl *ctl, const char *word)
{
        const Verb *verb = verb_find(ctl->verbs, ctl->noun, word);

        if (!verb)
                return reject_word(ctl, word);
        if (ctl->noun || !verb->noun)
                ctl->verb = verb;
        else
                ctl->noun = verb->noun;
        return 0;
}

int ctl_open_bus(Ctl *ctl)
{
        return ctl->bus ? 0 : client_open(ctl->host, &ctl->bus, &ctl->problem);
}
