/* SPDX-License-Identifier: MIT */
/* devboxctl person add: names a person for templates, or adds to what is known of them. The identity of a
 * Matrix user is pinned by an option, or as the hub's homeserver has it once it was compared. */

#include <stdio.h>

#include "codec/binary-text.h"
#include "ctl/input.h"
#include "ctl/matrix/master-key.h"
#include "ctl/operator/options.h"
#include "ctl/person/people.h"
#include "ctl/person/pin.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"
#include "proto/id.h"
#include "schema/list.h"
#include "trust/key-file.h"

typedef struct AddOptions {
        const char *dir, *mxid, *local, *key, *group;
        PublicKey master_key; /* zero: not given */
} AddOptions;

/* A public key: that of a sealed key file, or as export-pub prints it. */
static int read_key(const char *path, PublicKey *ret_key, char **ret_problem)
{
        _cleanup_(key_file_freep) KeyFile *file = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = input_read_text(path, KEY_FILE_MAX, &text, ret_problem);
        if (r != 0)
                return r;

        if (hex_decode((Bytes){ (const uint8_t *) text, strcspn(text, " \t\r\n") }, ret_key->bytes,
                       sizeof ret_key->bytes) == 0)
                return 0;

        r = key_file_parse(bytes_of_string(text), &file, NULL);
        if (r == 0)
                *ret_key = file->public;
        return r > 0 ? problem_set(
                               ret_problem, DEVBOX_ERROR_BAD_SCHEMA,
                               "%s is neither a key file nor a public key as devboxctl operator export-pub "
                               "prints it",
                               path)
                     : r;
}

static int replace(char **text, const char *with)
{
        char *copy = with ? strdup(with) : NULL;

        if (!with)
                return 0;
        if (!copy)
                return -ENOMEM;

        free(*text);
        *text = copy;
        return 0;
}

static int add_group(Person *person, const char *group)
{
        if (!group || LIST_CONTAINS(person->groups, group))
                return 0;

        char **grown = realloc(person->groups.items, (person->groups.n + 1) * sizeof *grown);
        if (!grown)
                return -ENOMEM;
        person->groups.items = grown;
        grown[person->groups.n] = strdup(group);
        return grown[person->groups.n] ? (person->groups.n++, 0) : -ENOMEM;
}

/* The person of that name, a new one if there is none. */
static int open_person(People *people, const char *name, Person **ret_person)
{
        *ret_person = people_find(people, name);
        if (*ret_person)
                return 0;

        Person *grown = realloc(people->people.items, (people->people.n + 1) * sizeof *grown);
        if (!grown)
                return -ENOMEM;
        people->people.items = grown;
        *ret_person = &grown[people->people.n];
        **ret_person = (Person){ .name = strdup(name) };
        return (*ret_person)->name ? (people->people.n++, 0) : -ENOMEM;
}

static int apply(Ctl *ctl, const AddOptions *given, Person *person)
{
        int r = given->key ? read_key(given->key, &person->key, &ctl->problem) : 0;

        if (given->mxid && !streq(given->mxid, strempty(person->mxid)))
                person->master_key = (PublicKey){ 0 }; /* it was that of another user */
        if (!public_key_is_null(&given->master_key))
                person->master_key = given->master_key;
        if (r == 0)
                r = replace(&person->mxid, given->mxid);
        if (r == 0)
                r = replace(&person->local, given->local);
        return r != 0 ? r : add_group(person, given->group);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(people_freep) People *people = NULL;
        const AddOptions *given = options;
        Person *person;

        int r = people_read(given->dir, &people, &ctl->problem);
        if (r == 0)
                r = open_person(people, args[0], &person);
        if (r != 0)
                return r;
        if (!person->mxid && !given->mxid && !person->local && !given->local)
                return ctl_usage(ctl,
                                 "say by what %s is recognised: --mxid @NAME:SERVER, --local USER, or both",
                                 args[0]);

        r = apply(ctl, given, person);
        if (r == 0 && public_key_is_null(&given->master_key) && mxid_valid(strempty(person->mxid)))
                r = person_pin(ctl, person);
        if (r == 0)
                r = people_write(given->dir, people, &ctl->problem);
        if (r != 0 || ctl->json)
                return r;

        return print_line(stdout,
                          "%s is in people.yaml. Manifests change with: %s%s%s manifest publish --all",
                          args[0], CTL_COMMAND(ctl));
}

static int parse_master_key(const Ctl *ctl, const char *text, void *ret_value)
{
        return master_key_parse(text, ret_value);
}

static const OptionType option_master_key = {
        "KEY", "a key in base64, as Element shows it, or of 64 hexadecimal digits", parse_master_key
};

static const Option options[] = {
        { "mxid", &option_name, offsetof(AddOptions, mxid), "the Matrix user, @NAME:SERVER" },
        { "msk", &option_master_key, offsetof(AddOptions, master_key),
          "their cross-signing master key, already compared" },
        { "local", &option_name, offsetof(AddOptions, local), "the Unix user on the hub" },
        { "key", &option_file, offsetof(AddOptions, key),
          "their public key, for approvals of the tier signed" },
        { "group", &option_label, offsetof(AddOptions, group), "a group that templates may name" },
        DIRECTORY_OPTION(offsetof(AddOptions, dir)),
        { 0 },
};

const Verb verb_person_add = {
        .noun = "person",
        .name = "add",
        .arguments = "NAME",
        .help = "name a person for templates, or add to what is known",
        .example = "person add ana --mxid @ana:example.org --local ana",
        VERB_OPTIONS(AddOptions, options),
        .remote = true,
        .run = run,
};
