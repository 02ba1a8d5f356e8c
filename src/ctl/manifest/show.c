/* SPDX-License-Identifier: MIT */
/* devboxctl manifest show: what a manifest allows. */

#include <inttypes.h>
#include <stdio.h>

#include "crypto/fingerprint.h"
#include "ctl/manifest/describe.h"
#include "ctl/manifest/verify-file.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-chain.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

typedef struct ShowOptions {
        const char *root;
} ShowOptions;

static void add_fact(Table *table, const char *name, const char *value)
{
        table_add(table, STYLE_FAINT, "%s", name);
        table_add(table, STYLE_PLAIN, "%s", value);
}

static void add_key(Table *table, const char *name, const PublicKey *key, int64_t until_ms)
{
        char words[FINGERPRINT_SIZE], until[FIGURE_MAX];

        fingerprint_format(key, words);
        table_add(table, STYLE_FAINT, "%s", name);
        if (until_ms > 0)
                table_add(table, STYLE_PLAIN, "%s, until %s", words,
                          format_moment(until, (uint64_t) until_ms));
        else
                table_add(table, STYLE_PLAIN, "%s", words);
}

static int print_facts(const Ctl *ctl, const Manifest *manifest)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        char moment[FIGURE_MAX];

        table_add(&table, STYLE_FAINT, "device");
        table_add(&table, STYLE_HEAD, "%s", manifest->device);
        table_add(&table, STYLE_FAINT, "version");
        table_add(&table, STYLE_PLAIN, "%" PRIi64 " of epoch %" PRIi64 "%s", manifest->version,
                  manifest->epoch, manifest_is_tombstone(manifest) ? ": it ends the device" : "");
        add_fact(&table, "issued", format_moment(moment, (uint64_t) manifest->issued_at_ms));
        add_fact(&table, "expires", format_moment(moment, (uint64_t) manifest->expires_at_ms));
        add_key(&table, "device key", &manifest->device_key, 0);
        for (size_t i = 0; i < manifest->operators.n; i++)
                add_fact(&table, "operator", manifest->operators.items[i].mxid);
        for (size_t i = 0; i < manifest->approvers.n; i++)
                add_fact(&table, "approver", manifest->approvers.items[i].mxid);
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                add_key(&table, "dispatcher", &manifest->dispatchers.items[i].key,
                        manifest->dispatchers.items[i].not_after_ms);
        for (size_t i = 0; i < manifest->attesters.n; i++)
                add_key(&table, "attester", &manifest->attesters.items[i].key,
                        manifest->attesters.items[i].not_after_ms);
        for (size_t i = 0; i < manifest->roots.n; i++) {
                table_add(&table, STYLE_FAINT, "root %s", manifest->roots.items[i].name);
                table_add(&table, STYLE_PLAIN, "%s", manifest->roots.items[i].path);
        }

        return table_print(&table, stdout, ctl->colour);
}

static int print_capabilities(const Ctl *ctl, const Manifest *manifest)
{
        _cleanup_(table_done) Table table = { .n_columns = 4 };

        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const Capability *capability = &manifest->capabilities.items[i];
                _cleanup_(text_done) Text text = TEXT_NULL;
                _cleanup_(freep) char *line = NULL;

                manifest_describe(capability, &text);
                int r = text_take(&text, &line, NULL);
                if (r < 0)
                        return r;

                table_add(&table, STYLE_HEAD, "%s", capability->id);
                table_add(&table, STYLE_PLAIN, "%s",
                          capability_kind_name((CapabilityKind) capability->kind));
                if (capability->approval_count > 1)
                        table_add(&table, STYLE_PLAIN, "%" PRIi64 " x %s", capability->approval_count,
                                  approval_tier_names[capability->approval]);
                else
                        table_add(&table, capability->approval == APPROVAL_NONE ? STYLE_FAINT : STYLE_GOOD,
                                  "%s", approval_tier_names[capability->approval]);
                table_add(&table, capability->accept_risk ? STYLE_BAD : STYLE_PLAIN, "%s", line);
        }

        return table_print(&table, stdout, ctl->colour);
}

/* The manifest's own JSON: what the device reads. */
static int print_payload(const Manifest *manifest)
{
        _cleanup_(freep) char *text = NULL;

        int r = manifest_format(manifest, &text, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        return puts(text) < 0 ? -errno : 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        ManifestDefaults defaults = manifest_defaults(ctl->now_ms);
        const char *root = ((const ShowOptions *) options)->root, *state = "not signed";
        SchemaFault fault;

        int r = manifest_file_read(args[0], &defaults, &file, &ctl->problem);
        if (r == 0 && root)
                r = root_chain_read(root, &chain, &ctl->problem);
        if (r != 0)
                return r;
        if (ctl->json)
                return print_payload(file.manifest);

        if (file.envelope && !root)
                state = "not checked; give --root";
        else if (file.envelope) {
                r = manifest_file_verify(&file, chain.root, NULL, ctl->now_ms, &fault);
                if (r < 0)
                        return r;
                state = r == 0 ? "good" : devbox_error_sentence((DevboxError) r);
        }

        r = print_facts(ctl, file.manifest);
        if (r == 0 && printf("signature   %s\n\n", state) < 0)
                r = -errno;
        if (r == 0)
                r = print_capabilities(ctl, file.manifest);
        return r;
}

static const Option options[] = {
        { "root", &option_file, offsetof(ShowOptions, root),
          "check the signature against this root, or several" },
        { 0 },
};

const Verb verb_manifest_show = {
        .noun = "manifest",
        .name = "show",
        .arguments = "FILE",
        .help = "show what a manifest allows",
        .example = "manifest show laptop.yaml",
        .options = options,
        .options_size = sizeof(ShowOptions),
        .run = run,
};
