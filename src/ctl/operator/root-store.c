/* SPDX-License-Identifier: MIT */
/* The roots in the operator's directory. */

#include "ctl/operator/root-store.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/operator/key.h"
#include "ctl/problem.h"

#define ROOT_FILE_MAX ((size_t) 1024 * 1024)

static int numbered_path(const char *dir, int64_t number, const char *name, char **ret_path)
{
        char numbered[64];

        (void) snprintf(numbered, sizeof numbered, "%" PRIi64 ".%s", number, name);
        return operator_path(dir, numbered, ret_path);
}

int root_store_load(const char *dir, RootChain *ret_chain, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(dir, "root.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) < 0 && errno == ENOENT ? 0 : root_chain_read(path, ret_chain, ret_problem);
}

int root_store_load_before(const char *dir, int64_t version, RootChain *ret_chain, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(dir, version - 1, "root.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0 ? root_chain_read(path, ret_chain, ret_problem)
                                       : root_store_load(dir, ret_chain, ret_problem);
}

/* ---- recovery */

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
static int recover_root(const char *dir, const RootChain *chain, bool *changed, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL, *current = NULL, *text = NULL;

        int r = numbered_path(dir, chain->root ? chain->root->version + 1 : 1, "root.json", &path);
        if (r == 0)
                r = operator_path(dir, "root.json", &current);
        if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
                return r;

        r = input_read_text(path, ROOT_FILE_MAX, &text, ret_problem);
        if (r != 0)
                return r;
        r = check_next(chain, text);
        if (r > 0)
                return problem_set(ret_problem, (DevboxError) r, "%s does not follow %s: %s", path, current,
                                   devbox_error_sentence((DevboxError) r));
        if (r == 0)
                r = output_write(current, FILE_REPLACE, 0644, text, ret_problem);
        if (r == 0)
                *changed = true;
        return r;
}

typedef struct RoleKey {
        RootRole role;
        const char *name;
} RoleKey;

static const RoleKey role_keys[] = { { ROOT_ROLE_ROOT, OPERATOR_KEY },
                                     { ROOT_ROLE_MANIFEST, MANIFEST_KEY } };

/* The next key, once the root names it, replaces the one before, which is kept under the number of the last
 * root that named it. */
static int recover_key(const char *dir, const Root *root, const RoleKey *row, bool *changed,
                       char **ret_problem)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *next = NULL, *current = NULL, *kept = NULL;
        KeySource source = KEY_SOURCE_INIT;
        char next_name[64];

        (void) snprintf(next_name, sizeof next_name, "next.%s", row->name);
        int r = operator_path(dir, next_name, &next);
        if (r == 0)
                r = operator_path(dir, row->name, &current);
        if (r == 0)
                r = numbered_path(dir, root->version - 1, row->name, &kept);
        if (r < 0 || (access(next, F_OK) < 0 && errno == ENOENT))
                return r;

        source.path = next;
        r = operator_key_open(&source, &key, ret_problem);
        if (r != 0 || !root_has_key(root, row->role, &key.public))
                return r;

        r = file_rotate(next, current, kept);
        if (r < 0)
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "root %" PRIi64 " is in place, but %s cannot become %s: %s",
                                   root->version, next, current,
                                   r == -EEXIST ? "the old key is to be kept under a name that exists"
                                                : strerror(-r));
        *changed = true;
        return 0;
}

static int remove_draft(const char *dir, const Root *root)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(dir, root->version, "root.draft.json", &path);
        if (r == 0)
                (void) unlink(path); /* may not exist; one that stays no longer follows */

        return r;
}

int root_store_recover(const char *dir, bool *ret_changed, char **ret_problem)
{
        _cleanup_(root_chain_done) RootChain before = ROOT_CHAIN_NULL, chain = ROOT_CHAIN_NULL;
        bool changed = false;

        int r = root_store_load(dir, &before, ret_problem);
        if (r == 0)
                r = recover_root(dir, &before, &changed, ret_problem);
        if (r == 0)
                r = root_store_load(dir, &chain, ret_problem);
        for (size_t i = 0; r == 0 && chain.root && i < ELEMENTSOF(role_keys); i++)
                r = recover_key(dir, chain.root, &role_keys[i], &changed, ret_problem);
        if (r == 0 && chain.root)
                r = remove_draft(dir, chain.root);
        if (r == 0 && ret_changed)
                *ret_changed = changed;
        return r;
}

/* ---- delivery */

int root_store_check_no_draft(const char *dir, int64_t version, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = numbered_path(dir, version, "root.draft.json", &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0
                       ? problem_set(ret_problem, DEVBOX_ERROR_BUSY,
                                     "%s waits for signatures: have it signed, or delete it to start again",
                                     path)
                       : 0;
}

int root_store_deliver(const char *dir, const RootDraft *draft, char **ret_path, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;
        bool complete = root_draft_is_complete(draft);

        int r = numbered_path(dir, draft->root->version, complete ? "root.json" : "root.draft.json", &path);
        if (r == 0)
                r = root_draft_format(draft, &text);
        if (r == 0)
                r = output_write(path, FILE_NEW, 0644, text, ret_problem);
        if (r == 0 && complete)
                r = root_store_recover(dir, NULL, ret_problem);
        if (r == 0)
                *ret_path = TAKE_PTR(path);
        return r;
}
