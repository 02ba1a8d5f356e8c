/* SPDX-License-Identifier: MIT */
/* One HTTP call on its own event loop. */

#include "ctl/http-run.h"

/* `userdata` is the result: 1 until the call is complete. */
static void on_complete(HttpCall *call, int result, void *userdata)
{
        *(int *) userdata = result;
}

static int take_result(const HttpCall *call, HttpResult *ret_result)
{
        size_t size;
        const char *body = http_call_body(call, &size);
        char *copy = malloc(size + 1);

        if (!copy)
                return -ENOMEM;

        memcpy(copy, body, size);
        copy[size] = '\0';
        *ret_result = (HttpResult){ http_call_status(call), copy, size };
        return 0;
}

int http_run(const HttpCallOptions *options, HttpResult *ret_result)
{
        static const HttpCallHandlers handlers = { .on_complete = on_complete };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(http_client_freep) HttpClient *client = NULL;
        HttpCall *call;
        int result = 1;

        int r = sd_event_new(&event);
        if (r >= 0)
                r = http_client_new(event, &client);
        if (r >= 0)
                r = http_call_start(client, options, &handlers, &result, &call);
        while (r >= 0 && result > 0)
                r = sd_event_run(event, UINT64_MAX);
        if (r < 0 || result < 0)
                return r < 0 ? r : result;

        return take_result(call, ret_result);
}
