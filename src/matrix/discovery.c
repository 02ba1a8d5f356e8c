/* SPDX-License-Identifier: MIT */
/* From a user's name to the URL of their homeserver. */

#include "matrix/discovery.h"

#include <stdio.h>

#include "e2ee/json.h"

#define DISCOVERY_USEC (10 * USEC_PER_SEC)

int discovery_start(MatrixServer *server, const char *user_id, MatrixReplyHandler on_reply, void *userdata,
                    MatrixCall **ret_call)
{
        static const MatrixRequest request = { .method = "GET",
                                               .target = "/.well-known/matrix/client",
                                               .timeout_usec = DISCOVERY_USEC,
                                               .once = true };
        const char *colon = strchr(user_id, ':');
        _cleanup_(freep) char *url = NULL;

        if (!colon)
                return -EINVAL;
        if (asprintf(&url, "https://%s", colon + 1) < 0)
                return -ENOMEM;
        int r = matrix_server_set_url(server, url);
        return r < 0 ? r : matrix_call_start(server, &request, on_reply, userdata, ret_call);
}

int discovery_take(MatrixServer *server, const MatrixReply *reply)
{
        const char *url = matrix_reply_is_success(reply)
                                  ? object_string(object_object(reply->body, "m.homeserver"), "base_url")
                                  : NULL;

        int r = url ? matrix_server_set_url(server, url) : 0;
        return r == -EINVAL ? 0 : r;
}
