/* SPDX-License-Identifier: MIT */
/* devboxctl person remove: forgets a person. Manifests that name them stay as they are until the next one.
 */

#include <stdio.h>

#include "ctl/operator/options.h"
#include "ctl/person/people.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

static int run(Ctl *ctl, const void *options, char **args)
{
        const char *dir = ((const DirectoryOptions *) options)->dir;
        _cleanup_(people_freep) People *people = NULL;

        int r = people_read(dir, &people, &ctl->problem);
        if (r != 0)
                return r;

        Person *person = people_find(people, args[0]);
        if (!person)
                return ctl->json
                               ? 0
                               : print_line(stdout, "no person has the name %s; see: devboxctl person list",
                                            args[0]);

        /* It moves to the end, beyond those that are written, and is freed with them. */
        Person removed = *person, *last = &people->people.items[people->people.n - 1];
        memmove(person, person + 1, (size_t) (last - person) * sizeof *person);
        *last = removed;
        people->people.n--;
        r = people_write(dir, people, &ctl->problem);
        people->people.n++;
        if (r != 0 || ctl->json)
                return r;

        return print_line(
                stdout,
                "%s is not in people.yaml any more; templates must not name them. What devices allow "
                "changes with: devboxctl manifest publish --all",
                args[0]);
}

const Verb verb_person_remove = {
        .noun = "person",
        .name = "remove",
        .arguments = "NAME",
        .help = "forget a person",
        .example = "person remove ben",
        DIRECTORY_ONLY,
        .run = run,
};
