/* SPDX-License-Identifier: MIT */
#pragma once

/* What the content of an event is to us; it may be anything. */

#include <cjson/cJSON.h>

#include "basic/macro.h"

/* The line of a command, in the content; NULL: it is none. */
const char *message_command(const char *type, const cJSON *content);

/* `event` is as it was received; `content`, its own or what was encrypted in it. */
bool message_is_edit(const cJSON *event, const cJSON *content);
bool message_is_verification(const char *type, const cJSON *content);
