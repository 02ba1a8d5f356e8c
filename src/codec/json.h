/* SPDX-License-Identifier: MIT */
#pragma once

/* Writes JSON front to back into a Text: no tree, one allocation that grows. The first failure sticks, so
 * only json_take() needs a check.
 *
 *         _cleanup_(json_done) Json json = JSON_NULL;
 *
 *         json_open_object(&json, NULL);
 *         json_add_string(&json, "status", "ok");
 *         json_close_object(&json);
 *         r = json_take(&json, &body, &size);
 *
 * `key` is NULL for the outermost value and inside an array. The output is always valid JSON: bytes that are
 * not UTF-8 become U+FFFD. */

#include "basic/bytes.h"
#include "basic/text.h"
#include "basic/time.h"

typedef struct Json {
        Text text;
        unsigned depth;
        bool follows; /* not the first value of this object or array */
} Json;

#define JSON_NULL ((Json){ 0 })

void json_done(Json *json);

void json_open_object(Json *json, const char *key);
void json_close_object(Json *json);
void json_open_array(Json *json, const char *key);
void json_close_array(Json *json);

void json_add_string(Json *json, const char *key, const char *value); /* NULL: null */
void json_add_bool(Json *json, const char *key, bool value);
void json_add_u64(Json *json, const char *key, uint64_t value); /* all 64 bits, exactly */
void json_add_hex(Json *json, const char *key, Bytes value);    /* lower case; no bytes: null */
void json_add_null(Json *json, const char *key);

/* Always with that many digits after the point, "41.0", so that a client never sees the type change. Not a
 * number and infinity are null. */
void json_add_decimal(Json *json, const char *key, double value, int digits);

/* A point in time (CLOCK_REALTIME) as RFC 3339 in UTC, "2024-02-29T12:00:00.250Z"; 0 is null. */
void json_add_time(Json *json, const char *key, usec_t at_usec);

/* Passes the text to the caller and resets the writer; `ret_size` may be NULL. Everything opened must be
 * closed. Errors: -ENOMEM. */
int json_take(Json *json, char **ret_string, size_t *ret_size) _must_check_;
