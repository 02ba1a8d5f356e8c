/* SPDX-License-Identifier: MIT */
/* Maps DevboxError to D-Bus errors and back. */

#include "bus/error.h"

int bus_error_set(sd_bus_error *ret_error, int reason, const char *detail)
{
        DevboxError error = reason > 0 ? (DevboxError) reason : DEVBOX_ERROR_INTERNAL;
        const char *sentence = devbox_error_sentence(error);

        if (detail)
                return sd_bus_error_setf(ret_error, devbox_error_bus_name(error), "%s: %s", sentence,
                                         detail);

        return sd_bus_error_set(ret_error, devbox_error_bus_name(error), sentence);
}

/* NoReply is both a deadline that passed, reported by sd-bus, and a callee that left before it replied,
 * which dbus-daemon and dbus-broker report as "disconnected". */
static bool error_is_timeout(const sd_bus_error *error)
{
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return !error->message || !strstr(error->message, "disconnected");

        return sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT) ||
               sd_bus_error_has_name(error, "org.freedesktop.DBus.Error.TimedOut");
}

DevboxError bus_error_reason(const sd_bus_error *error, DevboxError unavailable, DevboxError timeout)
{
        DevboxError ours;

        if (error->name && devbox_error_from_bus_name(error->name, &ours) >= 0)
                return ours;
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                return DEVBOX_ERROR_ACCESS_DENIED;

        return error_is_timeout(error) ? timeout : unavailable;
}
