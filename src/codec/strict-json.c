/* SPDX-License-Identifier: MIT */
/* JSON as signed things are written in: one pass over the bytes that checks them and builds the tree, so
 * that what was checked and what is used can never be two readings. */

#include "codec/strict-json.h"

#include <inttypes.h>

#include "basic/text.h"
#include "basic/utf8.h"

typedef struct Reader {
        const uint8_t *data;
        size_t size, at;
        size_t n_values;
        unsigned depth;
        const char *why; /* NULL after a failure: out of memory */
} Reader;

static cJSON *read_value(Reader *reader);

static void *fail(Reader *reader, const char *why)
{
        reader->why = why;
        return NULL;
}

static int peek(const Reader *reader)
{
        return reader->at < reader->size ? reader->data[reader->at] : -1;
}

static void skip_blanks(Reader *reader)
{
        int c;

        while (c = peek(reader), c == ' ' || c == '\t' || c == '\n' || c == '\r')
                reader->at++;
}

static size_t utf8_encode(uint32_t code, char *at)
{
        if (code < 0x80) {
                at[0] = (char) code;
                return 1;
        }
        if (code < 0x800) {
                at[0] = (char) (0xc0 | code >> 6);
                at[1] = (char) (0x80 | (code & 0x3f));
                return 2;
        }
        if (code < 0x10000) {
                at[0] = (char) (0xe0 | code >> 12);
                at[1] = (char) (0x80 | (code >> 6 & 0x3f));
                at[2] = (char) (0x80 | (code & 0x3f));
                return 3;
        }

        at[0] = (char) (0xf0 | code >> 18);
        at[1] = (char) (0x80 | (code >> 12 & 0x3f));
        at[2] = (char) (0x80 | (code >> 6 & 0x3f));
        at[3] = (char) (0x80 | (code & 0x3f));
        return 4;
}

/* Four hexadecimal digits. */
static int read_hex4(Reader *reader, uint32_t *ret_code)
{
        uint32_t code = 0;

        for (int i = 0; i < 4; i++, reader->at++) {
                int c = peek(reader);

                if (c >= '0' && c <= '9')
                        code = code << 4 | (uint32_t) (c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        code = code << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
                else
                        return -EBADMSG;
        }

        *ret_code = code;
        return 0;
}

/* What follows a backslash. */
static int read_escape(Reader *reader, uint32_t *ret_code)
{
        uint32_t code, low;
        int c = peek(reader);

        reader->at++;
        if (c == '"' || c == '\\' || c == '/') {
                *ret_code = (uint32_t) c;
                return 0;
        }
        if (c != 'u' || read_hex4(reader, &code) < 0)
                return -EBADMSG; /* \b \f \n \r \t are control characters anyway */

        if (code >= 0xd800 && code <= 0xdbff) {
                if (peek(reader) != '\\' || reader->at + 1 >= reader->size ||
                    reader->data[reader->at + 1] != 'u')
                        return -EBADMSG;
                reader->at += 2;
                if (read_hex4(reader, &low) < 0 || low < 0xdc00 || low > 0xdfff)
                        return -EBADMSG;
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xdc00 && code <= 0xdfff)
                return -EBADMSG;

        *ret_code = code;
        return 0;
}

/* The decoded string at the cursor; the caller frees it. */
static char *read_string(Reader *reader)
{
        size_t end, length = 0;

        if (peek(reader) != '"')
                return fail(reader, "a string was expected");
        reader->at++;

        for (end = reader->at; end < reader->size && reader->data[end] != '"'; end++)
                if (reader->data[end] == '\\')
                        end++;
        if (end >= reader->size)
                return fail(reader, "a string does not end");

        /* Decoding never makes it longer. */
        _cleanup_(freep) char *string = malloc(end - reader->at + 1);
        if (!string)
                return NULL;

        while (peek(reader) != '"') {
                uint32_t code;

                if (peek(reader) == '\\') {
                        reader->at++;
                        if (read_escape(reader, &code) < 0)
                                return fail(reader, "an escape that is not allowed");
                } else {
                        size_t n = utf8_decode(reader->data + reader->at, reader->size - reader->at, &code);
                        if (n == 0)
                                return fail(reader, "not UTF-8");
                        reader->at += n;
                }
                if (utf8_is_control(code))
                        return fail(reader, "a control character in a string");

                length += utf8_encode(code, string + length);
        }

        reader->at++;
        string[length] = '\0';
        return TAKE_PTR(string);
}

static cJSON *read_integer(Reader *reader)
{
        bool negative = peek(reader) == '-';
        int64_t value = 0;

        if (negative)
                reader->at++;

        size_t first = reader->at;
        for (int c; c = peek(reader), c >= '0' && c <= '9'; reader->at++) {
                value = value * 10 + (c - '0');
                if (value > STRICT_JSON_INTEGER)
                        return fail(reader, "an integer beyond 2^53 - 1");
        }

        if (reader->at == first)
                return fail(reader, "a value was expected");
        if (reader->data[first] == '0' && (negative || reader->at > first + 1))
                return fail(reader, "an integer with a leading zero or a signed zero");

        return cJSON_CreateNumber((double) (negative ? -value : value));
}

static cJSON *read_word(Reader *reader, const char *word, cJSON *(*create)(void) )
{
        size_t length = strlen(word);

        if (reader->size - reader->at < length || memcmp(reader->data + reader->at, word, length) != 0)
                return fail(reader, "a value was expected");

        reader->at += length;
        return create();
}

static bool has_key(const cJSON *object, const char *key)
{
        const cJSON *member;

        cJSON_ArrayForEach(member, object) {
                if (streq(member->string, key))
                        return true;
        }

        return false;
}

/* One `"key": value` into the object. */
static bool read_member(Reader *reader, cJSON *object, size_t n_before)
{
        _cleanup_(freep) char *key = read_string(reader);
        if (!key)
                return false;
        if (has_key(object, key))
                return fail(reader, "a key stands twice in one object");
        if (n_before >= STRICT_JSON_MEMBERS)
                return fail(reader, "too many keys in one object");

        skip_blanks(reader);
        if (peek(reader) != ':')
                return fail(reader, "a colon was expected");
        reader->at++;

        cJSON *value = read_value(reader);
        if (!value)
                return false;
        if (!cJSON_AddItemToObject(object, key, value)) {
                cJSON_Delete(value);
                return fail(reader, NULL);
        }

        return true;
}

static bool read_element(Reader *reader, cJSON *array, _unused_ size_t n_before)
{
        cJSON *value = read_value(reader);
        if (!value)
                return false;

        (void) cJSON_AddItemToArray(array, value); /* fails for NULL only */
        return true;
}

/* An object or an array, whose opening bracket is at the cursor. */
static cJSON *read_container(Reader *reader, cJSON *container, int closing,
                             bool (*read_one)(Reader *, cJSON *, size_t))
{
        _cleanup_(json_deletep) cJSON *owned = container;

        if (!owned)
                return NULL;
        if (++reader->depth > STRICT_JSON_DEPTH)
                return fail(reader, "nested too deeply");
        reader->at++;

        for (size_t n = 0;; n++) {
                skip_blanks(reader);
                if (n == 0 && peek(reader) == closing)
                        break;
                if (!read_one(reader, owned, n))
                        return NULL;

                skip_blanks(reader);
                if (peek(reader) == closing)
                        break;
                if (peek(reader) != ',')
                        return fail(reader, "a comma or a closing bracket was expected");
                reader->at++;
        }

        reader->at++;
        reader->depth--;
        return TAKE_PTR(owned);
}

static cJSON *read_value(Reader *reader)
{
        if (++reader->n_values > STRICT_JSON_VALUES)
                return fail(reader, "too many values");

        skip_blanks(reader);

        switch (peek(reader)) {
        case '{':
                return read_container(reader, cJSON_CreateObject(), '}', read_member);
        case '[':
                return read_container(reader, cJSON_CreateArray(), ']', read_element);
        case '"': {
                _cleanup_(freep) char *string = read_string(reader);

                return string ? cJSON_CreateString(string) : NULL;
        }
        case 't':
                return read_word(reader, "true", cJSON_CreateTrue);
        case 'f':
                return read_word(reader, "false", cJSON_CreateFalse);
        case 'n':
                return read_word(reader, "null", cJSON_CreateNull);
        default:
                return read_integer(reader);
        }
}

static int refuse(const Reader *reader, int error, JsonFault *ret_fault)
{
        if (ret_fault)
                *ret_fault = (JsonFault){ .at = reader->at, .why = reader->why };
        return error;
}

int strict_json_parse(Bytes text, size_t max, cJSON **ret_tree, JsonFault *ret_fault)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;
        Reader reader = { .data = text.data, .size = text.size };

        if (text.size > max) {
                reader.why = "larger than allowed";
                return refuse(&reader, -EFBIG, ret_fault);
        }

        skip_blanks(&reader);
        if (peek(&reader) != '{') {
                reader.why = "not an object";
                return refuse(&reader, -EBADMSG, ret_fault);
        }

        tree = read_value(&reader);
        if (!tree && !reader.why)
                return -ENOMEM;

        skip_blanks(&reader);
        if (tree && reader.at != reader.size)
                reader.why = "something follows the object";
        if (reader.why)
                return refuse(&reader, -EBADMSG, ret_fault);

        *ret_tree = TAKE_PTR(tree);
        return 0;
}

bool strict_json_text_valid(const char *text)
{
        const uint8_t *at = (const uint8_t *) text;
        size_t left = strlen(text), n;
        uint32_t code;

        for (; left > 0; at += n, left -= n) {
                n = utf8_decode(at, left, &code);
                if (n == 0 || utf8_is_control(code))
                        return false;
        }

        return true;
}

static int write_value(Text *text, const cJSON *value, unsigned depth);

static int write_string(Text *text, const char *string)
{
        if (!strict_json_text_valid(string))
                return -EBADMSG;

        text_append(text, "\"");
        for (size_t n; *string != '\0'; string += n) {
                n = strcspn(string, "\"\\");
                text_append_bytes(text, string, n);
                if (string[n] != '\0')
                        text_appendf(text, "\\%c", string[n++]);
        }
        text_append(text, "\"");
        return 0;
}

static int write_integer(Text *text, double value)
{
        if (!(value >= -(double) STRICT_JSON_INTEGER && value <= (double) STRICT_JSON_INTEGER) ||
            (double) (int64_t) value != value)
                return -EBADMSG;

        text_appendf(text, "%" PRId64, (int64_t) value);
        return 0;
}

static int write_container(Text *text, const cJSON *container, unsigned depth)
{
        bool is_object = cJSON_IsObject(container);
        const cJSON *child;

        if (depth > STRICT_JSON_DEPTH)
                return -EBADMSG;

        text_append(text, is_object ? "{" : "[");
        cJSON_ArrayForEach(child, container) {
                int r = 0;

                if (child != container->child)
                        text_append(text, ",");
                if (is_object) {
                        r = write_string(text, child->string);
                        text_append(text, ":");
                }
                if (r == 0)
                        r = write_value(text, child, depth);
                if (r < 0)
                        return r;
        }
        text_append(text, is_object ? "}" : "]");
        return 0;
}

static int write_value(Text *text, const cJSON *value, unsigned depth)
{
        if (cJSON_IsObject(value) || cJSON_IsArray(value))
                return write_container(text, value, depth + 1);
        if (cJSON_IsString(value))
                return write_string(text, value->valuestring);
        if (cJSON_IsNumber(value))
                return write_integer(text, value->valuedouble);
        if (!cJSON_IsBool(value) && !cJSON_IsNull(value))
                return -EBADMSG;

        text_append(text, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
        return 0;
}

int strict_json_format(const cJSON *tree, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        int r = write_value(&text, tree, 0);
        if (r < 0)
                return r;

        return text_take(&text, ret_text, NULL);
}
