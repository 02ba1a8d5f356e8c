/* SPDX-License-Identifier: MIT */
#pragma once

/* An answer: status, headers and body, made once and sent as often as wanted without a copy. */

#include "proto/error.h"

typedef struct HttpResponse HttpResponse;

/* Both make an answer with Cache-Control: no-store and X-Content-Type-Options: nosniff. The first takes over
 * `body` in every case, also on failure; the second borrows it for ever. Errors: -ENOMEM. */
int http_response_new_take(unsigned status, const char *content_type, char *body, size_t size,
                           HttpResponse **ret_reply);
int http_response_new_static(unsigned status, const char *content_type, const char *body, size_t size,
                             HttpResponse **ret_reply);

/* {"error":{"code":…,"message":…}} with the status of the error table. `reason` is a DevboxError, or a
 * negative errno, which becomes DEVBOX_ERROR_INTERNAL and says no more; `detail` (may be NULL) follows the
 * sentence. */
int http_response_new_error(int reason, const char *detail, HttpResponse **ret_reply);
int http_response_new_error_status(unsigned status, int reason, const char *detail,
                                   HttpResponse **ret_reply);

HttpResponse *http_response_ref(HttpResponse *reply);
HttpResponse *http_response_unref(HttpResponse *reply);
DEFINE_CLEANUP(HttpResponse, http_response_unref);

/* Before it is sent the first time. */
int http_response_add_header(HttpResponse *reply, const char *name, const char *value);

unsigned http_response_status(const HttpResponse *reply);
const char *http_response_body(const HttpResponse *reply, size_t *ret_size);

/* What libmicrohttpd sends: for http/server.c. Borrowed. */
struct MHD_Response *http_response_mhd(const HttpResponse *reply);
