/* SPDX-License-Identifier: MIT */
/* devboxctl operator init, show, export-pub: the key that everything rests on, and the first root. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/operator-files.h"
#include "ctl/operator-key.h"
#include "ctl/print.h"
#include "ctl/root-make.h"
#include "proto/id.h"

/* ---- init */

int operator_write_key(const Ctl *ctl, const char *name, const char *label, const KeyPair *pair)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        _cleanup_(freep) char *path = NULL, *text = NULL;
        char role[] = "operator", own_label[64];

        (void) snprintf(own_label, sizeof own_label, "%s", label);
        int r = operator_path(ctl, name, &path);
        if (r < 0)
                return r;
        r = operator_new_passphrase(ctl, &passphrase);
        if (r != 0)
                return r;

        r = key_file_seal(&(KeyFile){ .role = role, .label = own_label }, pair, passphrase,
                          SEAL_COST_DEFAULT, &text);
        if (r < 0)
                return r;

        r = file_write(path, FILE_NEW, 0600, bytes_of_string(text));
        if (r == -EEXIST)
                return print_failure(ctl, DEVBOX_ERROR_BUSY, "%s exists; a key is never overwritten", path);
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r))
                     : 0;
}

/* Before anybody has typed a passphrase. */
static int refuse_if_there(const Ctl *ctl, const char *name)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, name, &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0
                       ? print_failure(ctl, DEVBOX_ERROR_BUSY,
                                       "%s exists: there is an operator already. The next key comes with: "
                                       "devboxctl operator rotate",
                                       path)
                       : 0;
}

static int check_label(const Ctl *ctl, const char *option, const char *text)
{
        return label_valid(text) ? 0
                                 : print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                                 "%s takes a-z, 0-9, '.', '_' and '-', at most 63", option);
}

static int make_first_root(const Ctl *ctl, const char *network, const KeyPair *pair)
{
        PublicKey own = *key_pair_public(pair), witnesses[ROOT_KEYS_MAX];
        RootKeys keys = { .threshold = 1, .keys = { &own, 1 } };
        char own_network[64];
        Root root = {
                .network = own_network,
                .version = 1,
                .epoch = 1,
                .roles = { [ROOT_ROLE_ROOT] = keys, [ROOT_ROLE_MANIFEST] = keys, [ROOT_ROLE_TOKEN] = keys },
        };
        RootKeys *witness = &root.roles[ROOT_ROLE_WITNESS];

        (void) snprintf(own_network, sizeof own_network, "%s", network);
        witness->keys.items = witnesses;
        int r = root_add_witness(ctl, witnesses, &witness->keys.n);
        if (r != 0)
                return r;
        witness->threshold = witness->keys.n > 0;

        r = root_set_life(ctl, &root);
        return r != 0 ? r : root_publish(ctl, &root, pair, NULL);
}

int ctl_operator_init(const Ctl *ctl, char **args)
{
        const char *network = ctl->options[OPTION_NETWORK] ? ctl->options[OPTION_NETWORK] : "home";
        const char *label = ctl->options[OPTION_LABEL] ? ctl->options[OPTION_LABEL] : "operator";
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        bool seed = ctl->options[OPTION_KEY] || ctl->options[OPTION_KEY_FD];

        int r = check_label(ctl, "--network", network);
        if (r == 0)
                r = check_label(ctl, "--label", label);
        if (r == 0)
                r = operator_make_directory(ctl);
        if (r == 0)
                r = refuse_if_there(ctl, "operator.key");
        if (r == 0)
                r = refuse_if_there(ctl, "1.root.json");
        if (r != 0)
                return r;

        if (seed)
                r = operator_load_seed(ctl, OPTION_KEY, OPTION_KEY_FD, &pair);
        else {
                r = key_pair_generate(&pair);
                if (r == 0)
                        r = operator_write_key(ctl, "operator.key", label, pair);
        }
        if (r == 0)
                r = make_first_root(ctl, network, pair);

        return r != 0 ? r : ctl_operator_show(ctl, (char *[]){ NULL });
}

/* ---- show */

static void add_key_json(Json *json, const RootKeys *keys, const char *role)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)], words[FINGERPRINT_SIZE];
        Sha256 id;

        json_open_object(json, role);
        json_add_u64(json, "threshold", (uint64_t) keys->threshold);
        json_open_array(json, "keys");
        for (size_t i = 0; i < keys->keys.n; i++) {
                const PublicKey *key = &keys->keys.items[i];

                json_open_object(json, NULL);
                hex_format(BYTES_OF(key->bytes), hex);
                json_add_string(json, "public", hex);
                public_key_id(key, role, &id);
                hex_format(BYTES_OF(id.bytes), hex);
                json_add_string(json, "keyid", hex);
                fingerprint_format(key, words);
                json_add_string(json, "words", words);
                json_close_object(json);
        }
        json_close_array(json);
        json_close_object(json);
}

static int print_root_json(const RootChain *chain)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        const Root *root = chain->root;
        char hex[HEX_SIZE(SHA256_SIZE)];

        hex_format(BYTES_OF(chain->steps[chain->n_steps - 1].digest.bytes), hex);
        json_open_object(&json, NULL);
        json_add_string(&json, "network", root->network);
        json_add_u64(&json, "version", (uint64_t) root->version);
        json_add_u64(&json, "epoch", (uint64_t) root->epoch);
        json_add_time(&json, "issued_at", (usec_t) root->issued_at_ms * USEC_PER_MSEC);
        json_add_time(&json, "expires_at", (usec_t) root->expires_at_ms * USEC_PER_MSEC);
        json_add_string(&json, "sha256", hex);
        json_open_object(&json, "roles");
        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                if (root->roles[role].keys.n > 0)
                        add_key_json(&json, &root->roles[role], root_role_name((RootRole) role));
        json_close_object(&json);
        json_close_object(&json);
        return print_json(&json);
}

static void add_role(Table *table, const RootKeys *keys, const char *role)
{
        char hex[HEX_SIZE(SHA256_SIZE)], words[FINGERPRINT_SIZE];
        Sha256 id;

        for (size_t i = 0; i < keys->keys.n; i++) {
                public_key_id(&keys->keys.items[i], role, &id);
                hex_format(BYTES_OF(id.bytes), hex);
                fingerprint_format(&keys->keys.items[i], words);

                table_add(table, TONE_HEAD, "%s", i == 0 ? role : "");
                if (i == 0)
                        table_add(table, TONE_PLAIN, "%" PRIi64 " of %zu", keys->threshold, keys->keys.n);
                else
                        table_add(table, TONE_PLAIN, "%s", "");
                table_add(table, TONE_FAINT, "%.16s", hex);
                table_add(table, TONE_PLAIN, "%s", words);
        }
}

static int print_root(const Ctl *ctl, const RootChain *chain)
{
        _cleanup_(table_done) Table table = { .n_columns = 4 };
        char issued[FIGURE_MAX], expires[FIGURE_MAX], hex[HEX_SIZE(SHA256_SIZE)];
        const Root *root = chain->root;
        bool expired = root_check_expiry(root, operator_now_ms()) != 0;

        hex_format(BYTES_OF(chain->steps[chain->n_steps - 1].digest.bytes), hex);
        if (printf("network  %s\nroot     %" PRIi64 ", epoch %" PRIi64 "\nissued   %s\nexpires  %s%s\n"
                   "sha256   %s\n\n",
                   root->network, root->version, root->epoch,
                   format_moment(issued, (uint64_t) root->issued_at_ms),
                   format_moment(expires, (uint64_t) root->expires_at_ms), expired ? "  EXPIRED" : "",
                   hex) < 0)
                return -errno;

        for (const char *const *head = (const char *const[]){ "role", "keys", "id", "words", NULL }; *head;
             head++)
                table_add(&table, TONE_FAINT, "%s", *head);
        for (int role = 0; role < _ROOT_ROLE_MAX; role++)
                add_role(&table, &root->roles[role], root_role_name((RootRole) role));

        return table_print(&table, stdout, ctl->colour);
}

int ctl_operator_show(const Ctl *ctl, char **args)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;

        int r = operator_load_roots(ctl, args[0], &chain);
        if (r != 0)
                return r;

        r = ctl->json ? print_root_json(&chain) : print_root(ctl, &chain);
        if (r < 0)
                return r;

        return root_check_expiry(chain.root, operator_now_ms()) == 0 ? CTL_FINE : CTL_PROBLEM;
}

/* ---- export-pub */

/* A sealed key tells its public half to everybody: no passphrase is needed. */
static int get_public_key(const Ctl *ctl, PublicKey *ret_key)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(key_file_freep) KeyFile *file = NULL;
        _cleanup_(freep) char *path = NULL, *text = NULL;
        const char *given = ctl->options[OPTION_KEY];

        if (ctl->options[OPTION_KEY_FD] || (given && streq(given, "-"))) {
                int r = operator_load_key(ctl, &pair);
                if (r == 0)
                        *ret_key = *key_pair_public(pair);
                return r;
        }

        int r = operator_path(ctl, "operator.key", &path);
        if (r < 0)
                return r;
        r = operator_read_file(ctl, given ? given : path, KEY_FILE_MAX, &text);
        if (r != 0)
                return r;
        r = key_file_parse(bytes_of_string(text), &file, NULL);
        explicit_bzero(text, strlen(text)); /* it may have been a bare seed */
        if (r != 0)
                return r < 0 ? r
                             : print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA,
                                             "this is no key file of devbox; a bare seed comes through "
                                             "--key - or --key-fd");

        *ret_key = file->public;
        return 0;
}

int ctl_operator_export_pub(const Ctl *ctl, char **args)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)], words[FINGERPRINT_SIZE];
        _cleanup_(json_done) Json json = JSON_NULL;
        PublicKey key;

        int r = get_public_key(ctl, &key);
        if (r != 0)
                return r;

        hex_format(BYTES_OF(key.bytes), hex);
        fingerprint_format(&key, words);
        if (!ctl->json)
                return puts(hex) < 0 ? -errno : CTL_FINE;

        json_open_object(&json, NULL);
        json_add_string(&json, "public", hex);
        json_add_string(&json, "words", words);
        json_close_object(&json);
        return print_json(&json);
}
