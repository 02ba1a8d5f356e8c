/* SPDX-License-Identifier: MIT */
/* What a manifest needs beyond the ceiling of this machine: shown line by line, before anything is
 * installed. A person on the terminal may widen the ceiling by it; no other caller may. */

#include <stdio.h>
#include <unistd.h>

#include "basic/file.h"
#include "ctl/join/join.h"
#include "ctl/manifest/ceiling-lists.h"
#include "ctl/manifest/file.h"
#include "ctl/problem.h"

#define CEILING_MODE 0644

/* NULL: there is none, and nothing is allowed. */
static int read_ceiling(const Join *join, Ceiling **ret_ceiling)
{
        if (access(ceiling_path(), F_OK) < 0 && errno == ENOENT)
                return 0;

        return ceiling_file_read(ceiling_path(), join->ctl->now_ms, ret_ceiling, &join->ctl->problem);
}

static int show_excess(const Join *join, const CeilingLists *excess)
{
        int r = progress_line(&join->progress, "Ceiling",
                              "the manifest needs more than %s allows:", ceiling_path());

        for (size_t i = 0; i < CEILING_LISTS; i++)
                for (size_t j = 0; j < excess->lists[i].n && r == 0; j++)
                        r = progress_line(&join->progress, "", "%-12s  %s", ceiling_list_key(i),
                                          excess->lists[i].names[j]);
        return r;
}

static int may_widen(const Join *join)
{
        int r = join->yes ? -ENOTTY : progress_ask(&join->progress, "Allow all of this on this machine?");

        if (r == 1)
                return 0;
        if (r < 0 && r != -ENOTTY)
                return r;
        return problem_set(
                &join->ctl->problem, DEVBOX_ERROR_MANIFEST_CEILING,
                "the manifest needs more than %s allows; nothing was installed. Change one of them "
                "and run again: devboxctl enroll",
                ceiling_path());
}

/* What was written by hand stays beside it. */
static int widen(const Join *join, const CeilingLists *wanted)
{
        _cleanup_(freep) char *kept = NULL, *content = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        char **problem = &join->ctl->problem;
        size_t size;

        ceiling_lists_format(wanted, &text);
        int r = text_take(&text, &content, &size);
        if (r < 0 || asprintf(&kept, "%s.old", ceiling_path()) < 0)
                return -ENOMEM;

        if (unlink(kept) < 0 && errno != ENOENT)
                r = -errno;
        if (r == 0 && link(ceiling_path(), kept) < 0 && errno != ENOENT)
                r = -errno;
        if (r == 0)
                r = file_write(ceiling_path(), FILE_REPLACE, CEILING_MODE, BYTES(content, size));
        if (r < 0)
                return problem_set(problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s",
                                   ceiling_path(), strerror(-r));

        r = ledger_client_reload(join->bus, problem);
        return r != 0 ? r : progress_line(&join->progress, "", "%s allows it now", ceiling_path());
}

int join_fit(Join *join)
{
        _cleanup_(freep) CeilingLists *excess = calloc(1, sizeof *excess),
                                      *wanted = calloc(1, sizeof *wanted);
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;

        if (!excess || !wanted)
                return -ENOMEM;
        int r = read_ceiling(join, &ceiling);
        if (r != 0)
                return r;

        ceiling_lists_add_manifest(excess, join->manifest);
        if (ceiling_lists_remove_ceiling(excess, ceiling ? ceiling : &(Ceiling){ 0 }) == 0)
                return 0;

        if (ceiling)
                ceiling_lists_add_ceiling(wanted, ceiling);
        ceiling_lists_add_manifest(wanted, join->manifest);
        r = show_excess(join, excess);
        if (r == 0)
                r = may_widen(join);
        return r != 0 ? r : widen(join, wanted);
}
