/* SPDX-License-Identifier: MIT */
/* devboxctl device reset: gives up the name, the key and the history of this machine, where no hub is left
 * to which it could come back. They are kept aside.
 *
 * The directory is renamed first, and the ledger restarted then: what it still writes goes into the archive,
 * and no call in between can start one that has the old directory. */

#include <stdio.h>
#include <time.h>

#include "ctl/mesh/mesh-client.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/progress.h"
#include "ctl/systemd-client.h"
#include "ctl/verbs.h"

#define STATE_DIRECTORY "/var/lib/devbox/ledger"
#define LEDGER_UNIT     "devbox-ledger.service"

typedef struct ResetOptions {
        bool yes;
} ResetOptions;

/* A machine without devbox-mesh is in no network. */
static int check_left(Ctl *ctl)
{
        _cleanup_(mesh_status_done) MeshStatus mesh = { 0 };
        _cleanup_(freep) char *problem = NULL;

        int r = mesh_client_get_status(ctl->bus, &mesh, &problem);
        if (r < 0)
                return r;

        return r > 0 || streq(strempty(mesh.role), "")
                       ? 0
                       : problem_set(&ctl->problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                                     "this machine is a %s of %s: its history is known there; %s", mesh.role,
                                     strempty(mesh.network),
                                     streq(mesh.role, "hub") ? "revoke its devices first"
                                                             : "run devboxctl leave first");
}

static int confirm(Ctl *ctl, bool yes)
{
        const Progress progress = { ctl, 1 };

        int r = yes ? 1
                    : progress_ask(&progress, "Give up the name, the key and the history of this machine?");
        if (r == -ENOTTY)
                return ctl_usage(ctl, "there is no terminal to ask on; give --yes");
        return r < 0    ? r
               : r == 1 ? 0
                        : problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED, "nothing was done");
}

/* The time with milliseconds is part of the name: another reset follows after a restart of the ledger.
 * `ret_archive` is empty if there was nothing to keep. */
static int archive(Ctl *ctl, char *ret_archive, size_t size)
{
        time_t now = (time_t) (ctl->now_ms / 1000);
        char stamp[32];
        struct tm utc;

        (void) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", gmtime_r(&now, &utc));
        (void) snprintf(ret_archive, size, "%s.%s.%03uZ", STATE_DIRECTORY, stamp,
                        (unsigned) (ctl->now_ms % 1000));
        if (rename(STATE_DIRECTORY, ret_archive) == 0)
                return 0;
        if (errno != ENOENT)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot rename %s: %s",
                                   STATE_DIRECTORY, strerror(errno));

        ret_archive[0] = '\0';
        return 0;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        char kept[128];

        int r = check_left(ctl);
        if (r == 0)
                r = confirm(ctl, ((const ResetOptions *) options)->yes);
        if (r == 0)
                r = archive(ctl, kept, sizeof kept);
        if (r == 0)
                r = systemd_client_restart(ctl->bus, LEDGER_UNIT, &ctl->problem);
        if (r != 0)
                return r;
        if (ctl->json)
                return printf(*kept ? "{\"archive\":\"%s\"}\n" : "{\"archive\":null}\n", kept) < 0 ? -errno
                                                                                                   : 0;

        return *kept ? print_line(stdout, "this machine has a new key; what it was before is in %s", kept)
                     : print_line(stdout, "there was nothing to give up");
}

static const Option options[] = {
        { "yes", &option_switch, offsetof(ResetOptions, yes), "without a question" },
        { 0 },
};

const Verb verb_device_reset = {
        .noun = "device",
        .name = "reset",
        .help = "give up this machine's name, key and history, and keep them aside",
        VERB_OPTIONS(ResetOptions, options),
        .bus = true,
        .run = run,
};
