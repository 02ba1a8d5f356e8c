/* SPDX-License-Identifier: MIT */
/* devboxctl operator init, keygen, export-pub: the keys that everything rests on, and the first root. */

#include <stdio.h>
#include <unistd.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/operator/files.h"
#include "ctl/operator/key.h"
#include "ctl/operator/root-builder.h"
#include "ctl/operator/root-store.h"
#include "ctl/operator/show.h"
#include "ctl/print.h"
#include "proto/id.h"

static int refuse_if_there(const Ctl *ctl, const char *name, const char *why)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, name, &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0 ? print_failure(ctl, DEVBOX_ERROR_BUSY, "%s exists: %s", path, why)
                                       : 0;
}

/* ---- init */

static const char *get_network(const Ctl *ctl)
{
        return ctl->options[OPTION_NETWORK] ? ctl->options[OPTION_NETWORK] : "home";
}

/* All that can be refused before anybody has typed a passphrase. */
static int check_options(const Ctl *ctl)
{
        PublicKey own = { 0 }; /* stands for the one to come */
        RootBuilder builder;

        if (!label_valid(get_network(ctl)))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--network takes a-z, 0-9, '.', '_' and '-', at most 63");
        if (!ctl->options[OPTION_MANIFEST_KEY] && operator_key_is_given(ctl, &NEW_KEY_IN(MANIFEST_KEY)))
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "--new-key and --new-key-fd of init are for --manifest-key");

        int r = operator_check_label(ctl);
        if (r != 0)
                return r;

        root_builder_begin(&builder, get_network(ctl));
        root_builder_set(&builder, ROOT_ROLE_ROOT, &own);
        return root_builder_apply(ctl, &own, &builder);
}

static int make_first_root(const Ctl *ctl, const PublicKey *own, const PublicKey *everyday,
                           RootDraft *ret_draft)
{
        RootBuilder builder;

        root_builder_begin(&builder, get_network(ctl));
        root_builder_set(&builder, ROOT_ROLE_ROOT, own);
        root_builder_set(&builder, ROOT_ROLE_MANIFEST, everyday);
        root_builder_set(&builder, ROOT_ROLE_TOKEN, everyday);
        int r = root_builder_apply(ctl, own, &builder);

        return r != 0 ? r : root_draft_new(&builder.root, NULL, ret_draft);
}

static int make_operator(const Ctl *ctl)
{
        const char *label = ctl->options[OPTION_LABEL] ? ctl->options[OPTION_LABEL] : "operator";
        _cleanup_(operator_key_done) OperatorKey own = OPERATOR_KEY_NULL, everyday = OPERATOR_KEY_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        bool separate = ctl->options[OPTION_MANIFEST_KEY];

        int r = operator_key_make(ctl, &OWN_KEY_IN(OPERATOR_KEY), label, &own);
        if (r == 0 && separate)
                r = operator_key_make(ctl, &NEW_KEY_IN(MANIFEST_KEY), "manifest", &everyday);
        if (r == 0)
                r = make_first_root(ctl, &own.public, separate ? &everyday.public : &own.public, &draft);
        if (r == 0)
                r = root_draft_sign(&draft, own.pair);
        if (r == 0)
                r = root_deliver(ctl, &draft, &path);

        if (r == 0)
                r = operator_tell_outcome(ctl, &draft, path);

        return r != 0 ? r : operator_print_root(ctl, &draft);
}

int ctl_operator_init(const Ctl *ctl, char **args)
{
        bool settled = false;

        int r = check_options(ctl);
        if (r == 0)
                r = operator_make_directory(ctl);
        if (r == 0)
                r = root_store_recover(ctl, &settled);
        if (r == 0 && settled)
                return operator_print_settled(ctl);
        if (r == 0)
                r = refuse_if_there(ctl, "root.json",
                                    "there is an operator already. The next root comes with: devboxctl "
                                    "operator rotate");
        if (r == 0)
                r = root_refuse_draft(ctl, 1);

        return r != 0 ? r : make_operator(ctl);
}

/* ---- keygen, export-pub */

static int print_public_key(const Ctl *ctl, const PublicKey *key)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)], words[FINGERPRINT_SIZE];
        _cleanup_(json_done) Json json = JSON_NULL;

        hex_format(BYTES_OF(key->bytes), hex);
        fingerprint_format(key, words);
        if (!ctl->json)
                return puts(hex) < 0 ? -errno : CTL_FINE;

        json_open_object(&json, NULL);
        json_add_string(&json, "public", hex);
        json_add_string(&json, "words", words);
        json_close_object(&json);
        return print_json(&json);
}

int ctl_operator_keygen(const Ctl *ctl, char **args)
{
        const char *label = ctl->options[OPTION_LABEL] ? ctl->options[OPTION_LABEL] : "operator";
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_check_label(ctl);
        if (r == 0)
                r = operator_make_directory(ctl);
        if (r == 0)
                r = refuse_if_there(ctl, OPERATOR_KEY, "a key is never overwritten");
        if (r == 0)
                r = operator_key_make(ctl, &OWN_KEY_IN(OPERATOR_KEY), label, &key);

        return r != 0 ? r : print_public_key(ctl, &key.public);
}

/* A sealed key tells its public half to everybody: no passphrase is needed. */
int ctl_operator_export_pub(const Ctl *ctl, char **args)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;

        int r = operator_key_open(ctl, &OWN_KEY_IN(OPERATOR_KEY), &key);

        return r != 0 ? r : print_public_key(ctl, &key.public);
}
