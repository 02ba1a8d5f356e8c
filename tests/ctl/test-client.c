/* SPDX-License-Identifier: MIT */
/* What failed calls mean for a person. The calls themselves are tested on a bus: tests/bus/test-ctl.c. */

#include "ctl/client.h"

#include "test.h"

static const ClientDaemon collector = { .title = "devbox-collector",
                                        .unavailable = DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
                                        .timeout = DEVBOX_ERROR_COLLECTOR_TIMEOUT };

static void test_problems_name_the_remedy(void **state)
{
        static const struct {
                const char *name, *message;
                DevboxError reason;
                const char *problem;
        } rows[] = {
                { "org.freedesktop.DBus.Error.AccessDenied", "Rejected send message, 2 matched rules",
                  DEVBOX_ERROR_ACCESS_DENIED,
                  "this needs root or a member of the group devbox-admin; run: sudo usermod -aG "
                  "devbox-admin $USER, and "
                  "log "
                  "in again" },
                { "org.freedesktop.DBus.Error.ServiceUnknown", "The name is not activatable",
                  DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
                  "devbox-collector does not answer; see: systemctl status devbox-collector" },
                { "org.freedesktop.DBus.Error.NoReply", "Timeout", DEVBOX_ERROR_COLLECTOR_TIMEOUT,
                  "devbox-collector took too long to answer; see: journalctl -u devbox-collector" },
                { "org.devbox.Error.ConfigInvalid", "c.yaml:3: unknown key", DEVBOX_ERROR_CONFIG_INVALID,
                  "c.yaml:3: unknown key" }, /* the component knows more than the table */
                { "org.devbox.Error.SystemdUnavailable", NULL, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
                  "systemd does not answer on the system bus" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(rows[i].name, rows[i].message);
                _cleanup_(freep) char *problem = NULL;

                assert_err(client_problem(&collector, &error, &problem), (int) rows[i].reason);
                assert_string_equal(problem, rows[i].problem);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_problems_name_the_remedy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
