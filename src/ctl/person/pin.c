/* SPDX-License-Identifier: MIT */
/* Pins the cross-signing identity of a person. */

#include "ctl/person/pin.h"

#include <stdio.h>

#include "ctl/matrix/master-key.h"
#include "ctl/matrix/matrix-client.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/progress.h"

static int get_identity(const Ctl *ctl, const char *user, PublicKey *ret_key, char **ret_problem)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        MatrixIdentity identity;

        int r = client_open(ctl->host, &bus, ret_problem);
        if (r == 0)
                r = matrix_client_get_identity(bus, user, &identity, ret_problem);
        if (r == 0)
                *ret_key = identity.master_key;
        return r;
}

/* The machine has no account that could ask. */
static bool is_elsewhere(const Ctl *ctl, int reason)
{
        return !ctl->host &&
               (reason == DEVBOX_ERROR_BUS_UNAVAILABLE || reason == DEVBOX_ERROR_MATRIX_UNAVAILABLE);
}

static int report_unknown(const Ctl *ctl, const Person *person, int reason, const char *problem)
{
        if (ctl->json || (is_elsewhere(ctl, reason) && !public_key_is_null(&person->master_key)))
                return 0;
        if (is_elsewhere(ctl, reason))
                return print_line(
                        stdout,
                        "Not pinned: commands of %s count once their identity is. On the hub, or with "
                        "-H USER@HUB: devboxctl person add %s",
                        person->mxid, person->name);

        return print_line(stdout, "The identity of %s was not compared: %s; to pin it later, run this again",
                          person->mxid, problem);
}

static int show(const Progress *progress, const Person *person, const PublicKey *key)
{
        bool changed = !public_key_is_null(&person->master_key);
        char text[MASTER_KEY_SIZE];

        int r = changed ? progress_line(progress, "Pinned", "%s",
                                        master_key_format(&person->master_key, text))
                        : 0;
        if (r == 0)
                r = progress_line(progress, changed ? "Now" : "Identity", "%s",
                                  master_key_format(key, text));
        if (r < 0)
                return r;

        return changed ? progress_line(progress, "",
                                       "%s has reset it, or the homeserver lets another pose as them: ask "
                                       "them",
                                       person->mxid)
                       : progress_line(progress, "",
                                       "compare it with %s; once a manifest names them, emojis in Element "
                                       "compare it, too: %s%s%s matrix verify %s",
                                       person->mxid, CTL_COMMAND(progress->ctl), person->mxid);
}

static int report_not_asked(const Ctl *ctl, const Person *person, const PublicKey *key)
{
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

        if (ctl->json)
                return 0;

        hex_format(BYTES_OF(key->bytes), hex);
        return print_line(
                stdout,
                "Not pinned, for there is no terminal to ask on. If it is theirs: devboxctl person "
                "add %s --msk %s",
                person->name, hex);
}

int person_pin(Ctl *ctl, Person *person)
{
        const Progress progress = { ctl, 11 };
        _cleanup_(freep) char *problem = NULL;
        PublicKey key;

        int r = get_identity(ctl, person->mxid, &key, &problem);
        if (r != 0)
                return r < 0 ? r : report_unknown(ctl, person, r, problem);
        if (public_key_equal(&key, &person->master_key))
                return 0;

        r = show(&progress, person, &key);
        if (r == 0)
                r = ctl->json ? -ENOTTY : progress_ask(&progress, "is it theirs?");
        if (r == -ENOTTY)
                return report_not_asked(ctl, person, &key);
        if (r == 0)
                return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "nothing was written: the identity is not that of %s", person->mxid);
        if (r > 0)
                person->master_key = key;
        return MIN(r, 0);
}
