/* SPDX-License-Identifier: MIT */
/* devboxctl matrix verify: two people, or one at two screens, compare seven emojis, after which the hub's
 * account and a user trust each other's identities. What began goes on when the command is repeated; the
 * daemon ends it after ten minutes.
 *
 * Without a terminal it ends with what is to be compared, and is repeated with the answer. */

#include <stdio.h>

#include "ctl/matrix/verification-client.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/progress.h"
#include "ctl/verbs.h"
#include "proto/id.h"

#define POLL_USEC (200 * USEC_PER_MSEC)

typedef struct VerifyOptions {
        bool confirm, cancel;
} VerifyOptions;

typedef struct Verify {
        Ctl *ctl;
        const char *user;
        char *id;        /* NULL: none yet */
        ClientRows rows; /* which `found` is in */
        const MatrixVerification *found;
} Verify;

static void verify_done(Verify *verify)
{
        client_rows_done(&verify->rows);
        free(verify->id);
}

/* ---- the verification */

static bool has_ended(const MatrixVerification *verification)
{
        return streq(verification->state, "done") || streq(verification->state, "cancelled");
}

static bool is_wanted(const Verify *verify, const MatrixVerification *verification)
{
        return verify->id ? streq(verification->id, verify->id)
                          : streq(verification->user, verify->user) && !has_ended(verification);
}

/* Sets `found`, to NULL if there is none. */
static int look_up(Verify *verify)
{
        client_rows_done(&verify->rows);
        verify->found = NULL;
        int r = client_query(verify->ctl->bus, &matrix_list_verifications, &verify->rows,
                             &verify->ctl->problem);
        if (r != 0)
                return r;

        const MatrixVerification *rows = verify->rows.items;
        for (size_t i = 0; i < verify->rows.n; i++)
                if (is_wanted(verify, &rows[i]))
                        verify->found = &rows[i];
        return 0;
}

/* The one that is under way, or if `start` a new one. */
static int open_verification(Verify *verify, bool start)
{
        int r = look_up(verify);
        if (r == 0 && verify->found) {
                verify->id = strdup(verify->found->id);
                return verify->id ? 0 : -ENOMEM;
        }
        if (r == 0 && !start)
                return problem_set(&verify->ctl->problem, DEVBOX_ERROR_NOT_FOUND,
                                   "no verification of %s is under way; begin with: devboxctl matrix verify "
                                   "%s",
                                   verify->user, verify->user);

        return r != 0 ? r
                      : verification_client_start(verify->ctl->bus, verify->user, &verify->id,
                                                  &verify->ctl->problem);
}

/* What the other side cancels with. Source: Matrix specification, m.key.verification.cancel. */
static const struct {
        const char *reason, *sentence;
} reasons[] = {
        { "m.timeout", "it was not answered in Element in time" },
        { "m.user", "it was declined in Element" },
        { "m.accepted", "another device of the account answered it" },
        { "m.mismatched_sas",
          "the emojis were different: a third party is between the two, or one of them is "
          "not who they seem" },
        { "m.key_mismatch", "the keys are not those of the homeserver: a third party is between the two" },
};

static int reject_end(Ctl *ctl, const MatrixVerification *found)
{
        const char *reason = found ? strempty(found->reason) : "";

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (streq(reason, reasons[i].reason))
                        reason = reasons[i].sentence;
        return problem_set(&ctl->problem, DEVBOX_ERROR_ACCESS_DENIED, "not verified%s%s",
                           *reason ? ": " : "", reason);
}

/* Until both sides have keys to compare, or if `end` until it has ended well. */
static int wait_for(Verify *verify, bool end)
{
        for (;;) {
                int r = look_up(verify);
                if (r != 0)
                        return r;
                if (!verify->found || streq(verify->found->state, "cancelled"))
                        return reject_end(verify->ctl, verify->found);
                if (streq(verify->found->state, "done") || (!end && streq(verify->found->state, "keys")))
                        return 0;

                r = client_wait(verify->ctl->bus, POLL_USEC);
                if (r < 0)
                        return r;
        }
}

/* ---- what is compared */

static int print_document(const MatrixVerification *found)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "id", found->id);
        json_add_string(&json, "user", found->user);
        json_add_string(&json, "device", found->device);
        json_add_string(&json, "state", found->state);
        json_open_array(&json, "emojis");
        for (size_t i = 0; i < found->n_emojis; i++)
                json_add_string(&json, NULL, found->emojis[i]);
        json_close_array(&json);
        json_add_string(&json, "decimals", found->decimals);
        json_close_object(&json);
        return print_json(&json);
}

/* Without U+FE0F, which asks for a picture: a terminal that does not know it moves what follows. */
static const char *plain_emoji(char buffer[static 64], const char *emoji)
{
        size_t n = 0;

        while (*emoji != '\0' && n < 63)
                if (startswith(emoji, "\xef\xb8\x8f"))
                        emoji += 3;
                else
                        buffer[n++] = *emoji++;
        buffer[n] = '\0';
        return buffer;
}

static int show(const MatrixVerification *found)
{
        char emoji[64];
        int r = print_line(stdout, "Element must show the same, in this order:");

        for (size_t i = 0; i < found->n_emojis && r == 0; i++)
                r = print_line(stdout, "  %zu  %s", i + 1, plain_emoji(emoji, found->emojis[i]));
        return r < 0 ? r : print_line(stdout, "or the numbers  %s", strempty(found->decimals));
}

/* ---- the command */

static int confirm(Verify *verify)
{
        int r = verification_client_decide(verify->ctl->bus, "ConfirmVerification", verify->id,
                                           &verify->ctl->problem);
        if (r == 0)
                r = wait_for(verify, true);
        if (r != 0)
                return r;

        return verify->ctl->json ? print_document(verify->found)
                                 : print_line(stdout,
                                              "%s is verified: the identity is theirs. It is pinned "
                                              "with: %s%s%s person add NAME --mxid %s",
                                              verify->user, CTL_COMMAND(verify->ctl), verify->user);
}

static int cancel(Verify *verify)
{
        int r = verification_client_decide(verify->ctl->bus, "CancelVerification", verify->id,
                                           &verify->ctl->problem);

        return r != 0 || verify->ctl->json ? r : print_line(stdout, "The verification is cancelled.");
}

static int ask(Verify *verify)
{
        const Progress progress = { verify->ctl, 1 };

        int r = show(verify->found);
        if (r == 0)
                r = progress_ask(&progress, "are they the same?");
        if (r == -ENOTTY)
                return print_line(stdout,
                                  "Next, if they are: %s%s%s matrix verify %s --confirm; if not: the "
                                  "same with --cancel",
                                  CTL_COMMAND(verify->ctl), verify->user);
        if (r < 0)
                return r;
        if (r == 1)
                return confirm(verify);

        r = cancel(verify);
        return r != 0 ? r
                      : problem_set(&verify->ctl->problem, DEVBOX_ERROR_ACCESS_DENIED,
                                    "not verified. If they differ, a third party is between %s and the hub",
                                    verify->user);
}

static int compare(Verify *verify)
{
        Ctl *ctl = verify->ctl;
        bool asked = !verify->found || streq(verify->found->state, "requested");

        int r = asked && !ctl->json
                        ? print_line(stdout, "Accept the verification in Element, as %s.", verify->user)
                        : 0;
        if (r == 0 && fflush(stdout) != 0)
                r = -errno;
        if (r == 0)
                r = wait_for(verify, false);
        if (r != 0)
                return r;
        if (ctl->json)
                return print_document(verify->found);

        return streq(verify->found->state, "done") ? print_line(stdout, "%s is verified.", verify->user)
                                                   : ask(verify);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(verify_done) Verify verify = { .ctl = ctl, .user = args[0] };
        const VerifyOptions *given = options;

        if (!mxid_valid(args[0]))
                return ctl_usage(ctl, "matrix verify takes a Matrix user, @NAME:SERVER");
        if (given->confirm && given->cancel)
                return ctl_usage(ctl, "--confirm and --cancel exclude each other");

        int r = ctl_open_bus(ctl);
        if (r == 0)
                r = open_verification(&verify, !given->confirm && !given->cancel);
        if (r != 0)
                return r;

        return given->confirm ? confirm(&verify) : given->cancel ? cancel(&verify) : compare(&verify);
}

static const Option options[] = {
        { "confirm", &option_switch, offsetof(VerifyOptions, confirm),
          "both sides show the same: finish what is under way" },
        { "cancel", &option_switch, offsetof(VerifyOptions, cancel), "end what is under way" },
        { 0 },
};

const Verb verb_matrix_verify = {
        .noun = "matrix",
        .name = "verify",
        .arguments = "@USER:SERVER",
        .help = "compare emojis with a Matrix user, to verify each other",
        .example = "matrix verify @ana:example.org",
        VERB_OPTIONS(VerifyOptions, options),
        .remote = true,
        .run = run,
};
