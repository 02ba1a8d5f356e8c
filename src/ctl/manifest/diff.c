/* SPDX-License-Identifier: MIT */
/* devboxctl manifest diff: what changes between two manifests. */

#include "codec/strict-json.h"
#include "ctl/manifest/changes.h"
#include "ctl/manifest/file.h"
#include "ctl/operator/options.h"
#include "ctl/verbs.h"

/* A side, and what it does not have, or need not have yet. */
typedef struct Side {
        cJSON *tree;
        bool template, unsigned_yet;
} Side;

static int read_side(Ctl *ctl, const char *dir, const char *path, Side *ret_side)
{
        _cleanup_(manifest_file_done) ManifestFile file = MANIFEST_FILE_NULL;
        const ManifestDefaults defaults = manifest_defaults(ctl->now_ms, dir);

        int r = manifest_file_read(path, &defaults, &file, &ctl->problem);
        if (r != 0)
                return r;

        ret_side->template = file.template;
        ret_side->unsigned_yet = file.yaml;
        r = schema_build(file.template ? &manifest_policy_schema : &manifest_schema, file.manifest,
                         &ret_side->tree, NULL);
        return r > 0 ? -EINVAL : r;
}

/* Leaves what both sides can have. */
static void drop_absent(cJSON *tree, const Side *one, const Side *other)
{
        if (one->unsigned_yet || other->unsigned_yet)
                manifest_tree_drop(tree, manifest_filled_keys);
        if (one->template || other->template)
                manifest_tree_drop(tree, manifest_device_keys);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const char *dir = ((const DirectoryOptions *) options)->dir;
        Side old = { 0 }, new = { 0 };
        size_t n = 0;

        int r = read_side(ctl, dir, args[0], &old);
        if (r == 0)
                r = read_side(ctl, dir, args[1], &new);
        if (r == 0) {
                drop_absent(old.tree, &old, &new);
                drop_absent(new.tree, &old, &new);
                r = manifest_print_changes(ctl, old.tree, new.tree, &n);
        }
        if (r == 0)
                ctl->status = n == 0 ? CTL_OK : CTL_PROBLEM;

        cJSON_Delete(old.tree);
        cJSON_Delete(new.tree);
        return r;
}

const Verb verb_manifest_diff = {
        .noun = "manifest",
        .name = "diff",
        .arguments = "OLD-FILE NEW-FILE",
        .help = "show what changes between two manifests",
        .example = "manifest diff laptop.json laptop.yaml",
        .statuses = "failure, or there are changes",
        DIRECTORY_ONLY,
        .run = run,
};
