/* SPDX-License-Identifier: MIT */
/* devboxctl person list: the people that templates may name. */

#include "crypto/fingerprint.h"
#include "ctl/listing.h"
#include "ctl/matrix/master-key.h"
#include "ctl/operator/options.h"
#include "ctl/person/people.h"
#include "ctl/verbs.h"

static void add_key(Json *json, const char *name, const PublicKey *key)
{
        json_add_hex(json, name, public_key_is_null(key) ? BYTES_NULL : BYTES_OF(key->bytes));
}

static void add_document(Json *json, const void *item)
{
        const Person *person = item;

        json_open_object(json, NULL);
        json_add_string(json, "name", person->name);
        json_add_string(json, "mxid", person->mxid);
        add_key(json, "msk", &person->master_key);
        json_add_string(json, "local", person->local);
        add_key(json, "key", &person->key);
        json_open_array(json, "groups");
        for (size_t i = 0; i < person->groups.n; i++)
                json_add_string(json, NULL, person->groups.items[i]);
        json_close_array(json);
        json_close_object(json);
}

/* As devboxctl matrix identity shows it. */
static void add_identity(Table *table, const Person *person)
{
        char text[MASTER_KEY_SIZE];

        if (!public_key_is_null(&person->master_key))
                table_add(table, STYLE_PLAIN, "%s", master_key_format(&person->master_key, text));
        else
                table_add(table, STYLE_FAINT, "%s", person->mxid ? "not pinned" : "");
}

static void add_key_words(Table *table, const PublicKey *key)
{
        char words[FINGERPRINT_SIZE];

        fingerprint_format(key, words);
        table_add(table, STYLE_PLAIN, "%s", public_key_is_null(key) ? "" : words);
}

/* One cell with all of them. */
static void add_groups(Table *table, const Person *person)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        for (size_t i = 0; i < person->groups.n; i++)
                text_appendf(&text, "%s%s", i > 0 ? ", " : "", person->groups.items[i]);
        table_add(table, STYLE_PLAIN, "%s", strempty(text.data));
        if (text.error < 0)
                table->error = text.error;
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const Person *person = item;

        table_add(table, STYLE_HEAD, "%s", person->name);
        table_add(table, STYLE_PLAIN, "%s", strempty(person->mxid));
        add_identity(table, person);
        table_add(table, STYLE_PLAIN, "%s", strempty(person->local));
        add_key_words(table, &person->key);
        add_groups(table, person);
}

static const char *const titles[] = { "NAME", "MATRIX USER", "IDENTITY", "LOCAL USER", "KEY", "GROUPS" };

static const Listing listing = {
        .name = "people",
        .empty = "no people yet; begin with: devboxctl person add NAME --mxid @NAME:SERVER, or --local USER",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(Person),
        .add_document = add_document,
        .add_row = add_row,
};

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(people_freep) People *people = NULL;

        int r = people_read(((const DirectoryOptions *) options)->dir, &people, &ctl->problem);
        return r != 0 ? r : listing_print(ctl, &listing, people->people.items, people->people.n);
}

const Verb verb_person_list = {
        .noun = "person",
        .name = "list",
        .help = "list the people that templates may name",
        DIRECTORY_ONLY,
        .run = run,
};
