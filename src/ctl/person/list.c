/* SPDX-License-Identifier: MIT */
/* devboxctl person list: the people that templates may name. */

#include <stdio.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/operator/options.h"
#include "ctl/person/people.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

typedef struct ListOptions {
        const char *dir;
} ListOptions;

static void add_key(Json *json, const char *name, const PublicKey *key)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

        hex_format(BYTES_OF(key->bytes), hex);
        json_add_string(json, name, public_key_is_null(key) ? NULL : hex);
}

static int print_people_json(const People *people)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "people");
        for (size_t i = 0; i < people->people.n; i++) {
                const Person *person = &people->people.items[i];

                json_open_object(&json, NULL);
                json_add_string(&json, "name", person->name);
                json_add_string(&json, "mxid", person->mxid);
                add_key(&json, "msk", &person->master_key);
                json_add_string(&json, "local", person->local);
                add_key(&json, "key", &person->key);
                json_open_array(&json, "groups");
                for (size_t k = 0; k < person->groups.n; k++)
                        json_add_string(&json, NULL, person->groups.items[k]);
                json_close_array(&json);
                json_close_object(&json);
        }
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static void add_cell(Table *table, const PublicKey *key, const char *none)
{
        char words[FINGERPRINT_SIZE];

        fingerprint_format(key, words);
        table_add(table, public_key_is_null(key) ? STYLE_FAINT : STYLE_PLAIN, "%s",
                  public_key_is_null(key) ? none : words);
}

/* One cell with all of them. */
static int add_groups(Table *table, const Person *person)
{
        _cleanup_(freep) char *line = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;

        for (size_t i = 0; i < person->groups.n; i++)
                text_appendf(&text, "%s%s", i > 0 ? ", " : "", person->groups.items[i]);
        int r = text_take(&text, &line, NULL);
        if (r == 0)
                table_add(table, STYLE_PLAIN, "%s", line);
        return r;
}

static int print_people(const Ctl *ctl, const People *people)
{
        static const char *const heads[] = {
                "NAME", "MATRIX USER", "IDENTITY", "LOCAL USER", "KEY", "GROUPS"
        };
        _cleanup_(table_done) Table table = { .n_columns = ELEMENTSOF(heads) };

        if (people->people.n == 0)
                return print_line(stdout,
                                  "Nobody yet. Begin with: devboxctl person add NAME --mxid @NAME:SERVER, "
                                  "or --local USER");

        for (size_t i = 0; i < ELEMENTSOF(heads); i++)
                table_add(&table, STYLE_FAINT, "%s", heads[i]);
        for (size_t i = 0; i < people->people.n; i++) {
                const Person *person = &people->people.items[i];

                table_add(&table, STYLE_HEAD, "%s", person->name);
                table_add(&table, STYLE_PLAIN, "%s", strempty(person->mxid));
                add_cell(&table, &person->master_key, person->mxid ? "not pinned" : "");
                table_add(&table, STYLE_PLAIN, "%s", strempty(person->local));
                add_cell(&table, &person->key, "");
                int r = add_groups(&table, person);
                if (r < 0)
                        return r;
        }

        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(people_freep) People *people = NULL;

        int r = people_read(((const ListOptions *) options)->dir, &people, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_people_json(people) : print_people(ctl, people);
}

const Verb verb_person_list = {
        .noun = "person",
        .name = "list",
        .help = "list the people that templates may name",
        .example = "person list",
        .options = (const Option[]){ DIRECTORY_OPTION(offsetof(ListOptions, dir)), { 0 } },
        .options_size = sizeof(ListOptions),
        .run = run,
};
