/* SPDX-License-Identifier: MIT */
/* Replies of the services on the bus as JSON. */

#include "api/reply-json.h"

#include "basic/bytes.h"
#include "codec/binary-text.h"

#define KEY_SIZE_MAX 64 /* bytes; those here have 32 or 16 */

typedef struct Member {
        const char *key;  /* on the bus */
        const char *type; /* its signature there */
        int (*add)(Json *json, const char *key, sd_bus_message *reply);
        const char *json; /* NULL: the same key */
} Member;

static int add_string(Json *json, const char *key, sd_bus_message *reply)
{
        const char *value;

        int r = sd_bus_message_read_basic(reply, 's', &value);
        if (r >= 0)
                json_add_string(json, key, value);
        return r;
}

static int add_number(Json *json, const char *key, sd_bus_message *reply)
{
        uint64_t value;

        int r = sd_bus_message_read_basic(reply, 't', &value);
        if (r >= 0)
                json_add_u64(json, key, value);
        return r;
}

/* An exit code or signal; below 0: none. */
static int add_status(Json *json, const char *key, sd_bus_message *reply)
{
        int32_t value;

        int r = sd_bus_message_read_basic(reply, 'i', &value);
        if (r >= 0 && value >= 0)
                json_add_u64(json, key, (uint64_t) value);
        else if (r >= 0)
                json_add_null(json, key);
        return r;
}

static int add_time(Json *json, const char *key, sd_bus_message *reply)
{
        uint64_t value_ms;

        int r = sd_bus_message_read_basic(reply, 't', &value_ms);
        if (r >= 0)
                json_add_time(json, key,
                              value_ms < USEC_INFINITY / USEC_PER_MSEC ? value_ms * USEC_PER_MSEC : 0);
        return r;
}

static int add_bytes(Json *json, const char *key, sd_bus_message *reply,
                     void (*format)(Bytes bytes, char *ret_text))
{
        char text[2 * KEY_SIZE_MAX + 1] = "";
        const void *data;
        size_t size;

        int r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r < 0)
                return r;
        if (size > KEY_SIZE_MAX)
                return -EBADMSG;

        format((Bytes){ data, size }, text);
        json_add_string(json, key, size > 0 ? text : NULL);
        return 0;
}

static int add_key(Json *json, const char *key, sd_bus_message *reply)
{
        return add_bytes(json, key, reply, base64_format);
}

static int add_hex(Json *json, const char *key, sd_bus_message *reply)
{
        return add_bytes(json, key, reply, hex_format);
}

static int add_bool(Json *json, const char *key, sd_bus_message *reply)
{
        int value;

        int r = sd_bus_message_read_basic(reply, 'b', &value);
        if (r >= 0)
                json_add_bool(json, key, value);
        return r;
}

static int add_strings(Json *json, const char *key, sd_bus_message *reply)
{
        const char *value;

        int r = sd_bus_message_enter_container(reply, 'a', "s");
        if (r < 0)
                return r;

        json_open_array(json, key);
        while ((r = sd_bus_message_read_basic(reply, 's', &value)) > 0)
                json_add_string(json, NULL, value);
        json_close_array(json);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int add_rows(Json *json, const char *key, sd_bus_message *reply)
{
        json_open_array(json, key);
        int r = reply_json_add_rows(json, reply);
        json_close_array(json);
        return r;
}

static const Member members[] = {
        { "role", "s", add_string },
        { "network", "s", add_string },
        { "prefix", "s", add_string },
        { "name", "s", add_string },
        { "address", "s", add_string },
        { "hub_address", "s", add_string },
        { "listen_port", "t", add_number },
        { "endpoints", "as", add_strings },
        { "state", "s", add_string },
        { "description", "s", add_string },
        { "problem", "s", add_string },
        { "peers", "t", add_number },
        { "online", "t", add_number },
        { "stale", "t", add_number },
        { "join_state", "s", add_string },
        { "wireguard_key", "ay", add_key },
        { "device_key", "ay", add_key },
        { "chain_id", "ay", add_hex },
        { "presence", "s", add_string },
        { "last_handshake_ms", "t", add_time, "last_handshake_at" },
        { "rx_bytes", "t", add_number },
        { "tx_bytes", "t", add_number },
        { "endpoint", "s", add_string },
        { "keepalive_sec", "t", add_number },
        { "manifest_epoch", "t", add_number },
        { "manifest_version", "t", add_number },
        { "manifest_expires_at_ms", "t", add_time, "manifest_expires_at" },
        { "since_ms", "t", add_time, "since" },
        { "elapsed_usec", "t", add_number },
        { "approving", "t", add_number },
        { "queued", "t", add_number },
        { "running", "t", add_number },
        { "audit_entries", "t", add_number },
        { "witnessed_entries", "t", add_number },
        { "quarantine", "s", add_string },
        { "manifest_problem", "s", add_string },
        { "witness_problem", "s", add_string },
        { "ledger_problem", "s", add_string },
        { "id", "s", add_string },
        { "device", "s", add_string },
        { "capability", "s", add_string },
        { "subject", "s", add_string },
        { "arguments", "s", add_string },
        { "principal", "s", add_string },
        { "reason", "s", add_string },
        { "message", "s", add_string },
        { "tier", "s", add_string },
        { "approvals", "t", add_number },
        { "approvals_needed", "t", add_number },
        { "created_at_ms", "t", add_time, "created_at" },
        { "expires_at_ms", "t", add_time, "expires_at" },
        { "ended_at_ms", "t", add_time, "ended_at" },
        { "exit_code", "i", add_status },
        { "exit_signal", "i", add_status },
        { "request_id", "s", add_string },
        { "as_of_ms", "t", add_time, "as_of" },
        { "truncated", "b", add_bool },
        { "containers", "aa{sv}", add_rows },
        { "image", "s", add_string },
        { "status", "s", add_string },
};

static const Member *find_member(const char *key)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (streq(members[i].key, key))
                        return &members[i];

        return NULL;
}

static int add_member(Json *json, sd_bus_message *reply)
{
        const char *key;

        int r = sd_bus_message_read_basic(reply, 's', &key);
        if (r < 0)
                return r;

        const Member *member = find_member(key);
        if (!member)
                return sd_bus_message_skip(reply, "v");

        r = sd_bus_message_enter_container(reply, 'v', member->type);
        if (r < 0)
                return r == -ENXIO ? -EBADMSG : r;
        r = member->add(json, member->json ?: member->key, reply);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

int reply_json_add_members(Json *json, sd_bus_message *reply)
{
        int r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = add_member(json, reply);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

int reply_json_add_rows(Json *json, sd_bus_message *reply)
{
        int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_at_end(reply, false)) == 0) {
                json_open_object(json, NULL);
                r = reply_json_add_members(json, reply);
                if (r < 0)
                        return r;
                json_close_object(json);
        }

        return r < 0 ? r : sd_bus_message_exit_container(reply);
}
