/* SPDX-License-Identifier: MIT */
/* One GET request over a Unix socket, on its own event loop. */

#include "ctl/status/http-get.h"

#include <stdio.h>

#include "http/client.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC)

/* `userdata` is the result: 1 until the call is complete. */
static void on_complete(HttpCall *call, int result, void *userdata)
{
        *(int *) userdata = result;
}

static int run_call(const HttpCallOptions *options, int *ret_status, char **ret_body)
{
        static const HttpCallHandlers handlers = { .on_complete = on_complete };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(http_client_freep) HttpClient *client = NULL;
        HttpCall *call;
        int result = 1;

        int r = sd_event_new(&event);
        if (r < 0)
                return r;
        r = http_client_new(event, &client);
        if (r < 0)
                return r;
        r = http_call_start(client, options, &handlers, &result, &call);
        if (r < 0)
                return r;

        while (result > 0) {
                r = sd_event_run(event, UINT64_MAX);
                if (r < 0)
                        return r;
        }
        if (result < 0)
                return result;

        char *body = strdup(http_call_body(call, NULL));
        if (!body)
                return -ENOMEM;

        *ret_status = (int) http_call_status(call);
        *ret_body = body;
        return 0;
}

int http_get_over_unix(const char *socket_path, const char *target, int *ret_status, char **ret_body)
{
        char url[256];
        const HttpCallOptions options = { .url = url,
                                          .unix_path = socket_path,
                                          .timeout_usec = TIMEOUT_USEC,
                                          .response_max = HTTP_GET_MAX };

        int size = snprintf(url, sizeof url, "http://localhost%s", target);
        if (size < 0 || (size_t) size >= sizeof url)
                return -ENAMETOOLONG;

        return run_call(&options, ret_status, ret_body);
}
