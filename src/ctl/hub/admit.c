/* SPDX-License-Identifier: MIT */
/* devboxctl admit: makes the machine that used an invitation a device of the network. */

#include "ctl/hub/admission.h"
#include "ctl/operator/options.h"
#include "ctl/problem.h"
#include "ctl/verbs.h"

typedef struct AdmitOptions {
        KeySource key;
        const char *manifest, *digits;
        bool yes;
} AdmitOptions;

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(hub_session_done) HubSession session = { 0 };
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        const AdmitOptions *given = options;
        const Progress progress = { ctl, 30 };
        const Admission admission = { &session,        &progress,     args[0],
                                      given->manifest, given->digits, given->yes };
        const MeshPending *pending = NULL;

        int r = hub_session_open(ctl, &given->key, &session);
        if (r == 0)
                r = admission_find(&admission, &rows, &pending);
        if (r != 0)
                return r;
        if (!pending)
                return admission_continue(&admission);
        if (streq(pending->state, "issued"))
                return problem_set(&ctl->problem, DEVBOX_ERROR_NOT_FOUND,
                                   "no machine has used an invitation of %s yet; on the device run: "
                                   "devboxctl enroll",
                                   args[0]);

        return admission_complete(&admission, pending);
}

static const Option options[] = {
        { "manifest", &option_file, offsetof(AdmitOptions, manifest),
          "what the device may do (as before, if it comes back)" },
        { "digits", &option_name, offsetof(AdmitOptions, digits),
          "the six digits on the device's screen, instead of a question" },
        { "yes", &option_switch, offsetof(AdmitOptions, yes),
          "no question, for an invitation that is bound to the device's key" },
        KEY_OPTIONS(AdmitOptions),
        { 0 },
};

const Verb verb_admit = {
        .name = "admit",
        .arguments = "NAME",
        .help = "admit the machine that used an invitation",
        .example = "admit home-wsl --manifest laptop.yaml",
        VERB_OPTIONS(AdmitOptions, options),
        .defaults = &(const AdmitOptions){ .key = KEY_SOURCE_INIT },
        .remote = true,
        .run = run,
};
