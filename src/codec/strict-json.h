/* SPDX-License-Identifier: MIT */
#pragma once

/* The strict JSON profile of signed documents: a subset of RFC 8259 in which every text has one meaning for
 * every reader.
 *
 *   - UTF-8 without overlong forms, surrogates or a byte order mark; an object at the top, and nothing after
 *     it;
 *   - no control characters in strings, neither bare nor escaped (C0, DEL, C1), no lone surrogates;
 *   - no duplicate keys, compared after unescaping;
 *   - integers only, |n| <= 2^53 - 1, no sign on zero, no leading zeros, no fraction, no exponent;
 *   - at most STRICT_JSON_DEPTH levels, STRICT_JSON_MEMBERS keys in an object, STRICT_JSON_VALUES values,
 * and as many bytes as the caller allows. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"

#define STRICT_JSON_DEPTH   8
#define STRICT_JSON_MEMBERS 64
#define STRICT_JSON_VALUES  16384 /* about 2 MiB of tree, whatever the text */
#define STRICT_JSON_INTEGER ((INT64_C(1) << 53) - 1)

/* Where and why a text is rejected. `why` is a constant sentence: it holds nothing of the text. */
typedef struct JsonFault {
        size_t at; /* SIZE_MAX: no single byte, such as for a duplicate key */
        const char *why;
} JsonFault;

static inline void json_deletep(cJSON **tree)
{
        cJSON_Delete(*tree);
}

/* Adds an item to an array, or to an object under a key. The item is taken, also on failure; NULL is one
 * that could not be made. Errors: -ENOMEM. */
int json_tree_append(cJSON *array, cJSON *item);
int json_tree_add(cJSON *object, const char *key, cJSON *item);

/* Parses a text; free the tree with cJSON_Delete(). `ret_fault` may be NULL; it is set only for -EBADMSG and
 * -EFBIG. Errors: -EBADMSG outside the profile; -EFBIG more than `max` bytes; -ENOMEM. */
int strict_json_parse(Bytes text, size_t max, cJSON **ret_tree, JsonFault *ret_fault);

/* Serialises a tree, or a part of one, without whitespace; the caller frees the text. cJSON's own printer
 * would round integers of more than 15 digits. Errors: -EBADMSG the tree holds a value outside the profile;
 * -ENOMEM. */
int strict_json_format(const cJSON *tree, char **ret_text);

/* Whether the text is allowed as a string of the profile: UTF-8 without control characters. */
bool strict_json_text_valid(const char *text);
