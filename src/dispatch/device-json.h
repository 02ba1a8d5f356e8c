/* SPDX-License-Identifier: MIT */
#pragma once

/* What devices answer, which is not trusted. */

#include <cjson/cJSON.h>
#include <systemd/sd-bus.h>

#include "basic/bytes.h"
#include "proto/error.h"

#define DEVICE_MESSAGE_SIZE 640

/* A text; NULL: there is none. */
static inline const char *device_json_text(const cJSON *tree, const char *key)
{
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
}

static inline void device_json_freep(cJSON **tree)
{
        cJSON_Delete(*tree);
}

/* The reason in {"error":{"code":…}}, of a response that is no success: as text, or parsed. Unknown ones are
 * DEVBOX_ERROR_INTERNAL, no code at all as well. */
int device_json_reason(Bytes body);
int device_json_error_reason(const cJSON *response);

/* What the device's ledger answered to a request: {"outcome":…}. */
typedef struct DeviceAnswer {
        bool denied;                       /* the device does not have it */
        int reason;                        /* DevboxError; 0: none */
        char message[DEVICE_MESSAGE_SIZE]; /* visible text; empty: none */
} DeviceAnswer;

/* Errors: -EPROTO it has no outcome. */
int device_json_answer(Bytes json, DeviceAnswer *ret_answer);

/* Appends entries of its chain, [seq, time, type, body, prev, hash] each, as an array "(ttqayayay)". Errors:
 * -EBADMSG one is not an entry; those of base64_parse(); -ENOMEM. */
int device_json_append_entries(sd_bus_message *message, const cJSON *entries);
