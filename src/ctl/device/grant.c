/* SPDX-License-Identifier: MIT */
/* devboxctl device grant: opens a directory for the programs that requests start on this machine. A manifest
 * allows a directory; the permissions of its files still apply. */

#include <grp.h>
#include <stdio.h>

#include "ctl/device/acl-tree.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"
#include "proto/id.h"

typedef struct GrantOptions {
        bool write, revoke;
} GrantOptions;

static int report(const Ctl *ctl, const char *path, const GrantOptions *options, const AclTree *tree)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        if (!ctl->json)
                return print_line(stdout, "%s is %s for devbox%s; files and directories: %zu%s", path,
                                  options->revoke ? "closed" : "open",
                                  options->write ? ", to read and write" : ", to read", tree->n_changed,
                                  tree->n_skipped > 0 ? "; those of other owners are as they were" : "");

        json_open_object(&json, NULL);
        json_add_string(&json, "path", path);
        json_add_u64(&json, "changed", tree->n_changed);
        json_add_u64(&json, "skipped", tree->n_skipped);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const GrantOptions *given = options;
        const char *name = given->write ? "devbox-write" : "devbox-read";
        const struct group *group = getgrnam(name);
        AclTree tree = { .write = given->write, .revoke = given->revoke };

        if (!absolute_path_valid(args[0]) || streq(args[0], "/"))
                return ctl_usage(
                        ctl, "device grant takes the absolute path of a directory, without a slash at its "
                             "end");
        if (!group)
                return problem_set(
                        &ctl->problem, DEVBOX_ERROR_NOT_FOUND,
                        "there is no group %s; install devbox with: scripts/install.sh --role device", name);

        tree.group = group->gr_gid;
        int r = given->revoke ? 0 : acl_tree_open_way(args[0], &tree);
        if (r == 0)
                r = acl_tree_apply(args[0], &tree);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "cannot change the ACLs of %s: %s", args[0],
                                   r == -EOPNOTSUPP ? "its file system has none" : strerror(-r));

        return report(ctl, args[0], given, &tree);
}

static const Option options[] = {
        { "write", &option_switch, offsetof(GrantOptions, write), "also to write (the group devbox-write)" },
        { "revoke", &option_switch, offsetof(GrantOptions, revoke), "take it away again" },
        { 0 },
};

const Verb verb_device_grant = {
        .noun = "device",
        .name = "grant",
        .arguments = "DIR",
        .help = "open a directory for what requests do on this machine",
        .example = "device grant /home/ana",
        VERB_OPTIONS(GrantOptions, options),
        .run = run,
};
