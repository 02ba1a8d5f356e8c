/* SPDX-License-Identifier: MIT */
/* devboxctl leave: takes this machine out of its network. What the ledger has stays: name and chain are
 * those that an invitation of the same name continues. */

#include <stdio.h>

#include "ctl/join/join-client.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/systemd-client.h"
#include "ctl/verbs.h"

static int leave(Ctl *ctl, const MeshStatus *mesh)
{
        if (streq(mesh->role, "hub"))
                return problem_set(
                        &ctl->problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                        "this machine is the hub of %s: its devices leave it, or are removed with: "
                        "devboxctl revoke --all",
                        strempty(mesh->network));

        bool joined = streq(mesh->role, "device");
        int r = join_client_call(ctl->bus, "Leave", &ctl->problem);
        if (r == 0)
                r = systemd_client_disable(ctl->bus, DEVICE_TARGET, &ctl->problem);
        if (r != 0)
                return r;
        if (ctl->json)
                return puts(joined ? "{\"left\":true}" : "{\"left\":false}") < 0 ? -errno : 0;

        return joined ? print_line(
                                stdout,
                                "This machine has left %s. The hub still knows it: to come back, ask for an "
                                "invitation of the same name.",
                                strempty(mesh->network))
                      : print_line(stdout, "This machine is in no network.");
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(mesh_status_done) MeshStatus mesh = { 0 };

        int r = mesh_client_get_status(ctl->bus, &mesh, &ctl->problem);

        return r != 0 ? r : leave(ctl, &mesh);
}

const Verb verb_leave = {
        .name = "leave",
        .help = "take this machine out of its network",
        .remote = true,
        .bus = true,
        .run = run,
};
