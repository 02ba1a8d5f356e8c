/* SPDX-License-Identifier: MIT */
/* A manifest for a person. */

#include "ctl/manifest/manifest-print.h"

#include <inttypes.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/manifest/describe.h"
#include "ctl/manifest/example.h"
#include "ctl/matrix/master-key.h"
#include "ctl/print.h"
#include "proto/id.h"

#define CAPABILITY_COLUMNS 4

/* A row of operators or approvers. */
typedef struct PersonRow {
        const char *role, *principal, *person;
        const PublicKey *key; /* NULL: an operator has none */
        const PublicKey *master_key;
} PersonRow;

/* "@ana:example.org of ana, key fulan-…, pinned identity PUAX …"; "no key" for what could be there. */
static void add_person(Table *table, const PersonRow *row)
{
        bool has_key = row->key && !public_key_is_null(row->key);
        bool is_pinned = !public_key_is_null(row->master_key);
        char words[FINGERPRINT_SIZE] = "", identity[MASTER_KEY_SIZE] = "";

        if (has_key)
                fingerprint_format(row->key, words);
        if (is_pinned)
                (void) master_key_format(row->master_key, identity);
        table_add_fact(table, row->role, STYLE_PLAIN, "%s%s%s%s%s%s%s", row->principal,
                       row->person ? " of " : "", strempty(row->person),
                       has_key    ? ", key "
                       : row->key ? ", no key"
                                  : "",
                       words,
                       is_pinned                             ? ", pinned identity "
                       : principal_is_matrix(row->principal) ? ", no pinned identity"
                                                             : "",
                       identity);
}

static void add_people(Table *table, const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->operators.n; i++) {
                const ManifestOperator *it = &manifest->operators.items[i];

                add_person(table,
                           &(PersonRow){ "operator", it->principal, it->person, NULL, &it->master_key });
        }
        for (size_t i = 0; i < manifest->approvers.n; i++) {
                const ManifestApprover *it = &manifest->approvers.items[i];

                add_person(table,
                           &(PersonRow){ "approver", it->principal, it->person, &it->key, &it->master_key });
        }
}

static void add_key(Table *table, const char *role, const PublicKey *key, int64_t not_after_ms)
{
        char words[FINGERPRINT_SIZE], until[FIGURE_MAX];

        fingerprint_format(key, words);
        table_add_fact(table, role, STYLE_PLAIN, "%s, until %s", words,
                       format_moment(until, (uint64_t) not_after_ms));
}

static void add_dispatcher(Table *table, const ManifestDispatcher *dispatcher)
{
        add_key(table, "dispatcher", &dispatcher->key, dispatcher->not_after_ms);
        for (size_t i = 0; i < dispatcher->capabilities.n; i++)
                table_add_fact(table, i == 0 ? "  only for" : "", STYLE_PLAIN, "%s",
                               dispatcher->capabilities.items[i]);
}

static void add_head(Table *table, const Manifest *manifest)
{
        char words[FINGERPRINT_SIZE], hex[HEX_SIZE(SHA256_SIZE)], moment[FIGURE_MAX];

        if (!manifest->device) {
                table_add_fact(table, "expires", STYLE_PLAIN, "%s",
                               format_moment(moment, (uint64_t) manifest->expires_at_ms));
                return;
        }

        table_add_fact(table, "device", STYLE_HEAD, "%s", manifest->device);
        fingerprint_format(&manifest->device_key, words);
        table_add_fact(table, "device key", STYLE_PLAIN, "%s", words);
        table_add_fact(table, "version", STYLE_PLAIN, "%" PRIi64 " of epoch %" PRIi64 "%s",
                       manifest->version, manifest->epoch,
                       manifest_is_tombstone(manifest) ? ": it ends the device" : "");
        hex_format(BYTES_OF(manifest->previous.bytes), hex);
        if (!sha256_is_null(&manifest->previous))
                table_add_fact(table, "follows", STYLE_PLAIN, "%s", hex);
        table_add_fact(table, "issued", STYLE_PLAIN, "%s",
                       format_moment(moment, (uint64_t) manifest->issued_at_ms));
        table_add_fact(table, "expires", STYLE_PLAIN, "%s",
                       format_moment(moment, (uint64_t) manifest->expires_at_ms));
}

static int print_facts(const Manifest *manifest, const char *signature, FILE *stream, bool colour)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };

        add_head(&table, manifest);
        table_add_fact(&table, "signature", STYLE_PLAIN, "%s", signature);
        add_people(&table, manifest);
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                add_dispatcher(&table, &manifest->dispatchers.items[i]);
        for (size_t i = 0; i < manifest->attesters.n; i++)
                add_key(&table, "attester", &manifest->attesters.items[i].key,
                        manifest->attesters.items[i].not_after_ms);
        for (size_t i = 0; i < manifest->roots.n; i++) {
                table_add(&table, STYLE_FAINT, "root %s", manifest->roots.items[i].name);
                table_add(&table, STYLE_PLAIN, "%s", manifest->roots.items[i].path);
        }
        table_add_fact(&table, "limits", STYLE_PLAIN,
                       "clocks at most %" PRIi64 " s apart; strict: confirmed within %" PRIi64 " s",
                       manifest->limits.skew_s, manifest->limits.stale_max_s);

        return table_print(&table, stream, colour);
}

/* With a column more for an example, if `table` has it. */
static int add_capability(Table *table, const Manifest *manifest, const Capability *capability)
{
        const char *tier = approval_tier_names[capability->approval];
        _cleanup_(freep) char *line = NULL, *example = NULL;

        int r = manifest_describe_capability(capability, &line);
        if (r == 0 && table->n_columns > CAPABILITY_COLUMNS)
                r = manifest_example(manifest, capability, &example);
        if (r < 0)
                return r;

        table_add(table, STYLE_HEAD, "%s", capability->id);
        table_add(table, STYLE_PLAIN, "%s", capability_kind_name((CapabilityKind) capability->kind));
        if (capability->approval_count > 1)
                table_add(table, STYLE_PLAIN, "%" PRIi64 " x %s", capability->approval_count, tier);
        else
                table_add(table, capability->approval == APPROVAL_NONE ? STYLE_FAINT : STYLE_GOOD, "%s",
                          tier);
        table_add(table, capability->accept_risk ? STYLE_BAD : STYLE_PLAIN, "%s", line);
        if (example)
                table_add(table, STYLE_FAINT, "%s", example);
        return 0;
}

int manifest_print_capabilities(const Manifest *manifest, bool examples, FILE *stream, bool colour)
{
        _cleanup_(table_done) Table table = { .n_columns = CAPABILITY_COLUMNS + examples };

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                int r = add_capability(&table, manifest, &manifest->capabilities.items[i]);
                if (r < 0)
                        return r;
        }

        return table_print(&table, stream, colour);
}

int manifest_print(const Manifest *manifest, const char *signature, FILE *stream, bool colour)
{
        int r = print_facts(manifest, signature, stream, colour);
        if (r == 0 && fputc('\n', stream) == EOF)
                r = -errno;

        return r < 0 ? r : manifest_print_capabilities(manifest, false, stream, colour);
}
