/* SPDX-License-Identifier: MIT */
/* Reads what devices answer. */

#include "dispatch/device-json.h"

#include <stdio.h>

#include "basic/macro.h"
#include "basic/utf8.h"
#include "codec/binary-text.h"

#define BODY_MAX  (128 * 1024) /* of an entry */
#define HASH_SIZE 32

int device_json_error_reason(const cJSON *response)
{
        const char *code = device_json_text(cJSON_GetObjectItemCaseSensitive(response, "error"), "code");
        DevboxError reason = DEVBOX_ERROR_MESH_UNREACHABLE;

        return code && devbox_error_from_code(code, &reason) == 0 ? (int) reason : DEVBOX_ERROR_INTERNAL;
}

int device_json_reason(Bytes body)
{
        _cleanup_(device_json_freep) cJSON *tree =
                cJSON_ParseWithLength((const char *) body.data, body.size);

        return device_json_error_reason(tree);
}

int device_json_answer(Bytes json, DeviceAnswer *ret_answer)
{
        _cleanup_(device_json_freep) cJSON *tree =
                cJSON_ParseWithLength((const char *) json.data, json.size);
        const char *outcome = device_json_text(tree, "outcome"), *reason = device_json_text(tree, "reason"),
                   *message = device_json_text(tree, "message");
        DevboxError error = DEVBOX_ERROR_INTERNAL;

        if (!outcome)
                return -EPROTO;

        *ret_answer = (DeviceAnswer){ .denied = streq(outcome, "denied") };
        if (reason)
                ret_answer->reason =
                        devbox_error_from_code(reason, &error) == 0 ? (int) error : DEVBOX_ERROR_INTERNAL;
        if (message && strlen(message) < sizeof ret_answer->message && utf8_is_visible(message))
                (void) snprintf(ret_answer->message, sizeof ret_answer->message, "%s", message);
        return 0;
}

/* ---- entries */

static int append_bytes(sd_bus_message *message, const cJSON *item, size_t max)
{
        const char *text = cJSON_GetStringValue(item);
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size = 0;

        int r = text ? base64_parse(text, max, &bytes, &size) : -EBADMSG;
        return r < 0 ? r : sd_bus_message_append_array(message, 'y', bytes, size);
}

/* The chain's numbers are below 2^53. */
static int append_entry(sd_bus_message *message, const cJSON *entry)
{
        const cJSON *seq = cJSON_GetArrayItem(entry, 0), *time = cJSON_GetArrayItem(entry, 1),
                    *type = cJSON_GetArrayItem(entry, 2);

        if (!cJSON_IsNumber(seq) || !cJSON_IsNumber(time) || !cJSON_IsNumber(type) || seq->valuedouble < 0 ||
            time->valuedouble < 0 || type->valuedouble < 0 || type->valuedouble > UINT16_MAX)
                return -EBADMSG;

        int r = sd_bus_message_open_container(message, 'r', "ttqayayay");
        if (r >= 0)
                r = sd_bus_message_append(message, "ttq", (uint64_t) seq->valuedouble,
                                          (uint64_t) time->valuedouble, (uint16_t) type->valuedouble);
        if (r >= 0)
                r = append_bytes(message, cJSON_GetArrayItem(entry, 3), BODY_MAX);
        if (r >= 0)
                r = append_bytes(message, cJSON_GetArrayItem(entry, 4), HASH_SIZE);
        if (r >= 0)
                r = append_bytes(message, cJSON_GetArrayItem(entry, 5), HASH_SIZE);

        return r < 0 ? r : sd_bus_message_close_container(message);
}

int device_json_append_entries(sd_bus_message *message, const cJSON *entries)
{
        const cJSON *entry = NULL;

        int r = sd_bus_message_open_container(message, 'a', "(ttqayayay)");
        cJSON_ArrayForEach(entry, entries)
                if (r >= 0)
                        r = append_entry(message, entry);
        return r < 0 ? r : sd_bus_message_close_container(message);
}
