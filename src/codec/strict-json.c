/* SPDX-License-Identifier: MIT */
/* JSON as signed things are written in: one pass over the bytes that checks them and builds the tree, so
 * that what was checked and what is used can never be two readings.
 *
 * The nodes are cJSON's, but not from its allocator: they stand in blocks, and all strings one behind the
 * other in one piece of memory, which is never larger than the text was. */

#include "codec/strict-json.h"

#include "basic/utf8.h"

#define BLOCK_NODES 15 /* a block of just under 1 KiB: glibc keeps pieces of up to that size at hand */

struct JsonBlock {
        JsonBlock *next;
        cJSON nodes[BLOCK_NODES];
};

typedef struct Reader {
        const uint8_t *data;
        size_t size, at;
        size_t n_values;
        unsigned depth;
        const char *why; /* NULL after a failure: out of memory */
        JsonTree tree;
        size_t n_free; /* nodes in the newest block */
        char *end_of_strings;
} Reader;

static cJSON *read_value(Reader *reader);

/* The same character eight times. */
#define EIGHT(character) (UINT64_C(0x0101010101010101) * (character))

/* Eight characters are looked at together: in none of the terms does a plain one set its highest bit or
 * carry into the next. */
size_t strict_json_plain_length(Bytes text)
{
        size_t n = 0;

        for (uint64_t it; text.size - n >= sizeof it; n += sizeof it) {
                memcpy(&it, text.data + n, sizeof it);
                if ((it | (it + EIGHT(1)) | (it - EIGHT(' ')) | ((it ^ EIGHT('"')) - EIGHT(1)) |
                     ((it ^ EIGHT('\\')) - EIGHT(1))) &
                    EIGHT(0x80))
                        break;
        }
        while (n < text.size && text.data[n] >= ' ' && text.data[n] < 0x7f && text.data[n] != '"' &&
               text.data[n] != '\\')
                n++;

        return n;
}

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

/* NULL: out of memory. */
static cJSON *make_node(Reader *reader, int type)
{
        if (reader->n_free == 0) {
                JsonBlock *block = malloc(sizeof *block);

                if (!block)
                        return NULL;
                block->next = reader->tree.blocks;
                reader->tree.blocks = block;
                reader->n_free = BLOCK_NODES;
        }

        cJSON *node = &reader->tree.blocks->nodes[--reader->n_free];
        *node = (cJSON){ .type = type };
        return node;
}

/* As cJSON links them: the first child's `prev` is the last. */
static void add_child(cJSON *parent, cJSON *node)
{
        cJSON *first = parent->child;

        if (first) {
                node->prev = first->prev;
                first->prev->next = node;
                first->prev = node;
        } else
                parent->child = node->prev = node;
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

/* What is wrong with the string that began at `first`: above all, that it does not end. */
static void *fail_string(Reader *reader, size_t first, const char *why)
{
        size_t end = first;

        while (end < reader->size && reader->data[end] != '"')
                end += reader->data[end] == '\\' ? 2 : 1;
        if (end < reader->size)
                return fail(reader, why);

        reader->at = first;
        return fail(reader, "a string does not end");
}

/* The decoded string at the cursor. Decoding never makes it longer, and its NUL has the room of a quote. */
static char *read_string(Reader *reader)
{
        char *string = reader->end_of_strings, *to = string;

        if (peek(reader) != '"')
                return fail(reader, "a string was expected");

        size_t first = ++reader->at;
        for (;;) {
                size_t n = strict_json_plain_length(
                        BYTES(reader->data + reader->at, reader->size - reader->at));
                uint32_t code;

                memcpy(to, reader->data + reader->at, n);
                to += n;
                reader->at += n;

                int c = peek(reader);
                if (c == '"')
                        break;
                if (c == '\\') {
                        reader->at++;
                        if (read_escape(reader, &code) < 0)
                                return fail_string(reader, first, "an escape that is not allowed");
                } else {
                        n = c < 0 ? 0
                                  : utf8_decode(reader->data + reader->at, reader->size - reader->at, &code);
                        if (n == 0)
                                return fail_string(reader, first, "not UTF-8");
                        reader->at += n;
                }
                if (utf8_is_control(code))
                        return fail_string(reader, first, "a control character in a string");

                to += utf8_encode(code, to);
        }

        reader->at++;
        *to++ = '\0';
        reader->end_of_strings = to;
        return string;
}

static cJSON *read_text(Reader *reader)
{
        char *string = read_string(reader);
        cJSON *node = string ? make_node(reader, cJSON_String) : NULL;

        if (node)
                node->valuestring = string;
        return node;
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

        cJSON *node = make_node(reader, cJSON_Number);
        if (node)
                (void) cJSON_SetNumberHelper(node, (double) (negative ? -value : value));
        return node;
}

static cJSON *read_word(Reader *reader, const char *word, int type)
{
        size_t length = strlen(word);

        if (reader->size - reader->at < length || memcmp(reader->data + reader->at, word, length) != 0)
                return fail(reader, "a value was expected");

        reader->at += length;
        return make_node(reader, type);
}

/* An object or an array being read. */
typedef struct Container {
        cJSON *node;
        size_t n;
        uint64_t marks; /* of the keys so far */
} Container;

/* One of 64 bits. A key whose mark was not seen before is new; only for others all keys are compared. */
static uint64_t mark_of(const char *key)
{
        size_t length = strlen(key);

        return UINT64_C(1) << ((length + (uint8_t) key[0] * 5u + (uint8_t) key[length / 2]) % 64);
}

static bool has_key(const Container *object, const char *key, uint64_t mark)
{
        const cJSON *member;

        if (!(object->marks & mark))
                return false;

        cJSON_ArrayForEach(member, object->node) {
                if (streq(member->string, key))
                        return true;
        }

        return false;
}

/* One `"key": value` into the object. */
static bool read_member(Reader *reader, Container *object)
{
        char *key = read_string(reader);
        if (!key)
                return false;

        uint64_t mark = mark_of(key);
        if (has_key(object, key, mark))
                return fail(reader, "a key stands twice in one object");
        if (object->n >= STRICT_JSON_MEMBERS)
                return fail(reader, "too many keys in one object");

        skip_blanks(reader);
        if (peek(reader) != ':')
                return fail(reader, "a colon was expected");
        reader->at++;

        cJSON *value = read_value(reader);
        if (!value)
                return false;

        value->string = key;
        object->marks |= mark;
        add_child(object->node, value);
        return true;
}

static bool read_element(Reader *reader, Container *array)
{
        cJSON *value = read_value(reader);
        if (!value)
                return false;

        add_child(array->node, value);
        return true;
}

/* An object or an array, whose opening bracket is at the cursor. */
static cJSON *read_container(Reader *reader, int type, int closing, bool (*read_one)(Reader *, Container *))
{
        Container container = { .node = make_node(reader, type) };

        if (!container.node)
                return NULL;
        if (++reader->depth > STRICT_JSON_DEPTH)
                return fail(reader, "nested too deeply");
        reader->at++;

        for (;; container.n++) {
                skip_blanks(reader);
                if (container.n == 0 && peek(reader) == closing)
                        break;
                if (!read_one(reader, &container))
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
        return container.node;
}

static cJSON *read_value(Reader *reader)
{
        if (++reader->n_values > STRICT_JSON_VALUES)
                return fail(reader, "too many values");

        skip_blanks(reader);

        switch (peek(reader)) {
        case '{':
                return read_container(reader, cJSON_Object, '}', read_member);
        case '[':
                return read_container(reader, cJSON_Array, ']', read_element);
        case '"':
                return read_text(reader);
        case 't':
                return read_word(reader, "true", cJSON_True);
        case 'f':
                return read_word(reader, "false", cJSON_False);
        case 'n':
                return read_word(reader, "null", cJSON_NULL);
        default:
                return read_integer(reader);
        }
}

void json_tree_done(JsonTree *tree)
{
        for (JsonBlock *block = tree->blocks, *next; block; block = next) {
                next = block->next;
                free(block);
        }
        free(tree->strings);
        *tree = JSON_TREE_NULL;
}

/* The tree is the reader's, whatever comes of it. */
static int read_tree(Reader *reader)
{
        skip_blanks(reader);
        if (peek(reader) != '{') {
                reader->why = "not an object";
                return -EBADMSG;
        }

        reader->tree.strings = reader->end_of_strings = malloc(reader->size);
        if (!reader->tree.strings)
                return -ENOMEM;

        reader->tree.root = read_value(reader);
        if (!reader->tree.root && !reader->why)
                return -ENOMEM;

        skip_blanks(reader);
        if (reader->tree.root && reader->at != reader->size)
                reader->why = "something follows the object";
        return reader->why ? -EBADMSG : 0;
}

int strict_json_read(Bytes text, size_t max, JsonTree *ret_tree, JsonFault *ret_fault)
{
        Reader reader = { .data = text.data, .size = text.size };
        int r;

        if (text.size > max) {
                reader.why = "larger than allowed";
                r = -EFBIG;
        } else
                r = read_tree(&reader);

        if (r < 0) {
                json_tree_done(&reader.tree);
                if (r != -ENOMEM && ret_fault)
                        *ret_fault = (JsonFault){ .at = reader.at, .why = reader.why };
                return r;
        }

        *ret_tree = reader.tree;
        return 0;
}

int strict_json_parse(Bytes text, size_t max, cJSON **ret_tree, JsonFault *ret_fault)
{
        _cleanup_(json_tree_done) JsonTree tree = JSON_TREE_NULL;

        int r = strict_json_read(text, max, &tree, ret_fault);
        if (r < 0)
                return r;

        cJSON *copy = cJSON_Duplicate(tree.root, true);
        if (!copy)
                return -ENOMEM;

        *ret_tree = copy;
        return 0;
}
