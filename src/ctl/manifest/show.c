/* SPDX-License-Identifier: MIT */
/* devboxctl manifest show, verify: what a manifest allows, and whether it holds. */

#include "ctl/manifest/show.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "crypto/fingerprint.h"
#include "ctl/manifest/file.h"
#include "ctl/operator/files.h"
#include "ctl/print.h"

/* ---- a capability in one line */

/* A word that could be read as several, or as something else, stands in quotes. */
static void describe_word(const char *word, Text *text)
{
        if (*word != '\0' && !strpbrk(word, " |()[]{};,\"\\")) {
                text_append(text, word);
                return;
        }

        text_append(text, "\"");
        for (; *word != '\0'; word++) {
                if (*word == '"' || *word == '\\')
                        text_append(text, "\\");
                text_append_bytes(text, word, 1);
        }
        text_append(text, "\"");
}

static void describe_names(char *const *names, size_t n, const char *between, Text *text)
{
        for (size_t i = 0; i < n; i++) {
                text_append(text, i > 0 ? between : "");
                describe_word(names[i], text);
        }
}

static void describe_once(const ArgumentConstraint *item, Text *text)
{
        static const char *const kinds[_PATH_KIND_MAX] = { "PATH", "FILE", "DIR" };

        switch (item->kind) {
        case CONSTRAINT_LITERAL:
                describe_word(item->literal, text);
                break;
        case CONSTRAINT_ENUM:
                describe_names(item->names.items, item->names.n, "|", text);
                break;
        case CONSTRAINT_INTEGER:
                text_appendf(text, "%" PRIi64 "..%" PRIi64, item->range[0], item->range[1]);
                break;
        case CONSTRAINT_WORD:
                text_appendf(text, "WORD of %s", item->word_class);
                break;
        case CONSTRAINT_PATH:
                text_appendf(text, "%s in %s", kinds[item->path_kind], item->path_root);
                break;
        }
}

static void describe_items(const ArgumentConstraints *items, Text *text)
{
        for (size_t i = 0; i < items->n; i++) {
                const ArgumentConstraint *item = &items->items[i];
                bool plain = item->kind == CONSTRAINT_LITERAL && item->repeat == CONSTRAINT_ONCE;

                text_append(text, plain ? " " : item->repeat == CONSTRAINT_ONCE ? " (" : " [");
                describe_once(item, text);
                text_append(text, plain ? "" : item->repeat == CONSTRAINT_ONCE ? ")" : "]");
                if (item->repeat == CONSTRAINT_MANY)
                        text_appendf(text, "{%" PRIi64 ",%" PRIi64 "}", item->many_min, item->many_max);
        }
}

void manifest_describe(const Capability *capability, Text *text)
{
        describe_names(capability->containers.items, capability->containers.n, ", ", text);
        if (capability->kind == CAPABILITY_DOCKER_EXEC)
                text_append(text, ":");
        if (capability->bin)
                describe_word(capability->bin, text);
        describe_items(&capability->argv, text);
        describe_names(capability->roots.items, capability->roots.n, ", ", text);
        describe_names(capability->sensors.items, capability->sensors.n, ", ", text);
        describe_names(capability->units.items, capability->units.n, ", ", text);
        describe_names(capability->cameras.items, capability->cameras.n, ", ", text);
        if (capability->rate.n > 0)
                text_appendf(text, "; %" PRIi64 " per %" PRIi64 " s", capability->rate.n,
                             capability->rate.per_s);
        if (capability->window.days || capability->window.utc)
                text_appendf(text, "; days %s, %s UTC",
                             capability->window.days ? capability->window.days : "1-7",
                             capability->window.utc ? capability->window.utc : "00:00-24:00");
        if (capability->accept_risk)
                text_appendf(text, "; RISK ACCEPTED: %s", capability->accept_risk);
}

/* ---- show */

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

        return puts(text) < 0 ? -errno : CTL_FINE;
}

/* ---- verify */

/* As a device would, but for what only the device knows: its name, key and floor. */
static int verify(const ManifestFile *file, const Root *root, const Ceiling *ceiling, SchemaFault *ret_fault)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_MANIFEST);
        ManifestVerdict verdict = { 0 };
        ManifestJudge judge = { .root = root,
                                .device = file->manifest->device,
                                .device_key = &file->manifest->device_key,
                                .ceiling = ceiling,
                                .now_ms = operator_now_ms() };

        int r = ceiling ? manifest_accept(&judge, file->envelope, &verdict)
                        : envelope_verify(file->envelope, ENVELOPE_MANIFEST, &keys, NULL);
        *ret_fault = verdict.fault;
        manifest_verdict_done(&verdict);
        if (r > 0 && !ceiling)
                r = DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE;
        if (r != 0 || ceiling)
                return r;

        r = root_check_expiry(root, judge.now_ms);
        if (r != 0)
                return r;
        if (file->manifest->epoch != root->epoch)
                return file->manifest->epoch > root->epoch ? DEVBOX_ERROR_ROOT_NEEDED
                                                           : DEVBOX_ERROR_MANIFEST_ROLLBACK;
        return judge.now_ms >= (uint64_t) file->manifest->expires_at_ms ? DEVBOX_ERROR_MANIFEST_EXPIRED : 0;
}

static int print_verified(const Ctl *ctl, const ManifestFile *file)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        char hex[HEX_SIZE(SHA256_SIZE)];
        Sha256 digest;

        envelope_digest(file->envelope, &digest);
        hex_format(BYTES_OF(digest.bytes), hex);
        if (!ctl->json)
                return print_line(stdout, "%s: good: %s, epoch %" PRIi64 ", version %" PRIi64 ", sha256 %s",
                                  file->path, file->manifest->device, file->manifest->epoch,
                                  file->manifest->version, hex);

        json_open_object(&json, NULL);
        json_add_bool(&json, "good", true);
        json_add_string(&json, "device", file->manifest->device);
        json_add_u64(&json, "epoch", (uint64_t) file->manifest->epoch);
        json_add_u64(&json, "version", (uint64_t) file->manifest->version);
        json_add_string(&json, "sha256", hex);
        json_close_object(&json);
        return print_json(&json);
}

int ctl_manifest_verify(const Ctl *ctl, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        ManifestDefaults defaults = manifest_defaults();
        SchemaFault fault = { 0 };

        int r = operator_load_roots(ctl, ctl->options[OPTION_ROOT], &chain);
        if (r == 0)
                r = manifest_load(ctl, args[0], &defaults, &file);
        if (r == 0)
                r = manifest_load_ceiling(ctl, NULL, &ceiling);
        if (r != 0)
                return r;
        if (!file.envelope)
                return print_failure(ctl, DEVBOX_ERROR_BAD_ENVELOPE,
                                     "%s is not signed; sign it with: devboxctl manifest sign", args[0]);

        r = verify(&file, chain.root, ceiling, &fault);
        if (r > 0)
                return print_failure(ctl, (DevboxError) r, "%s: %s%s%s%s%s", args[0],
                                     devbox_error_sentence((DevboxError) r), fault.why ? ": " : "",
                                     fault.path, fault.why ? " " : "", strempty(fault.why));

        return r < 0 ? r : print_verified(ctl, &file);
}

int ctl_manifest_show(const Ctl *ctl, char **args)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        ManifestDefaults defaults = manifest_defaults();
        const char *state = "not signed";
        SchemaFault fault;

        int r = manifest_load(ctl, args[0], &defaults, &file);
        if (r == 0 && ctl->options[OPTION_ROOT])
                r = operator_load_roots(ctl, ctl->options[OPTION_ROOT], &chain);
        if (r != 0)
                return r;
        if (ctl->json)
                return print_payload(file.manifest);

        if (file.envelope && !chain.root)
                state = "not checked; give --root";
        else if (file.envelope) {
                r = verify(&file, chain.root, NULL, &fault);
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
