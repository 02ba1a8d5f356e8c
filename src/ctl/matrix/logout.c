/* SPDX-License-Identifier: MIT */
/* devboxctl matrix logout: ends the session of the hub's Matrix account. */

#include <stdio.h>

#include "ctl/matrix/matrix-client.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/progress.h"
#include "ctl/verbs.h"

typedef struct LogoutOptions {
        bool yes;
} LogoutOptions;

static int confirm(Ctl *ctl, const char *user, bool yes)
{
        const Progress progress = { ctl, 1 };
        char question[512];

        (void) snprintf(
                question, sizeof question,
                "Log out %s? The keys of its identity are put aside: the next login replaces it with "
                "--reset-identity, which people see.",
                user);
        int r = yes ? 1 : progress_ask(&progress, question);
        if (r == -ENOTTY)
                return ctl_usage(ctl, "there is no terminal to ask on; give --yes");
        return r < 0    ? r
               : r == 1 ? 0
                        : problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "nothing was done");
}

/* `user` is NULL if no account was logged in. */
static int report(const Ctl *ctl, const char *user)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        if (!ctl->json)
                return user ? print_line(stdout, "%s is logged out; its old keys are kept aside.", user)
                            : print_line(stdout, "No account is logged in.");

        json_open_object(&json, NULL);
        json_add_string(&json, "logged_out", user);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };

        int r = client_query(ctl->bus, &matrix_get_status, &row, &ctl->problem);
        if (r != 0)
                return r;

        const MatrixStatus *status = row.items;
        if (streq(status->state, "logged_out"))
                return report(ctl, NULL);

        r = confirm(ctl, strempty(status->user), ((const LogoutOptions *) options)->yes);
        if (r == 0)
                r = matrix_client_logout(ctl->bus, &ctl->problem);
        return r != 0 ? r : report(ctl, strempty(status->user));
}

static const Option options[] = {
        { "yes", &option_switch, offsetof(LogoutOptions, yes), "without a question" },
        { 0 },
};

const Verb verb_matrix_logout = {
        .noun = "matrix",
        .name = "logout",
        .help = "log this hub's Matrix account out",
        VERB_OPTIONS(LogoutOptions, options),
        .remote = true,
        .bus = true,
        .run = run,
};
