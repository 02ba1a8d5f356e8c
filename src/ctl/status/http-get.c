/* SPDX-License-Identifier: MIT */
/* One GET request over a Unix socket. */

#include "ctl/status/http-get.h"

#include <stdio.h>

#include "ctl/http-run.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC)

int http_get_over_unix(const char *socket_path, const char *target, int *ret_status, char **ret_body)
{
        _cleanup_(http_result_done) HttpResult result = { 0 };
        char url[256];
        const HttpCallOptions options = { .url = url,
                                          .unix_path = socket_path,
                                          .timeout_usec = TIMEOUT_USEC,
                                          .response_max = HTTP_GET_MAX };

        int size = snprintf(url, sizeof url, "http://localhost%s", target);
        if (size < 0 || (size_t) size >= sizeof url)
                return -ENAMETOOLONG;

        int r = http_run(&options, &result);
        if (r < 0)
                return r;

        *ret_status = (int) result.status;
        *ret_body = TAKE_PTR(result.body);
        return 0;
}
