/* SPDX-License-Identifier: MIT */
/* devboxctl: the table of verbs. */

#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"
#include "ctl/command-line.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

/* In the order of --help; the first one runs without a command. */
static const Verb *const verbs[] = {
        &verb_status,
        &verb_system,
        &verb_services,
        &verb_health,
        &verb_config_check,
        &verb_selftest,
        &verb_hub_init,
        &verb_invite,
        &verb_pending,
        &verb_admit,
        &verb_enroll,
        &verb_leave,
        &verb_peers,
        &verb_peer_show,
        &verb_peer_set,
        &verb_revoke,
        &verb_drift,
        &verb_doctor,
        &verb_fleet,
        &verb_capabilities,
        &verb_run,
        &verb_containers,
        &verb_requests,
        &verb_request_show,
        &verb_request_cancel,
        &verb_approvals,
        &verb_approve,
        &verb_deny,
        &verb_replay_test,
        &verb_matrix_login,
        &verb_matrix_status,
        &verb_matrix_rooms,
        &verb_matrix_identity,
        &verb_matrix_verify,
        &verb_matrix_logout,
        &verb_operator_init,
        &verb_operator_keygen,
        &verb_operator_sign,
        &verb_operator_show,
        &verb_operator_export_pub,
        &verb_operator_rotate,
        &verb_manifest_sign,
        &verb_manifest_verify,
        &verb_manifest_show,
        &verb_manifest_diff,
        &verb_manifest_lint,
        &verb_manifest_ceiling,
        &verb_manifest_publish,
        &verb_person_add,
        &verb_person_list,
        &verb_person_remove,
        &verb_audit_verify,
        &verb_audit_show,
        &verb_audit_tail,
        &verb_audit_export,
        &verb_device_status,
        &verb_device_key,
        &verb_device_enroll,
        &verb_device_install,
        &verb_device_reload,
        &verb_device_accept_clock,
        &verb_device_grant,
        &verb_device_reset,
        &verb_help,
        &verb_complete,
        NULL,
};

/* Source: https://no-color.org */
static bool colour_is_wanted(void)
{
        const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && !streq(terminal, "dumb");
}

/* Prints why a verb failed, and writes what is still buffered. Returns the exit status. */
static int finish(const Ctl *ctl, int r)
{
        int status = r == 0 || ctl->status != CTL_OK ? ctl->status : CTL_PROBLEM;

        if (r > 0)
                r = print_problem(ctl, (DevboxError) r);
        if (r == 0 && fflush(stdout) != 0)
                r = -errno;
        if (r == 0)
                return status;

        (void) fprintf(stderr, "devboxctl: %s%s\n",
                       ferror(stdout) ? "cannot write to standard output: " : "", strerror(-r));
        return CTL_PROBLEM;
}

int main(int argc, char *argv[])
{
        Ctl ctl = { .verbs = verbs,
                    .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                    .colour = colour_is_wanted() };

        int status = finish(&ctl, ctl_run(&ctl, argc, argv));
        sd_bus_flush_close_unref(ctl.bus);
        free(ctl.problem);
        return status;
}
