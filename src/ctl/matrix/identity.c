/* SPDX-License-Identifier: MIT */
/* devboxctl matrix identity: the cross-signing identity that the homeserver has of a user, to compare with
 * what Element shows them. */

#include "ctl/matrix/master-key.h"
#include "ctl/matrix/matrix-client.h"
#include "ctl/print.h"
#include "ctl/verbs.h"
#include "proto/id.h"

static int print_document(const char *user, const MatrixIdentity *identity)
{
        char base64[BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE)];
        _cleanup_(json_done) Json json = JSON_NULL;

        base64_unpadded_format(BYTES_OF(identity->master_key.bytes), base64);
        json_open_object(&json, NULL);
        json_add_string(&json, "user", user);
        json_add_string(&json, "master_key", base64);
        json_add_hex(&json, "msk", BYTES_OF(identity->master_key.bytes));
        json_add_bool(&json, "changed", identity->changed);
        json_close_object(&json);
        return print_json(&json);
}

static int print_identity(const char *user, const MatrixIdentity *identity)
{
        char text[MASTER_KEY_SIZE];

        int r = print_line(stdout, "%s  %s", user, master_key_format(&identity->master_key, text));
        return r < 0 || !identity->changed
                       ? r
                       : print_line(stdout, "A manifest pins another one. If this one is theirs: devboxctl "
                                            "person add NAME, then devboxctl manifest publish --all");
}

static int run(Ctl *ctl, const void *options, char **args)
{
        MatrixIdentity identity;

        if (!mxid_valid(args[0]))
                return ctl_usage(ctl, "matrix identity takes a Matrix user, @NAME:SERVER");

        int r = ctl_open_bus(ctl);
        if (r == 0)
                r = matrix_client_get_identity(ctl->bus, args[0], &identity, &ctl->problem);
        if (r != 0)
                return r;

        ctl->status = identity.changed ? CTL_PROBLEM : CTL_OK;
        return ctl->json ? print_document(args[0], &identity) : print_identity(args[0], &identity);
}

const Verb verb_matrix_identity = {
        .noun = "matrix",
        .name = "identity",
        .arguments = "@USER:SERVER",
        .help = "show the cross-signing identity of a Matrix user",
        .example = "matrix identity @ana:example.org",
        .statuses = "failure, or a manifest pins another identity",
        .remote = true,
        .run = run,
};
