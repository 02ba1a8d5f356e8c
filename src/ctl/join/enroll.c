/* SPDX-License-Identifier: MIT */
/* devboxctl enroll: joins the network that an invitation is for. */

#include <stdio.h>
#include <unistd.h>

#include "ctl/join/join.h"
#include "ctl/operator/secret-input.h"
#include "ctl/option-types.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct EnrollOptions {
        bool yes;
} EnrollOptions;

static int parse_token(Ctl *ctl, const char *text, Token *ret_token)
{
        int r = token_text_parse(text, ret_token);

        return r > 0 ? problem_set(
                               &ctl->problem, (DevboxError) r,
                               "this is no invitation: it begins with devbox1: and has some 360 characters; "
                               "copy all of it")
                     : r;
}

/* On the terminal, or the first line of standard input. `without`: what Enter, or no line, means; NULL: an
 * invitation is needed. */
static int read_token(Join *join, const char *without)
{
        _cleanup_(secret_freep) Secret *secret = NULL;
        char text[TOKEN_TEXT_SIZE_MAX + 64], prompt[128];

        (void) snprintf(prompt, sizeof prompt,
                        "Invitation (it is not shown%s%s): ", without ? "; Enter " : "", strempty(without));
        int r = isatty(STDIN_FILENO) ? secret_ask(prompt, &secret) : secret_read_line(STDIN_FILENO, &secret);
        if (r == -ENODATA && without)
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0 || secret_bytes(secret).size >= sizeof text)
                return problem_set(
                        &join->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                        "no invitation was given; the operator makes one with: devboxctl invite NAME");

        (void) snprintf(text, sizeof text, "%.*s", (int) secret_bytes(secret).size,
                        (const char *) secret_bytes(secret).data);
        r = parse_token(join->ctl, text, &join->token);
        explicit_bzero(text, sizeof text);
        join->has_token = r == 0;
        return r;
}

/* A join that was begun goes on without the invitation, and needs another one if that was mistyped or is
 * over; from the admission on there is nothing to ask. On a machine that has joined, a person at a terminal
 * is asked nevertheless: what is pasted there blindly would be read by the shell, which keeps it in its
 * history. */
static int ask_token(Join *join)
{
        _cleanup_(mesh_status_done) MeshStatus mesh = { 0 };
        bool terminal = isatty(STDIN_FILENO);

        int r = mesh_client_get_status(join->bus, &mesh, &join->ctl->problem);
        if (r != 0)
                return r;

        const char *state = strempty(mesh.join_state);
        if (*state == '\0')
                return read_token(join, NULL);
        if (streq(state, "keys") || streq(state, "claimed"))
                return terminal && join->yes ? 0 : read_token(join, "to go on with the one before");

        return streq(state, "joined") && terminal ? read_token(join, "for none") : 0;
}

/* An argument is in the list of processes and in the history of the shell. */
static int take_token(Join *join, char *argument)
{
        Ctl *ctl = join->ctl;

        if (!argument)
                return ask_token(join);

        int r = print_line(stderr,
                           "devboxctl: warning: other users of this machine can read arguments; paste the "
                           "invitation when you are asked, or write it to standard input");
        if (r == 0)
                r = parse_token(ctl, argument, &join->token);
        explicit_bzero(argument, strlen(argument));
        join->has_token = r == 0;
        return r;
}

static int print_document(const Join *join)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "network", join->mesh.network);
        json_add_string(&json, "address", join->mesh.address);
        json_add_string(&json, "hub_address", join->mesh.hub_address);
        json_add_string(&json, "join_state", "joined");
        json_close_object(&json);
        return print_json(&json);
}

static int run_steps(Join *join)
{
        static int (*const steps[])(Join * join) = { join_ask,    join_claim, join_wait,
                                                     join_verify, join_fit,   join_install };
        int r = 0;

        if (!streq(strempty(join->mesh.join_state), "installed"))
                for (size_t i = 0; i < ELEMENTSOF(steps) && r == 0; i++)
                        r = steps[i](join);
        if (r == 0)
                r = join_complete(join);
        if (r == 0)
                r = join_start(join);
        return r != 0 ? r : join_files(join);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(join_done) Join join = { .ctl = ctl,
                                           .bus = ctl->bus,
                                           .progress = { ctl, 16 },
                                           .yes = ((const EnrollOptions *) options)->yes };
        bool joined = false;

        int r = take_token(&join, args[0]);
        if (r == 0)
                r = join_look(&join, &joined);
        if (r == 0)
                r = joined ? join_start(&join) : run_steps(&join);

        return r != 0 || !ctl->json ? r : print_document(&join);
}

static const Option options[] = {
        { "yes", &option_switch, offsetof(EnrollOptions, yes),
          "join without a question; the fingerprint was compared" },
        { 0 },
};

const Verb verb_enroll = {
        .name = "enroll",
        .arguments = "[INVITATION]",
        .help = "join a network with an invitation, or go on with it",
        VERB_OPTIONS(EnrollOptions, options),
        .bus = true,
        .run = run,
};
