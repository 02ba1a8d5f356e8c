/* SPDX-License-Identifier: MIT */
/* devboxctl matrix login: gives the hub its Matrix account. The password is asked for on the terminal or is
 * the first line of standard input; it goes to devbox-matrix, which keeps an access token instead. */

#include <stdio.h>
#include <unistd.h>

#include "basic/utf8.h"
#include "ctl/matrix/status-print.h"
#include "ctl/mesh/mesh-client.h"
#include "ctl/operator/secret-input.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"
#include "proto/id.h"

#define POLL_USEC (200 * USEC_PER_MSEC)
#define SYNC_USEC (30 * USEC_PER_SEC) /* for the first sync; it goes on without this command */

typedef struct LoginOptions {
        const char *server;
        bool token, appservice, reset_identity;
} LoginOptions;

/* What is read, and the kind of login that it is for: that of org.devbox.Matrix1(5). */
typedef struct SecretKind {
        const char *kind, *name, *prompt;
} SecretKind;

static const SecretKind *kind_of(const LoginOptions *given)
{
        static const SecretKind password = { "password", "password", "Password" },
                                token = { "token", "access token", "Access token" },
                                appservice = { "appservice", "token of the application service",
                                               "Token of the application service" };

        return given->token ? &token : given->appservice ? &appservice : &password;
}

/* ---- the secret */

/* D-Bus carries UTF-8 without NUL only. */
static bool is_text(const Secret *secret)
{
        Bytes bytes = secret_bytes(secret);
        uint32_t code;

        for (size_t i = 0, length; i < bytes.size; i += length) {
                length = utf8_decode(bytes.data + i, bytes.size - i, &code);
                if (length == 0 || code == 0)
                        return false;
        }

        return true;
}

static int read_secret(Ctl *ctl, const LoginOptions *given, const char *user, Secret **ret_secret)
{
        const SecretKind *kind = kind_of(given);
        _cleanup_(secret_freep) Secret *secret = NULL;
        char prompt[320];

        (void) snprintf(prompt, sizeof prompt, "%s of %s: ", kind->prompt, user);
        int r = isatty(STDIN_FILENO) ? secret_ask(prompt, &secret) : secret_read_line(STDIN_FILENO, &secret);
        if (r == -ENODATA || (r == 0 && secret_bytes(secret).size == 0))
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "no %s was given: it is asked for on a terminal, or the first line of "
                                   "standard input",
                                   kind->name);
        if (r < 0 && r != -ENOMEM)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "cannot read the %s: %s",
                                   kind->name, r == -EFBIG ? "it is too long" : strerror(-r));
        if (r == 0 && !is_text(secret))
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "the %s is not UTF-8",
                                   kind->name);
        if (r == 0)
                *ret_secret = TAKE_PTR(secret);
        return r;
}

/* ---- the session */

static bool is_in_use(const MatrixStatus *status)
{
        return !streq(status->state, "logged_out") && !streq(status->state, "ended");
}

static int reject_other(Ctl *ctl, const MatrixStatus *status)
{
        return problem_set(&ctl->problem, DEVBOX_ERROR_MATRIX_OTHER,
                           "%s is logged in; run first: %s%s%s matrix logout", strempty(status->user),
                           CTL_COMMAND(ctl));
}

/* Only a hub uses the account: another machine that logged in would take its cross-signing identity. */
static int check_hub(Ctl *ctl)
{
        _cleanup_(mesh_status_done) MeshStatus mesh = { 0 };

        int r = mesh_client_get_status(ctl->bus, &mesh, &ctl->problem);
        return r != 0 ? r : mesh_status_check_hub(&mesh, ctl->host, &ctl->problem);
}

static int log_in(Ctl *ctl, const LoginOptions *given, const char *user, Secret **ret_secret)
{
        int r = read_secret(ctl, given, user, ret_secret);
        if (r != 0)
                return r;

        const MatrixLogin login = { strempty(given->server), user, kind_of(given)->kind, *ret_secret };
        return matrix_client_login(ctl->bus, &login, &ctl->problem);
}

/* Until messages can be sent, or something prevents it. */
static int wait_for_sync(Ctl *ctl, ClientRows *ret_row)
{
        usec_t deadline_usec = deadline_after(SYNC_USEC);

        for (;;) {
                _cleanup_(client_rows_done) ClientRows row = { 0 };

                int r = client_query(ctl->bus, &matrix_get_status, &row, &ctl->problem);
                if (r != 0)
                        return r;

                const MatrixStatus *status = row.items;
                if ((!streq(status->state, "connecting") && status->ready) || *strempty(status->fault) ||
                    streq(status->state, "ended") || deadline_left(deadline_usec) == 0) {
                        *ret_row = TAKE(row, (ClientRows){ 0 });
                        return 0;
                }

                r = client_wait(ctl->bus, POLL_USEC);
                if (r < 0)
                        return r;
        }
}

/* The password that was read for the login serves for this, too. */
static int reset_identity(Ctl *ctl, const LoginOptions *given, Secret **secret, ClientRows *row)
{
        const MatrixStatus *status = row->items;

        if (!given->reset_identity || !matrix_reset_helps(status))
                return 0;
        int r = *secret ? 0 : read_secret(ctl, given, status->user, secret);
        if (r == 0)
                r = matrix_client_reset_identity(ctl->bus, *secret, &ctl->problem);
        if (r != 0)
                return r;

        client_rows_done(row);
        return wait_for_sync(ctl, row);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows before = { 0 }, after = { 0 };
        _cleanup_(secret_freep) Secret *secret = NULL;
        const LoginOptions *given = options;

        if (!mxid_valid(args[0]))
                return ctl_usage(ctl, "matrix login takes the hub's own Matrix user, @NAME:SERVER");
        if (given->token + given->appservice + given->reset_identity > 1)
                return ctl_usage(ctl,
                                 "--token, --appservice and --reset-identity, which needs the password, "
                                 "exclude each other");

        int r = ctl_open_bus(ctl);
        if (r == 0)
                r = check_hub(ctl);
        if (r == 0)
                r = client_query(ctl->bus, &matrix_get_status, &before, &ctl->problem);
        if (r != 0)
                return r;

        const MatrixStatus *status = before.items;
        if (is_in_use(status) && !streq(strempty(status->user), args[0]))
                return reject_other(ctl, status);
        if (!is_in_use(status))
                r = log_in(ctl, given, args[0], &secret);
        if (r == 0)
                r = wait_for_sync(ctl, &after);
        if (r == 0)
                r = reset_identity(ctl, given, &secret, &after);
        if (r == 0)
                r = matrix_print_status(ctl, after.items);
        return r != 0 || ctl->json || ctl->status != CTL_OK
                       ? r
                       : print_line(stdout,
                                    "Next: %s%s%s person add NAME --mxid @NAME:SERVER, then %s%s%s "
                                    "manifest publish --all",
                                    CTL_COMMAND(ctl), CTL_COMMAND(ctl));
}

static int parse_server(const Ctl *ctl, const char *text, void *ret_value)
{
        if (!startswith(text, "https://") && !startswith(text, "http://"))
                return -EINVAL;

        *(const char **) ret_value = text;
        return 0;
}

static const OptionType option_server = { "URL", "https://HOST, on this machine also http://",
                                          parse_server };

static const Option options[] = {
        { "server", &option_server, offsetof(LoginOptions, server),
          "the homeserver (what SERVER of the user names)" },
        { "token", &option_switch, offsetof(LoginOptions, token),
          "log in with the access token of a new device, not with a password" },
        { "appservice", &option_switch, offsetof(LoginOptions, appservice),
          "log in with the as_token of an application service whose user it is" },
        { "reset-identity", &option_switch, offsetof(LoginOptions, reset_identity),
          "replace the account's cross-signing identity, if it is not this hub's" },
        { 0 },
};

const Verb verb_matrix_login = {
        .noun = "matrix",
        .name = "login",
        .arguments = "@USER:SERVER",
        .help = "give this hub its Matrix account",
        .example = "matrix login @devbox:example.org",
        .statuses = "failure, or the account cannot be used",
        VERB_OPTIONS(LoginOptions, options),
        .remote = true,
        .run = run,
};
