/* SPDX-License-Identifier: MIT */
/* A root for a person: its keys, what they may sign, and which of them have signed it. */

#include "ctl/operator/root-print.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/print.h"

/* A role, and which of its keys signed the root; only those of the role root do. */
typedef struct Role {
        const char *name; /* as it is shown */
        RootRole role;
        const RootKeys *keys;
        uint32_t signers;
} Role;

static bool signs_roots(const Role *role)
{
        return role->role == ROOT_ROLE_ROOT;
}

static bool has_signed(const Role *role, size_t index)
{
        return signs_roots(role) && role->signers & UINT32_C(1) << index;
}

/* ---- JSON */

static void add_role_json(Json *json, const Role *role)
{
        char words[FINGERPRINT_SIZE];
        Sha256 id;

        json_open_object(json, role->name);
        json_add_u64(json, "threshold", (uint64_t) role->keys->threshold);
        json_open_array(json, "keys");
        for (size_t i = 0; i < role->keys->keys.n; i++) {
                const PublicKey *key = &role->keys->keys.items[i];

                json_open_object(json, NULL);
                json_add_hex(json, "public", BYTES_OF(key->bytes));
                public_key_id(key, root_role_name(role->role), &id);
                json_add_hex(json, "keyid", BYTES_OF(id.bytes));
                fingerprint_format(key, words);
                json_add_string(json, "words", words);
                if (signs_roots(role))
                        json_add_bool(json, "signed", has_signed(role, i));
                json_close_object(json);
        }
        json_close_array(json);
        json_close_object(json);
}

static int print_json_root(const RootDraft *draft, const Role *roles, size_t n_roles)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        const Root *root = draft->root;
        char words[FINGERPRINT_SIZE];

        fingerprint_format_root(&draft->envelope->digest, words);
        json_open_object(&json, NULL);
        json_add_string(&json, "network", root->network);
        json_add_u64(&json, "version", (uint64_t) root->version);
        json_add_u64(&json, "epoch", (uint64_t) root->epoch);
        json_add_time(&json, "issued_at", (usec_t) root->issued_at_ms * USEC_PER_MSEC);
        json_add_time(&json, "expires_at", (usec_t) root->expires_at_ms * USEC_PER_MSEC);
        json_add_hex(&json, "sha256", BYTES_OF(draft->envelope->digest.bytes));
        json_add_string(&json, "words", words);
        json_add_u64(&json, "missing", draft->missing);
        if (draft->before)
                json_add_u64(&json, "missing_before", draft->missing_before);
        json_open_object(&json, "roles");
        for (size_t i = 0; i < n_roles; i++)
                if (i + 1 < n_roles || !draft->before)
                        add_role_json(&json, &roles[i]);
        json_close_object(&json);
        if (draft->before) /* the last, and not a role of this root */
                add_role_json(&json, &roles[n_roles - 1]);
        json_close_object(&json);
        return print_json(&json);
}

/* ---- text */

static void add_role(Table *table, const Role *role)
{
        char hex[HEX_SIZE(SHA256_SIZE)], words[FINGERPRINT_SIZE];
        Sha256 id;

        for (size_t i = 0; i < role->keys->keys.n; i++) {
                const PublicKey *key = &role->keys->keys.items[i];

                public_key_id(key, root_role_name(role->role), &id);
                hex_format(BYTES_OF(id.bytes), hex);
                fingerprint_format(key, words);

                table_add(table, STYLE_HEAD, "%s", i == 0 ? role->name : "");
                if (i == 0)
                        table_add(table, STYLE_PLAIN, "%" PRIi64 " of %zu", role->keys->threshold,
                                  role->keys->keys.n);
                else
                        table_add(table, STYLE_PLAIN, "%s", "");
                table_add(table, STYLE_FAINT, "%.16s", hex);
                table_add(table, STYLE_PLAIN, "%s", words);
                table_add(table, STYLE_PLAIN, "%s",
                          !signs_roots(role)    ? ""
                          : has_signed(role, i) ? "yes"
                                                : "no");
        }
}

/* "2 more keys of root 3 and 1 of root 2"; empty if there are enough. */
static const char *format_missing(char buffer[static 128], const RootDraft *draft)
{
        int64_t version = draft->root->version;
        size_t own = draft->missing, before = draft->missing_before;
        int n = 0;

        buffer[0] = '\0';
        if (own > 0)
                n = snprintf(buffer, 128, "%zu more of the keys of root %" PRIi64, own, version);
        if (before > 0)
                (void) snprintf(buffer + n, 128 - (size_t) n, "%s%zu more of %s of root %" PRIi64,
                                n > 0 ? " and " : "", before, n > 0 ? "those" : "the keys", version - 1);
        return buffer;
}

static int print_text_root(const Ctl *ctl, const RootDraft *draft, const Role *roles, size_t n_roles)
{
        _cleanup_(table_done) Table table = { .n_columns = 5 };
        char issued[FIGURE_MAX], expires[FIGURE_MAX], hex[HEX_SIZE(SHA256_SIZE)], missing[128];
        char words[FINGERPRINT_SIZE];
        const Root *root = draft->root;
        bool expired = root_check_expiry(root, ctl->now_ms) != 0;

        hex_format(BYTES_OF(draft->envelope->digest.bytes), hex);
        fingerprint_format_root(&draft->envelope->digest, words);
        if (printf("network  %s\nroot     %" PRIi64 ", epoch %" PRIi64 "\nissued   %s\nexpires  %s%s\n"
                   "sha256   %s\nwords    %s\n",
                   root->network, root->version, root->epoch,
                   format_moment(issued, (uint64_t) root->issued_at_ms),
                   format_moment(expires, (uint64_t) root->expires_at_ms), expired ? "  EXPIRED" : "", hex,
                   words) < 0)
                return -errno;
        if (!root_draft_is_complete(draft) && printf("missing  %s\n", format_missing(missing, draft)) < 0)
                return -errno;
        if (root->version > 1 && !draft->before &&
            printf("before   root %" PRIi64
                   " is not in this directory: whether its keys signed is not known\n",
                   root->version - 1) < 0)
                return -errno;
        if (putchar('\n') == EOF)
                return -errno;

        for (const char *const *head =
                     (const char *const[]){ "role", "keys", "id", "words", "signed", NULL };
             *head; head++)
                table_add(&table, STYLE_FAINT, "%s", *head);
        for (size_t i = 0; i < n_roles; i++)
                add_role(&table, &roles[i]);

        return table_print(&table, stdout, ctl->colour);
}

int operator_print_root(const Ctl *ctl, const RootDraft *draft)
{
        Role roles[_ROOT_ROLE_MAX + 1];
        size_t n = 0;

        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                if (draft->root->roles[role].keys.n > 0)
                        roles[n++] = (Role){ root_role_name((RootRole) role), (RootRole) role,
                                             &draft->root->roles[role], draft->signers };
        if (draft->before)
                roles[n++] = (Role){ "before", ROOT_ROLE_ROOT, &draft->before->roles[ROOT_ROLE_ROOT],
                                     draft->signers_before };

        return ctl->json ? print_json_root(draft, roles, n) : print_text_root(ctl, draft, roles, n);
}

int operator_print_outcome(const Ctl *ctl, const RootDraft *draft, const char *path)
{
        int64_t version = draft->root->version;
        char missing[128];

        if (ctl->json)
                return 0;
        if (root_draft_is_complete(draft))
                return print_line(stderr, "Root %" PRIi64 " is complete: %s", version, path);

        return print_line(stderr,
                          "Root %" PRIi64 " is not complete: %s must sign. Hand %s to one after the other, "
                          "for: devboxctl operator sign FILE",
                          version, format_missing(missing, draft), path);
}
