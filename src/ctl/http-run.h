/* SPDX-License-Identifier: MIT */
#pragma once

#include "http/client.h"

typedef struct HttpResult {
        unsigned status;
        char *body; /* ends with a NUL that is not part of it */
        size_t size;
} HttpResult;

static inline void http_result_done(HttpResult *result)
{
        free(result->body);
}

/* One call, on an event loop of its own; blocks until the response is complete. Errors: as on_complete() in
 * http/client.h. */
int http_run(const HttpCallOptions *options, HttpResult *ret_result);
