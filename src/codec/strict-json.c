/* SPDX-License-Identifier: MIT */
/* Parses the strict JSON profile of signed documents: a scanner checks the whole text against the profile
 * and builds nothing, then cJSON parses what passed, then duplicate keys are looked for in its tree.
 *
 * cJSON accepts more than JSON (any control character as a blank, a byte order mark, numbers in any form
 * strtod() takes) and keeps duplicate keys; none of that gets past the scanner, so there is nothing left for
 * the two to read differently. tests/fuzz/fuzz-strict-json.c compares the result with a third parser. */

#include "codec/strict-json.h"

#include "basic/utf8.h"

typedef struct Scanner {
        const uint8_t *data;
        size_t size, at;
        size_t n_values;
        unsigned depth;
        const char *why; /* the first violation; NULL: none */
} Scanner;

static bool scan_value(Scanner *scanner);

static bool fail(Scanner *scanner, const char *why)
{
        scanner->why = why;
        return false;
}

static int peek(const Scanner *scanner)
{
        return scanner->at < scanner->size ? scanner->data[scanner->at] : -1;
}

static bool skip(Scanner *scanner, int c)
{
        if (peek(scanner) != c)
                return false;

        scanner->at++;
        return true;
}

static void skip_blanks(Scanner *scanner)
{
        int c;

        while (c = peek(scanner), c == ' ' || c == '\t' || c == '\n' || c == '\r')
                scanner->at++;
}

/* Four hexadecimal digits. */
static bool scan_hex4(Scanner *scanner, uint32_t *ret_code)
{
        uint32_t code = 0;

        for (int i = 0; i < 4; i++, scanner->at++) {
                int c = peek(scanner);

                if (c >= '0' && c <= '9')
                        code = code << 4 | (uint32_t) (c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        code = code << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
                else
                        return false;
        }

        *ret_code = code;
        return true;
}

/* What follows a backslash: a character of the profile, or two halves of one. \b \f \n \r \t are control
 * characters. */
static bool scan_escape(Scanner *scanner)
{
        uint32_t code, low;

        if (skip(scanner, '"') || skip(scanner, '\\') || skip(scanner, '/'))
                return true;
        if (!skip(scanner, 'u') || !scan_hex4(scanner, &code))
                return false;
        if (code < 0xd800 || code > 0xdfff)
                return !utf8_is_control(code);

        return code <= 0xdbff && skip(scanner, '\\') && skip(scanner, 'u') && scan_hex4(scanner, &low) &&
               low >= 0xdc00 && low <= 0xdfff;
}

/* Characters that need no look behind them: all of a base64 text, so most of a signed document. */
static void skip_plain(Scanner *scanner)
{
        const uint8_t *at = scanner->data + scanner->at, *end = scanner->data + scanner->size;

        while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
                at++;
        scanner->at = (size_t) (at - scanner->data);
}

static bool scan_string(Scanner *scanner)
{
        if (!skip(scanner, '"'))
                return fail(scanner, "a string was expected");

        while (skip_plain(scanner), !skip(scanner, '"')) {
                uint32_t code;

                if (peek(scanner) < 0)
                        return fail(scanner, "a string does not end");
                if (skip(scanner, '\\')) {
                        if (!scan_escape(scanner))
                                return fail(scanner, "an escape that is not allowed");
                        continue;
                }

                size_t n = utf8_decode(scanner->data + scanner->at, scanner->size - scanner->at, &code);
                if (n == 0)
                        return fail(scanner, "not UTF-8");
                if (utf8_is_control(code))
                        return fail(scanner, "a control character in a string");
                scanner->at += n;
        }

        return true;
}

static bool scan_integer(Scanner *scanner)
{
        bool negative = skip(scanner, '-');
        size_t first = scanner->at;
        int64_t value = 0;

        for (int c; c = peek(scanner), c >= '0' && c <= '9'; scanner->at++) {
                value = value * 10 + (c - '0');
                if (value > STRICT_JSON_INTEGER)
                        return fail(scanner, "an integer beyond 2^53 - 1");
        }

        if (scanner->at == first)
                return fail(scanner, "a value was expected");
        if (scanner->data[first] == '0' && (negative || scanner->at > first + 1))
                return fail(scanner, "an integer with a leading zero or a signed zero");

        return true;
}

static bool scan_word(Scanner *scanner, const char *word)
{
        size_t length = strlen(word);

        if (scanner->size - scanner->at < length || memcmp(scanner->data + scanner->at, word, length) != 0)
                return fail(scanner, "a value was expected");

        scanner->at += length;
        return true;
}

static bool scan_key(Scanner *scanner)
{
        skip_blanks(scanner);
        if (!scan_string(scanner))
                return false;

        skip_blanks(scanner);
        return skip(scanner, ':') || fail(scanner, "a colon was expected");
}

/* An object or an array, whose opening bracket is at the cursor. */
static bool scan_container(Scanner *scanner, int closing)
{
        bool is_object = closing == '}';

        if (++scanner->depth > STRICT_JSON_DEPTH)
                return fail(scanner, "nested too deeply");

        scanner->at++;
        skip_blanks(scanner);
        for (size_t n = 0; !skip(scanner, closing); n++) {
                if (n > 0 && !skip(scanner, ','))
                        return fail(scanner, "a comma or a closing bracket was expected");
                if (is_object && n == STRICT_JSON_MEMBERS)
                        return fail(scanner, "too many keys in one object");
                if (is_object && !scan_key(scanner))
                        return false;
                if (!scan_value(scanner))
                        return false;
                skip_blanks(scanner);
        }

        scanner->depth--;
        return true;
}

static bool scan_value(Scanner *scanner)
{
        if (++scanner->n_values > STRICT_JSON_VALUES)
                return fail(scanner, "too many values");

        skip_blanks(scanner);

        switch (peek(scanner)) {
        case '{':
                return scan_container(scanner, '}');
        case '[':
                return scan_container(scanner, ']');
        case '"':
                return scan_string(scanner);
        case 't':
                return scan_word(scanner, "true");
        case 'f':
                return scan_word(scanner, "false");
        case 'n':
                return scan_word(scanner, "null");
        default:
                return scan_integer(scanner);
        }
}

static bool scan_text(Scanner *scanner)
{
        skip_blanks(scanner);
        if (peek(scanner) != '{')
                return fail(scanner, "not an object");
        if (!scan_value(scanner))
                return false;

        skip_blanks(scanner);
        return scanner->at == scanner->size || fail(scanner, "text after the object");
}

/* Objects have at most STRICT_JSON_MEMBERS keys, so comparing each with each is cheap. */
static bool has_duplicate_keys(const cJSON *tree)
{
        const cJSON *member;

        cJSON_ArrayForEach(member, tree) {
                for (const cJSON *earlier = tree->child; member->string && earlier != member;
                     earlier = earlier->next)
                        if (streq(earlier->string, member->string))
                                return true;
                if (has_duplicate_keys(member))
                        return true;
        }

        return false;
}

int strict_json_parse(Bytes text, size_t max, cJSON **ret_tree, JsonFault *ret_fault)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;
        Scanner scanner = { .data = text.data, .size = text.size };
        JsonFault fault = { 0 };

        if (text.size > max)
                fault.why = "larger than allowed";
        else if (!scan_text(&scanner))
                fault = (JsonFault){ scanner.at, scanner.why };
        else {
                tree = cJSON_ParseWithLength((const char *) text.data, text.size);
                if (!tree)
                        return -ENOMEM; /* all else the scanner has excluded */
                if (has_duplicate_keys(tree))
                        fault = (JsonFault){ SIZE_MAX, "a key occurs twice in one object" };
        }

        if (fault.why) {
                if (ret_fault)
                        *ret_fault = fault;
                return text.size > max ? -EFBIG : -EBADMSG;
        }

        *ret_tree = TAKE_PTR(tree);
        return 0;
}

int json_tree_append(cJSON *array, cJSON *item)
{
        if (item && cJSON_AddItemToArray(array, item))
                return 0;

        cJSON_Delete(item);
        return -ENOMEM;
}

int json_tree_add(cJSON *object, const char *key, cJSON *item)
{
        if (item && cJSON_AddItemToObject(object, key, item))
                return 0;

        cJSON_Delete(item);
        return -ENOMEM;
}
