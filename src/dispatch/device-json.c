/* SPDX-License-Identifier: MIT */
/* Reads what devices answer. */

#include "dispatch/device-json.h"

#include <stdio.h>

#include "basic/macro.h"
#include "basic/utf8.h"
#include "codec/binary-text.h"
#include "codec/strict-json.h"

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

static int read_number(const cJSON *item, int64_t max, uint64_t *ret_number)
{
        if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > (double) max)
                return -EBADMSG;
        *ret_number = (uint64_t) item->valuedouble;
        return 0;
}

static int append_entry(sd_bus_message *message, const cJSON *entry)
{
        uint64_t seq, time_ms, type;

        if (read_number(cJSON_GetArrayItem(entry, 0), STRICT_JSON_INTEGER, &seq) < 0 ||
            read_number(cJSON_GetArrayItem(entry, 1), STRICT_JSON_INTEGER, &time_ms) < 0 ||
            read_number(cJSON_GetArrayItem(entry, 2), UINT16_MAX, &type) < 0)
                return -EBADMSG;

        int r = sd_bus_message_open_container(message, 'r', "ttqayayay");
        if (r >= 0)
                r = sd_bus_message_append(message, "ttq", seq, time_ms, (uint16_t) type);
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
