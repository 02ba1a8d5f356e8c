/* SPDX-License-Identifier: MIT */
/* Putting roots where they belong. */

#include "ctl/operator/root-store.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "ctl/operator/key.h"
#include "ctl/print.h"

#define ROOT_FILE_MAX ((size_t) 1024 * 1024)

static int numbered_path(const Ctl *ctl, int64_t number, const char *name, char **ret_path)
{
        char numbered[64];

        (void) snprintf(numbered, sizeof numbered, "%" PRIi64 ".%s", number, name);
        return operator_path(ctl, numbered, ret_path);
}

static int write_root(const Ctl *ctl, const char *path, FileWrite how, const char *text)
{
        int r = file_write(path, how, 0644, bytes_of_string(text));

        if (r == -EEXIST && how == FILE_NEW)
                return print_failure(ctl, DEVBOX_ERROR_BUSY, "%s exists; a root is never overwritten", path);
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r))
                     : 0;
}

int root_load_current(const Ctl *ctl, RootChain *ret_chain)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, "root.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) < 0 && errno == ENOENT ? 0 : operator_load_roots(ctl, NULL, ret_chain);
}

int root_load_before(const Ctl *ctl, int64_t version, RootChain *ret_chain)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(ctl, version - 1, "root.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0 ? operator_load_roots(ctl, path, ret_chain)
                                       : root_load_current(ctl, ret_chain);
}

/* ---- settling */

static int check_next(const RootChain *chain, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(root_freep) Root *root = NULL;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r != 0)
                return r;

        return chain->root ? root_accept_next(chain->root, envelope, &root)
                           : root_accept_first(envelope, NULL, &root);
}

/* The root after root.json, if it is there, becomes root.json. */
static int settle_root(const Ctl *ctl, const RootChain *chain, bool *changed)
{
        _cleanup_(freep) char *path = NULL, *current = NULL, *text = NULL;

        int r = numbered_path(ctl, chain->root ? chain->root->version + 1 : 1, "root.json", &path);
        if (r == 0)
                r = operator_path(ctl, "root.json", &current);
        if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
                return r;

        r = operator_read_file(ctl, path, ROOT_FILE_MAX, &text);
        if (r != 0)
                return r;
        r = check_next(chain, text);
        if (r > 0)
                return print_failure(ctl, (DevboxError) r, "%s does not follow %s: %s", path, current,
                                     devbox_error_sentence((DevboxError) r));
        if (r == 0)
                r = write_root(ctl, current, FILE_REPLACE, text);
        if (r == 0)
                *changed = true;
        return r;
}

/* The next key, once the root names it, takes the place of the one before, which stays under the number of
 * the last root that it had a say in. */
static int settle_key(const Ctl *ctl, const Root *root, RootRole role, const char *name, bool *changed)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *next = NULL, *current = NULL, *kept = NULL;
        char next_name[64];

        (void) snprintf(next_name, sizeof next_name, "next.%s", name);
        int r = operator_path(ctl, next_name, &next);
        if (r == 0)
                r = operator_path(ctl, name, &current);
        if (r == 0)
                r = numbered_path(ctl, root->version - 1, name, &kept);
        if (r < 0 || (access(next, F_OK) < 0 && errno == ENOENT))
                return r;

        r = operator_key_open_file(ctl, next, &key);
        if (r != 0 || !root_has_key(root, role, &key.public))
                return r;

        r = file_rotate(next, current, kept);
        if (r < 0)
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED,
                                     "root %" PRIi64 " is in place, but %s cannot become %s: %s",
                                     root->version, next, current,
                                     r == -EEXIST ? "the old key is to be kept under a name that is taken"
                                                  : strerror(-r));
        *changed = true;
        return 0;
}

static int remove_draft(const Ctl *ctl, const Root *root)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(ctl, root->version, "root.draft.json", &path);
        if (r == 0)
                (void) unlink(path); /* there need not be one, and one that stays is known to be late */

        return r;
}

int root_store_recover(const Ctl *ctl, bool *ret_changed)
{
        _cleanup_(root_chain_done) RootChain before = ROOT_CHAIN_NULL, chain = ROOT_CHAIN_NULL;
        bool changed = false;

        int r = root_load_current(ctl, &before);
        if (r == 0)
                r = settle_root(ctl, &before, &changed);
        if (r == 0)
                r = root_load_current(ctl, &chain);
        if (r == 0 && chain.root)
                r = settle_key(ctl, chain.root, ROOT_ROLE_ROOT, OPERATOR_KEY, &changed);
        if (r == 0 && chain.root)
                r = settle_key(ctl, chain.root, ROOT_ROLE_MANIFEST, MANIFEST_KEY, &changed);
        if (r == 0 && chain.root)
                r = remove_draft(ctl, chain.root);
        if (r == 0 && ret_changed)
                *ret_changed = changed;
        return r;
}

/* ---- delivering */

int root_refuse_draft(const Ctl *ctl, int64_t version)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(ctl, version, "root.draft.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0
                       ? print_failure(ctl, DEVBOX_ERROR_BUSY,
                                       "%s waits for signatures: have it signed, or delete it to begin anew",
                                       path)
                       : 0;
}

int root_deliver(const Ctl *ctl, const RootDraft *draft, char **ret_path)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;
        bool complete = root_draft_is_complete(draft);

        int r = numbered_path(ctl, draft->root->version, complete ? "root.json" : "root.draft.json", &path);
        if (r == 0)
                r = root_draft_format(draft, &text);
        if (r == 0)
                r = write_root(ctl, path, FILE_NEW, text);
        if (r == 0 && complete)
                r = root_store_recover(ctl, NULL);
        if (r == 0)
                *ret_path = TAKE_PTR(path);
        return r;
}
