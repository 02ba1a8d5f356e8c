/* SPDX-License-Identifier: MIT */
/* From a user's name to the URL of their homeserver. */

#include "matrix/discovery.h"

#include <stdio.h>

#include "e2ee/json.h"

#define DISCOVERY_USEC (10 * USEC_PER_SEC)
#define DOCUMENT_MAX   ((size_t) 64 * 1024)

int discovery_set_server(MatrixServer *server, const char *user_id)
{
        const char *colon = strchr(user_id, ':');
        _cleanup_(freep) char *url = NULL;

        if (!colon)
                return -EINVAL;
        if (asprintf(&url, "https://%s", colon + 1) < 0)
                return -ENOMEM;
        return matrix_server_set_url(server, url);
}

int discovery_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata, MatrixCall **ret_call)
{
        static const MatrixRequest request = { .method = "GET",
                                               .target = "/.well-known/matrix/client",
                                               .timeout_usec = DISCOVERY_USEC,
                                               .response_max = DOCUMENT_MAX,
                                               .once = true };

        return matrix_call_start(server, &request, on_reply, userdata, ret_call);
}

/* A loopback address of theirs would be a service of this machine. */
int discovery_take(MatrixServer *server, const MatrixReply *reply)
{
        const char *url = matrix_reply_is_success(reply)
                                  ? object_string(object_object(reply->body, "m.homeserver"), "base_url")
                                  : NULL;

        int r = url && startswith(url, "https://") ? matrix_server_set_url(server, url) : 0;
        return r == -EINVAL ? 0 : r;
}
