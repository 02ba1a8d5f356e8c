/* SPDX-License-Identifier: MIT */
/* The two forms of an exported chain. The JSON reader accepts exactly the output of the writer (keys in
 * order, no blanks, two escapes), so it needs no tree; any JSON parser reads the same. */

#include "audit/export.h"

#include <inttypes.h>

#include "basic/utf8.h"
#include "codec/binary-text.h"

#define BINARY_HEAD (8 + SHA256_SIZE + 8 + 2 + 4)

/* ---- writing */

void audit_write_head(AuditForm form, const ChainIdentity *identity, Text *text)
{
        char chain[HEX_SIZE(CHAIN_ID_SIZE)];
        uint8_t length = (uint8_t) strlen(identity->device);

        if (form == AUDIT_FORM_JSON) {
                hex_format(BYTES_OF(identity->chain.bytes), chain);
                text_appendf(text, "{\"v\":1,\"device\":\"%s\",\"chain_id\":\"%s\"}\n", identity->device,
                             chain);
                return;
        }

        text_append(text, AUDIT_MAGIC);
        text_append_bytes(text, &length, 1);
        text_append(text, identity->device);
        text_append_bytes(text, identity->chain.bytes, CHAIN_ID_SIZE);
}

static void write_binary(const AuditEntry *entry, Text *text)
{
        uint8_t head[BINARY_HEAD], *at = head;

        at = put_be64(at, entry->seq);
        at = put_bytes(at, entry->prev.bytes, SHA256_SIZE);
        at = put_be64(at, entry->time_ms);
        at = put_be16(at, entry->type);
        (void) put_be32(at, (uint32_t) entry->body.size);
        text_append_bytes(text, head, sizeof head);
        text_append_bytes(text, entry->body.data, entry->body.size);
        text_append_bytes(text, entry->hash.bytes, SHA256_SIZE);
}

/* Whether the body is written as text; otherwise, and only then, in base64. */
static bool is_clean(Bytes text)
{
        uint32_t code;

        for (size_t at = 0, n; at < text.size; at += n) {
                n = utf8_decode(text.data + at, text.size - at, &code);
                if (n == 0 || utf8_is_control(code))
                        return false;
        }

        return true;
}

static void write_base64(Bytes body, Text *text)
{
        char *encoded = malloc(BASE64_SIZE(body.size));

        if (!encoded) {
                text->error = -ENOMEM;
                return;
        }

        base64_format(body, encoded);
        text_appendf(text, ",\"body_b64\":\"%s\"}\n", encoded);
        free(encoded);
}

static void write_body(Bytes body, Text *text)
{
        _cleanup_(freep) char *copy = NULL;

        if (!is_clean(body)) {
                write_base64(body, text);
                return;
        }
        copy = strndup((const char *) body.data, body.size);
        if (!copy) {
                text->error = -ENOMEM;
                return;
        }

        text_append(text, ",\"body\":\"");
        for (const char *at = copy; *at != '\0';) {
                size_t plain = strcspn(at, "\"\\");

                text_append_bytes(text, at, plain);
                at += plain;
                if (*at != '\0')
                        text_append_bytes(text, (char[]){ '\\', *at++ }, 2);
        }
        text_append(text, "\"}\n");
}

void audit_write_entry(AuditForm form, const AuditEntry *entry, Text *text)
{
        char prev[HEX_SIZE(SHA256_SIZE)], hash[HEX_SIZE(SHA256_SIZE)];

        if (form == AUDIT_FORM_BINARY) {
                write_binary(entry, text);
                return;
        }

        hex_format(BYTES_OF(entry->prev.bytes), prev);
        hex_format(BYTES_OF(entry->hash.bytes), hash);
        text_appendf(text,
                     "{\"seq\":%" PRIu64 ",\"ts_ms\":%" PRIu64
                     ",\"type\":%u,\"name\":\"%s\",\"prev\":\"%s\","
                     "\"hash\":\"%s\"",
                     entry->seq, entry->time_ms, entry->type, audit_type_name(entry->type), prev, hash);
        write_body(entry->body, text);
}

/* ---- reading: the first mismatch sticks */

typedef struct Cursor {
        uint8_t *at, *end;
        bool bad;
} Cursor;

static bool take(Cursor *cursor, const char *text)
{
        size_t length = strlen(text);

        if (cursor->bad || (size_t) (cursor->end - cursor->at) < length ||
            memcmp(cursor->at, text, length) != 0) {
                cursor->bad = true;
                return false;
        }

        cursor->at += length;
        return true;
}

/* No leading zeros. */
static uint64_t take_number(Cursor *cursor)
{
        uint64_t value = 0;
        uint8_t *start = cursor->at;

        while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
                uint64_t digit = *cursor->at - '0';

                if (value > (UINT64_MAX - digit) / 10)
                        cursor->bad = true;
                value = value * 10 + digit;
                cursor->at++;
        }
        if (cursor->at == start || (*start == '0' && cursor->at - start > 1))
                cursor->bad = true;

        return value;
}

static void take_hex(Cursor *cursor, uint8_t *bytes, size_t size)
{
        if (cursor->bad || (size_t) (cursor->end - cursor->at) < size * 2 ||
            hex_decode(BYTES(cursor->at, size * 2), bytes, size) < 0) {
                cursor->bad = true;
                return;
        }

        cursor->at += size * 2;
}

/* Up to the quote, unescaped in place. */
static Bytes take_body(Cursor *cursor)
{
        uint8_t *start = cursor->at, *to = cursor->at;
        bool plain = true;

        while (!cursor->bad && cursor->at < cursor->end && *cursor->at != '"') {
                if (*cursor->at == '\\') {
                        cursor->at++;
                        cursor->bad =
                                cursor->at == cursor->end || (*cursor->at != '"' && *cursor->at != '\\');
                }
                if (cursor->bad || *cursor->at < ' ')
                        break;
                plain = plain && *cursor->at < 0x7f;
                *to++ = *cursor->at++;
        }

        Bytes body = BYTES(start, (size_t) (to - start));
        cursor->bad = cursor->bad || (!plain && !is_clean(body));
        return body;
}

static Bytes take_base64_body(Cursor *cursor)
{
        uint8_t *start = cursor->at, *quote = memchr(start, '"', (size_t) (cursor->end - start)), *bytes;
        size_t size;

        if (!quote) {
                cursor->bad = true;
                return BYTES_NULL;
        }

        *quote = '\0';
        cursor->at = quote;
        if (base64_parse((const char *) start, AUDIT_BODY_MAX * 2, &bytes, &size) < 0)
                cursor->bad = true;
        else {
                memcpy(start, bytes, size); /* shorter than the base64 */
                free(bytes);
        }
        *quote = '"';
        if (cursor->bad)
                return BYTES_NULL;

        cursor->bad = is_clean(BYTES(start, size));
        return BYTES(start, size);
}

static void take_json_entry(Cursor *cursor, AuditEntry *entry)
{
        take(cursor, "{\"seq\":");
        entry->seq = take_number(cursor);
        take(cursor, ",\"ts_ms\":");
        entry->time_ms = take_number(cursor);
        take(cursor, ",\"type\":");
        uint64_t type = take_number(cursor);
        cursor->bad = cursor->bad || type > UINT16_MAX;
        entry->type = (uint16_t) type;
        take(cursor, ",\"name\":\"");
        take(cursor, audit_type_name(entry->type));
        take(cursor, "\",\"prev\":\"");
        take_hex(cursor, entry->prev.bytes, SHA256_SIZE);
        take(cursor, "\",\"hash\":\"");
        take_hex(cursor, entry->hash.bytes, SHA256_SIZE);
        take(cursor, "\",\"body");
        if (!cursor->bad && cursor->at < cursor->end && *cursor->at == '_') {
                take(cursor, "_b64\":\"");
                entry->body = cursor->bad ? BYTES_NULL : take_base64_body(cursor);
        } else {
                take(cursor, "\":\"");
                entry->body = take_body(cursor);
        }
        take(cursor, "\"}");
}

/* The end of the first line. NULL: incomplete. */
static uint8_t *end_of_line(uint8_t *bytes, size_t size)
{
        return size > 0 ? memchr(bytes, '\n', size) : NULL;
}

static int read_json_entry(uint8_t *bytes, size_t size, size_t *ret_used, AuditEntry *ret_entry)
{
        uint8_t *end = end_of_line(bytes, size);
        Cursor cursor = { bytes, end, false };

        if (!end)
                return size > AUDIT_RECORD_MAX ? AUDIT_NEXT_MALFORMED : AUDIT_NEXT_PART;

        take_json_entry(&cursor, ret_entry);
        if (cursor.bad || cursor.at != end)
                return AUDIT_NEXT_MALFORMED;

        *ret_used = (size_t) (end - bytes) + 1;
        return AUDIT_NEXT_ENTRY;
}

static uint64_t get_be(const uint8_t *at, size_t size)
{
        uint64_t value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | at[i];

        return value;
}

static int read_binary_entry(uint8_t *bytes, size_t size, size_t *ret_used, AuditEntry *ret_entry)
{
        if (size < BINARY_HEAD)
                return AUDIT_NEXT_PART;

        size_t length = (size_t) get_be(bytes + BINARY_HEAD - 4, 4);
        if (length > AUDIT_BODY_MAX)
                return AUDIT_NEXT_MALFORMED;
        if (size < BINARY_HEAD + length + SHA256_SIZE)
                return AUDIT_NEXT_PART;

        ret_entry->seq = get_be(bytes, 8);
        memcpy(ret_entry->prev.bytes, bytes + 8, SHA256_SIZE);
        ret_entry->time_ms = get_be(bytes + 8 + SHA256_SIZE, 8);
        ret_entry->type = (uint16_t) get_be(bytes + 16 + SHA256_SIZE, 2);
        ret_entry->body = BYTES(bytes + BINARY_HEAD, length);
        memcpy(ret_entry->hash.bytes, bytes + BINARY_HEAD + length, SHA256_SIZE);
        *ret_used = BINARY_HEAD + length + SHA256_SIZE;
        return AUDIT_NEXT_ENTRY;
}

int audit_read_entry(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used, AuditEntry *ret_entry)
{
        return form == AUDIT_FORM_JSON ? read_json_entry(bytes, size, ret_used, ret_entry)
                                       : read_binary_entry(bytes, size, ret_used, ret_entry);
}

static int read_json_head(uint8_t *bytes, size_t size, size_t *ret_used, ChainIdentity *ret_identity)
{
        uint8_t *end = end_of_line(bytes, size), *name;
        Cursor cursor = { bytes, end, false };

        if (!end)
                return AUDIT_NEXT_PART;

        take(&cursor, "{\"v\":1,\"device\":\"");
        name = cursor.at;
        while (!cursor.bad && cursor.at < end && *cursor.at != '"')
                cursor.at++;
        size_t length = (size_t) (cursor.at - name);
        if (length >= DEVICE_NAME_SIZE)
                return AUDIT_NEXT_MALFORMED;
        memcpy(ret_identity->device, name, length);
        ret_identity->device[length] = '\0';
        take(&cursor, "\",\"chain_id\":\"");
        take_hex(&cursor, ret_identity->chain.bytes, CHAIN_ID_SIZE);
        take(&cursor, "\"}");
        if (cursor.bad || cursor.at != end || !device_name_valid(ret_identity->device))
                return AUDIT_NEXT_MALFORMED;

        *ret_used = (size_t) (end - bytes) + 1;
        return AUDIT_NEXT_ENTRY;
}

static int read_binary_head(const uint8_t *bytes, size_t size, size_t *ret_used, ChainIdentity *ret_identity)
{
        if (size < AUDIT_MAGIC_SIZE + 1)
                return AUDIT_NEXT_PART;

        size_t length = bytes[AUDIT_MAGIC_SIZE];
        if (memcmp(bytes, AUDIT_MAGIC, AUDIT_MAGIC_SIZE) != 0 || length >= DEVICE_NAME_SIZE)
                return AUDIT_NEXT_MALFORMED;
        if (size < AUDIT_MAGIC_SIZE + 1 + length + CHAIN_ID_SIZE)
                return AUDIT_NEXT_PART;

        memcpy(ret_identity->device, bytes + AUDIT_MAGIC_SIZE + 1, length);
        ret_identity->device[length] = '\0';
        memcpy(ret_identity->chain.bytes, bytes + AUDIT_MAGIC_SIZE + 1 + length, CHAIN_ID_SIZE);
        if (strlen(ret_identity->device) != length || !device_name_valid(ret_identity->device))
                return AUDIT_NEXT_MALFORMED;

        *ret_used = AUDIT_MAGIC_SIZE + 1 + length + CHAIN_ID_SIZE;
        return AUDIT_NEXT_ENTRY;
}

int audit_read_head(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used,
                    ChainIdentity *ret_identity)
{
        return form == AUDIT_FORM_JSON ? read_json_head(bytes, size, ret_used, ret_identity)
                                       : read_binary_head(bytes, size, ret_used, ret_identity);
}
