/* SPDX-License-Identifier: MIT */
/* The requests that run now. */

#include "ledger/runs.h"

#include "proto/error.h"

struct Run {
        Sha256 request;
        Secret *end_key;
        LIST_ENTRY(Run) entry;
};

static Run *find(const Runs *runs, const Sha256 *request)
{
        Run *run;

        LIST_FOREACH(run, &runs->list, entry)
                if (sha256_equal(&run->request, request))
                        return run;

        return NULL;
}

static void free_run(Runs *runs, Run *run)
{
        LIST_REMOVE(run, entry);
        runs->n--;
        secret_free(run->end_key);
        free(run);
}

int runs_add_take(Runs *runs, const Sha256 *request, Secret *end_key)
{
        _cleanup_(secret_freep) Secret *key = end_key;

        if (runs->n >= RUNS_MAX)
                return DEVBOX_ERROR_BUSY;

        Run *run = malloc(sizeof *run);
        if (!run)
                return -ENOMEM;

        *run = (Run){ .request = *request, .end_key = TAKE_PTR(key) };
        LIST_INSERT_HEAD(&runs->list, run, entry);
        runs->n++;
        return 0;
}

void runs_remove(Runs *runs, const Sha256 *request)
{
        Run *run = find(runs, request);

        if (run)
                free_run(runs, run);
}

void runs_done(Runs *runs)
{
        while (!LIST_EMPTY(&runs->list))
                free_run(runs, LIST_FIRST(&runs->list));
}

const Secret *runs_find_key(const Runs *runs, const Sha256 *request)
{
        const Run *run = find(runs, request);

        return run ? run->end_key : NULL;
}
