/* SPDX-License-Identifier: MIT */
#pragma once

/* JSON as signed things are written in: a subset of RFC 8259 in which every text has one meaning for every
 * reader. One parser of our own builds the tree, so that no second parser can disagree with it:
 *
 *   - UTF-8 without overlong forms, surrogates or a byte order mark; an object at the top; nothing behind
 * it;
 *   - no control characters in strings, neither bare nor escaped (C0, DEL, C1), no lone surrogates;
 *   - no duplicate keys, compared after unescaping;
 *   - integers only, |n| <= 2^53 - 1, no sign on zero, no leading zeros, no fraction, no exponent;
 *   - at most STRICT_JSON_DEPTH levels, STRICT_JSON_MEMBERS keys in an object, and as many bytes as the
 * caller allows. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"

#define STRICT_JSON_DEPTH   8
#define STRICT_JSON_MEMBERS 64
#define STRICT_JSON_VALUES  16384 /* in all: about 1 MiB of tree, whatever the text */
#define STRICT_JSON_INTEGER ((INT64_C(1) << 53) - 1)

/* Where and why a text was refused; `why` is one of our own sentences, never text from outside. */
typedef struct JsonFault {
        size_t at;
        const char *why;
} JsonFault;

static inline void json_deletep(cJSON **tree)
{
        cJSON_Delete(*tree);
}

/* What was read, to be looked at only: its nodes are not cJSON's to change or to free. */
typedef struct JsonBlock JsonBlock;
typedef struct JsonTree {
        const cJSON *root;
        JsonBlock *blocks;
        char *strings;
} JsonTree;

#define JSON_TREE_NULL ((JsonTree){ 0 })

void json_tree_done(JsonTree *tree);

/* `ret_fault` may be NULL; it is set only for -EBADMSG and -EFBIG.
 * Errors: -EBADMSG outside the subset; -EFBIG more than `max` bytes; -ENOMEM. */
int strict_json_read(Bytes text, size_t max, JsonTree *ret_tree, JsonFault *ret_fault);

/* Likewise, as a tree that may be changed; free it with cJSON_Delete(). */
int strict_json_parse(Bytes text, size_t max, cJSON **ret_tree, JsonFault *ret_fault);

/* The text of a tree, or of a part of one, without any space; the caller frees it. cJSON's own printer would
 * round integers of more than 15 digits. Errors: -EBADMSG the tree holds something outside the subset;
 * -ENOMEM. */
int strict_json_format(const cJSON *tree, char **ret_text);

/* Whether the text may stand in a string of the subset: UTF-8 without control characters. */
bool strict_json_text_valid(const char *text);

/* How many characters at the beginning stand for themselves in a string: printable ASCII, but neither the
 * quote nor the backslash. */
size_t strict_json_plain_length(Bytes text);
