/* SPDX-License-Identifier: MIT */
/* The people that templates name. */

#include "ctl/person/people.h"

#include <stdio.h>
#include <unistd.h>

#include "basic/text.h"
#include "codec/binary-text.h"
#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/problem.h"
#include "proto/id.h"
#include "schema/list.h"
#include "schema/yaml.h"

#define PEOPLE_MAX 256
#define FILE_MAX   YAML_SIZE_MAX
#define AT(member) offsetof(Person, member)
#define LOCAL      "local:"

static bool user_valid(const char *text)
{
        char principal[64];

        return (size_t) snprintf(principal, sizeof principal, LOCAL "%s", text) < sizeof principal &&
               principal_valid(principal);
}

static const char *check_person(const void *object)
{
        const Person *person = object;

        if (principal_valid(person->name))
                return "has the name of a principal";
        if (person->local && !user_valid(person->local))
                return "has a local that is no name of a Unix user";
        if (!person->mxid && !person->local)
                return "has neither mxid nor local, so it cannot be recognised";
        if (!public_key_is_null(&person->master_key) && !person->mxid)
                return "has an msk, which only a Matrix user has";
        if (!public_key_is_null(&person->key) && !public_key_is_valid(&person->key))
                return "has a key that is no usable Ed25519 key";

        return !public_key_is_null(&person->master_key) && !public_key_is_valid(&person->master_key)
                       ? "has an msk that is no usable Ed25519 key"
                       : NULL;
}

/* clang-format off */
static const SchemaField person_fields[] = {
        { "name",   SCHEMA_STRING,  true,  AT(name), 1, 63, .valid = label_valid },
        { "mxid",   SCHEMA_STRING,  false, AT(mxid), 1, 255, .valid = mxid_valid },
        { "msk",    SCHEMA_HEX,     false, AT(master_key), .max = PUBLIC_KEY_SIZE },
        { "local",  SCHEMA_STRING,  false, AT(local), 1, 31 },
        { "key",    SCHEMA_HEX,     false, AT(key), .max = PUBLIC_KEY_SIZE },
        { "groups", SCHEMA_STRINGS, false, AT(groups), 0, 16, .valid = label_valid },
};
/* clang-format on */

static const Schema person_schema = { .size = sizeof(Person),
                                      SCHEMA_TABLE(person_fields),
                                      .check = check_person };

static bool is_same(const char *a, const char *b)
{
        return a && b && streq(a, b);
}

static bool keys_clash(const Person *a, const Person *b)
{
        return (!public_key_is_null(&a->key) && public_key_equal(&a->key, &b->key)) ||
               (!public_key_is_null(&a->master_key) && public_key_equal(&a->master_key, &b->master_key));
}

static const char *check_people(const void *object)
{
        const People *all = object;

        for (size_t i = 0; i < all->people.n; i++)
                for (size_t j = 0; j < all->people.n; j++) {
                        const Person *a = &all->people.items[i], *b = &all->people.items[j];

                        if (LIST_CONTAINS(a->groups, b->name))
                                return "has a group with the name of a person";
                        if (i == j)
                                continue;
                        if (streq(a->name, b->name))
                                return "has two people of one name";
                        if (is_same(a->mxid, b->mxid) || is_same(a->local, b->local))
                                return "has two people with one mxid, or one local user";
                        if (keys_clash(a, b))
                                return "has two people with one key";
                }

        return NULL;
}

static const SchemaField fields[] = {
        { "people", SCHEMA_OBJECTS, true, offsetof(People, people), 0, PEOPLE_MAX,
          .nested = &person_schema },
};

const Schema people_schema = {
        .size = sizeof(People), .max_bytes = FILE_MAX, SCHEMA_TABLE(fields), .check = check_people
};

int people_read(const char *dir, People **ret_people, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;

        int r = operator_path(dir, PEOPLE_FILE, &path);
        if (r < 0)
                return r;
        if (access(path, F_OK) < 0 && errno == ENOENT) {
                *ret_people = calloc(1, sizeof(People));
                return *ret_people ? 0 : -ENOMEM;
        }

        r = input_read_text(path, FILE_MAX, &text, ret_problem);
        if (r != 0)
                return r;

        r = schema_yaml_parse(&people_schema, bytes_of_string(text), 0, (void **) ret_people, &problems);
        return r == -EBADMSG ? problem_of_yaml(ret_problem, path, &problems) : r;
}

/* ---- writing */

static void write_line(Text *text, const char *key, const char *value)
{
        if (value)
                text_appendf(text, "    %s: \"%s\"\n", key, value);
}

static void write_key(Text *text, const char *key, const PublicKey *value)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

        hex_format(BYTES_OF(value->bytes), hex);
        write_line(text, key, public_key_is_null(value) ? NULL : hex);
}

static void write_person(Text *text, const Person *person)
{
        text_appendf(text, "  - name: %s\n", person->name);
        write_line(text, "mxid", person->mxid);
        write_key(text, "msk", &person->master_key);
        write_line(text, "local", person->local);
        write_key(text, "key", &person->key);
        for (size_t i = 0; i < person->groups.n; i++)
                text_appendf(text, "%s%s%s", i == 0 ? "    groups: [" : ", ", person->groups.items[i],
                             i + 1 == person->groups.n ? "]\n" : "");
}

/* "people[2].local" is shown as "eve.local". */
static int reject(const People *people, const SchemaFault *fault, char **ret_problem)
{
        size_t i = people->people.n;
        int used = 0;

        if (sscanf(fault->path, "people[%zu]%n", &i, &used) == 1 && used > 0 && i < people->people.n)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST, "%s%s %s",
                                   people->people.items[i].name, fault->path + used, fault->why);

        return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST, PEOPLE_FILE " %s", fault->why);
}

int people_write(const char *dir, const People *people, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL, *content = NULL, *json = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        SchemaFault fault = { 0 };

        int r = people_format(people, &json, &fault); /* checks what is to be read again */
        if (r > 0)
                return reject(people, &fault, ret_problem);

        text_append(&text, "# Who operators and approvers in templates are; written by devboxctl person.\n");
        text_append(&text, people->people.n > 0 ? "people:\n" : "people: []\n");
        for (size_t i = 0; i < people->people.n; i++)
                write_person(&text, &people->people.items[i]);
        if (r == 0)
                r = text_take(&text, &content, NULL);
        if (r == 0)
                r = operator_path(dir, PEOPLE_FILE, &path);
        if (r == 0)
                r = operator_make_directory(dir, ret_problem);
        if (r != 0)
                return r;

        return output_write(path, FILE_REPLACE, 0600, content, ret_problem);
}

/* ---- names */

Person *people_find(const People *people, const char *name)
{
        for (size_t i = 0; i < people->people.n; i++)
                if (streq(people->people.items[i].name, name))
                        return &people->people.items[i];

        return NULL;
}

static int add_principals(const Person *person, PrincipalAdd add, void *context)
{
        char local[64];

        (void) snprintf(local, sizeof local, LOCAL "%s", strempty(person->local));
        int r = person->mxid ? add(context, person->mxid, person) : 0;
        return r != 0 || !person->local ? r : add(context, local, person);
}

int people_resolve(const People *people, const char *name, PrincipalAdd add, void *context)
{
        const Person *person = people_find(people, name);
        int r = 0, found = -ENOENT;

        if (person)
                return add_principals(person, add, context);
        if (principal_valid(name))
                return add(context, name, NULL);

        for (size_t i = 0; i < people->people.n && r == 0; i++)
                if (LIST_CONTAINS(people->people.items[i].groups, name)) {
                        found = 0;
                        r = add_principals(&people->people.items[i], add, context);
                }

        return r != 0 ? r : found;
}
