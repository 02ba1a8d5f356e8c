/* SPDX-License-Identifier: MIT */
#pragma once

/* The JSON of Matrix, all access to it in one place. A homeserver relays what others wrote, and
 * one hostile event must not make a whole response unreadable; so reading is lenient where a value is merely
 * useless, and canonical_json(), which signatures are made of, is strict. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"

#define MATRIX_JSON_DEPTH   100 /* of one value; deeper ones are read as null */
#define MATRIX_JSON_INTEGER ((INT64_C(1) << 53) - 1)

static inline void json_freep(cJSON **tree)
{
        cJSON_Delete(*tree);
}

/* Reads a text of which a homeserver wrote the frame and others the values. NUL, lone surrogates and bytes
 * that are not UTF-8 become U+FFFD; numbers of more than 40 characters, what is nested too deeply, and
 * members whose name ends with "content" and which have more than 2000 values, null. The caller frees the
 * tree with cJSON_Delete(). Errors: -EBADMSG no JSON; -EFBIG more than `max` bytes; -ENOMEM. */
int matrix_json_parse(Bytes text, size_t max, cJSON **ret_tree);

/* Canonical JSON of a value (Matrix specification, appendices): sorted keys, no spaces, integers only. From
 * the outermost object `signatures` and `unsigned` are left out if `signing`. The caller frees `ret_text`.
 * Errors: -EBADMSG a fraction, an integer above 2^53 - 1, a key twice, nested too deeply; -ENOMEM. */
int canonical_json(const cJSON *value, bool signing, char **ret_text);

/* Builds a tree: objects with keys that are in the format or, for `*`, are an argument; `s` a string, `i`
 * an int64_t, `b` a bool (int), `o` a tree that is taken, also on failure, `c` a tree that is copied. A NULL
 * for `s`, `o` or `c` leaves its member out.
 *
 *         json_pack(&tree, "{type:s,content:o,keys:{*:s},methods:[s,s]}", …)
 *
 * Errors: -ENOMEM. */
int json_pack(cJSON **ret_tree, const char *format, ...);

/* Takes the value, also on failure; replaces a member of that key. Errors: -ENOMEM. */
int object_put(cJSON *object, const char *key, cJSON *value);
int object_put_string(cJSON *object, const char *key, const char *value);

/* A member of an object, or the object at the key, made if there is none: for maps of maps. NULL: no memory.
 */
cJSON *object_enter(cJSON *object, const char *key);

/* A member of that type, or NULL; `object` may be NULL or no object. Keys are compared exactly, and the
 * first of two that are equal counts. */
const cJSON *object_get(const cJSON *object, const char *key);
const cJSON *object_object(const cJSON *object, const char *key);
const cJSON *object_array(const cJSON *object, const char *key);
const char *object_string(const cJSON *object, const char *key);
bool object_is_true(const cJSON *object, const char *key);

/* Whether there is an integer in min..max. */
bool object_integer(const cJSON *object, const char *key, int64_t min, int64_t max, int64_t *ret_value);

/* Whether the member is that string. */
static inline bool object_has(const cJSON *object, const char *key, const char *value)
{
        const char *text = object_string(object, key);

        return text && streq(text, value);
}
