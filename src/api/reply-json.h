/* SPDX-License-Identifier: MIT */
#pragma once

/* Replies of the services on the bus as JSON. A member is in the reply or absent from the JSON, too; times
 * are RFC 3339, keys base64 as in wg(8), chain ids hexadecimal. */

#include <systemd/sd-bus.h>

#include "codec/json.h"

/* Writes the members of one a{sv}, or of each in one aa{sv} as objects, in an object or array that is open.
 * Members that are not in the table are skipped. Errors: -EBADMSG a member has another type; those of
 * sd-bus.
 */
int reply_json_add_members(Json *json, sd_bus_message *reply);
int reply_json_add_rows(Json *json, sd_bus_message *reply);
