/* SPDX-License-Identifier: MIT */
/* Our errors as D-Bus errors, and back. */

#include "bus/error.h"

#include "test.h"

static void test_a_reason_has_its_name_and_sentence(void **state)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(bus_error_set(&error, i, NULL) < 0); /* a vtable handler returns it */
                assert_string_equal(error.name, devbox_error_bus_name((DevboxError) i));
                assert_string_equal(error.message, devbox_error_sentence((DevboxError) i));
                assert_int_equal(bus_error_reason(&error, DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
                                                  DEVBOX_ERROR_COLLECTOR_TIMEOUT),
                                 i);
        }
}

static void test_a_detail_follows_the_sentence(void **state)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        assert_true(bus_error_set(&error, DEVBOX_ERROR_BUSY, "64 calls 100%s") < 0);
        assert_true(startswith(error.message, devbox_error_sentence(DEVBOX_ERROR_BUSY)));
        assert_true(endswith(error.message, ": 64 calls 100%s"));
}

static void test_an_errno_has_no_details(void **state)
{
        static const int rows[] = { -ENOMEM, -EIO, 0, 100000 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                assert_true(bus_error_set(&error, rows[i], NULL) < 0);
                assert_string_equal(error.name, "org.devbox.Error.InternalError");
        }
}

static void test_errors_of_the_bus_have_a_reason(void **state)
{
        static const struct {
                const char *name, *message;
                DevboxError reason;
        } rows[] = {
                { "org.freedesktop.DBus.Error.ServiceUnknown", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.NameHasNoOwner", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.Disconnected", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.UnknownMethod", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.systemd1.LoadFailed", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.devbox.Error.FromTheFuture", "x", DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.Timeout", "x", DEVBOX_ERROR_COLLECTOR_TIMEOUT },
                { "org.freedesktop.DBus.Error.TimedOut", "x", DEVBOX_ERROR_COLLECTOR_TIMEOUT },
                { "org.freedesktop.DBus.Error.AccessDenied", "x", DEVBOX_ERROR_ACCESS_DENIED },
                { "org.freedesktop.DBus.Error.NoReply", NULL, DEVBOX_ERROR_COLLECTOR_TIMEOUT },
                { "org.freedesktop.DBus.Error.NoReply", "Method call timed out", /* sd-bus */
                  DEVBOX_ERROR_COLLECTOR_TIMEOUT },
                { "org.freedesktop.DBus.Error.NoReply", /* dbus-daemon: the callee exited */
                  "Message recipient disconnected from message bus without replying",
                  DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { "org.freedesktop.DBus.Error.NoReply", "Remote peer disconnected", /* dbus-broker */
                  DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
                { NULL, NULL, DEVBOX_ERROR_COLLECTOR_UNAVAILABLE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(rows[i].name, rows[i].message);

                assert_int_equal(bus_error_reason(&error, DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
                                                  DEVBOX_ERROR_COLLECTOR_TIMEOUT),
                                 rows[i].reason);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_reason_has_its_name_and_sentence),
                cmocka_unit_test(test_a_detail_follows_the_sentence),
                cmocka_unit_test(test_an_errno_has_no_details),
                cmocka_unit_test(test_errors_of_the_bus_have_a_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
