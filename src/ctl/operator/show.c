/* SPDX-License-Identifier: MIT */
/* devboxctl operator show: the keys that a root names, and which of them have signed it. */

#include <stdio.h>

#include "ctl/input.h"
#include "ctl/operator/options.h"
#include "ctl/operator/root-print.h"
#include "ctl/operator/root-store.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

/* Several roots in one file, or one that may still be a draft. */
static int read_envelope(Ctl *ctl, const char *dir, const char *path, Envelope **ret_envelope)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(freep) char *text = NULL;
        const char *end = NULL;

        int r = path ? input_read_text(path, ROOT_CHAIN_MAX, &text, &ctl->problem) : 0;
        if (r != 0)
                return r;

        if (path)
                end = strchr(text, '\n');
        if (path && (!end || end[strspn(end, "\n")] == '\0'))
                return input_read_envelope(path, ret_envelope, &ctl->problem);

        r = root_chain_read_current(dir, path, &chain, &ctl->problem);
        return r != 0 ? r : envelope_parse(bytes_of_string(chain.text), ENVELOPE_PAYLOAD_MAX, ret_envelope);
}

int operator_show(Ctl *ctl, const char *dir, const char *path)
{
        _cleanup_(root_chain_done) RootChain before = ROOT_CHAIN_NULL;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        Envelope *envelope;

        int r = read_envelope(ctl, dir, path, &envelope);
        if (r != 0)
                return r;
        r = root_draft_take(envelope, &draft);
        if (r > 0)
                return problem_about(&ctl->problem, (DevboxError) r, path ? path : "root.json");
        if (r == 0 && draft.root->version > 1)
                r = root_store_load_before(dir, draft.root->version, &before, &ctl->problem);
        if (r != 0)
                return r;

        if (before.root)
                r = root_draft_follow(&draft, before.root);
        if (r < 0) /* one of another network does not matter here */
                return r;
        if (!root_draft_is_complete(&draft) || root_check_expiry(draft.root, ctl->now_ms) != 0)
                ctl->status = CTL_PROBLEM;

        return operator_print_root(ctl, &draft);
}

int operator_show_recovered(Ctl *ctl, const char *dir)
{
        int r = ctl->json
                        ? 0
                        : print_line(stderr,
                                     "An interrupted command had left a root half in place; it is in place "
                                     "now, and nothing else was done.");

        return r < 0 ? r : operator_show(ctl, dir, NULL);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        return operator_show(ctl, ((const DirectoryOptions *) options)->dir, args[0]);
}

const Verb verb_operator_show = {
        .noun = "operator",
        .name = "show",
        .arguments = "[ROOT-FILE]",
        .help = "show the keys of a root, what they may sign and who signed",
        .statuses = "failure, or the root is not complete or has expired",
        DIRECTORY_ONLY,
        .run = run,
};
