/* SPDX-License-Identifier: MIT */
/* devboxctl approve: the decision of whoever runs it, who must be an approver of the device's manifest; or
 * with --sign of whoever has the approver's key, which the device verifies itself. */

#include "ctl/operator/options.h"
#include "ctl/run/decide.h"
#include "ctl/run/request-print.h"
#include "ctl/run/sign-approval.h"
#include "ctl/verbs.h"

typedef struct ApproveOptions {
        KeySource key;
        bool sign, withdraw;
} ApproveOptions;

static int approve_signed(Ctl *ctl, const KeySource *source, const char *id)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        _cleanup_(freep) char *envelope = NULL;

        int r = requests_client_get(ctl->bus, id, &row, &ctl->problem);
        if (r == 0)
                r = sign_approval(ctl, source, row.items, &envelope);
        if (r == 0)
                r = requests_client_approve_signed(ctl->bus, id, envelope, &ctl->problem);
        return r != 0 ? r : decide_print(ctl, id, "approved");
}

static int approve(Ctl *ctl, const char *id)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };

        int r = requests_client_get(ctl->bus, id, &row, &ctl->problem);
        if (r == 0)
                r = print_asked(row.items);
        if (r == 0)
                r = requests_client_decide(ctl->bus, "Approve", ((const RequestRow *) row.items)->id,
                                           &ctl->problem);
        return r != 0 ? r : decide_print(ctl, id, "approved");
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const ApproveOptions *given = options;
        const KeySource source = key_source_named(&given->key, OPERATOR_KEY);

        if (given->sign && given->withdraw)
                return ctl_usage(ctl, "--sign and --withdraw exclude each other");
        if (!given->sign && key_source_is_given(&source))
                return ctl_usage(ctl, "--key and --key-fd go with --sign");

        int r = ctl_open_bus(ctl);
        if (r != 0)
                return r;
        if (given->sign)
                return approve_signed(ctl, &source, args[0]);
        return given->withdraw ? decide(ctl, "Withdraw", args[0], "no longer approved by you")
                               : approve(ctl, args[0]);
}

static const Option options[] = {
        { "withdraw", &option_switch, offsetof(ApproveOptions, withdraw),
          "take your approval back; a request that was approved is cancelled" },
        { "sign", &option_switch, offsetof(ApproveOptions, sign),
          "sign with your own key, for the tier signed" },
        DIRECTORY_OPTION(offsetof(ApproveOptions, key.dir)),
        { "key", &option_file, offsetof(ApproveOptions, key.path),
          "your key; - reads a seed from standard input" },
        { "key-fd", &option_fd, offsetof(ApproveOptions, key.fd),
          "read your key or seed from this descriptor" },
        PASSPHRASE_OPTION(ApproveOptions),
        { 0 },
};

const Verb verb_approve = {
        .name = "approve",
        .arguments = "ID",
        .help = "approve a request",
        .example = "approve 7KQ2PD",
        VERB_OPTIONS(ApproveOptions, options),
        .defaults = &(const ApproveOptions){ .key = KEY_SOURCE_INIT },
        .remote = true,
        .run = run,
};
