/* SPDX-License-Identifier: MIT */
#pragma once

/* A response: status, headers and body. Immutable once sent, shared by reference between requests. */

#include "proto/error.h"

typedef struct HttpResponse HttpResponse;
struct MHD_Response;

/* Both add Cache-Control: no-store and X-Content-Type-Options: nosniff. The first owns `body` from the call
 * on, also on failure; the second borrows it, and it must never be freed. Errors: -ENOMEM. */
int http_response_new_take(unsigned status, const char *content_type, char *body, size_t size,
                           HttpResponse **ret_response);
int http_response_new_static(unsigned status, const char *content_type, const char *body, size_t size,
                             HttpResponse **ret_response);

/* {"error":{"code":…,"message":…}} with the status of the error table. `reason` is a DevboxError, or a
 * negative errno, which is reported as DEVBOX_ERROR_INTERNAL without detail. `detail` (may be NULL) is
 * appended to the message. */
int http_response_new_error(int reason, const char *detail, HttpResponse **ret_response);
int http_response_new_error_status(unsigned status, int reason, const char *detail,
                                   HttpResponse **ret_response);

HttpResponse *http_response_ref(HttpResponse *response);
HttpResponse *http_response_unref(HttpResponse *response);
DEFINE_CLEANUP(HttpResponse, http_response_unref);

/* Only before the first request gets it. Errors: -ENOMEM. */
int http_response_add_header(HttpResponse *response, const char *name, const char *value);

unsigned http_response_status(const HttpResponse *response);
const char *http_response_body(const HttpResponse *response, size_t *ret_size);

/* For the server: of a response of libmicrohttpd, which is owned from the call on, also on failure. Errors:
 * -ENOMEM. */
int http_response_new_mhd_take(unsigned status, const char *content_type, struct MHD_Response *mhd,
                               HttpResponse **ret_response);

/* For the server. Borrowed. */
struct MHD_Response *http_response_mhd(const HttpResponse *response);
