/* SPDX-License-Identifier: MIT */
#pragma once

/* A request to a homeserver, sent again, byte for byte, until the server has decided about it.
 *
 * Connections that fail, 429 and 5xx decide nothing: the request is repeated after Retry-After, else after
 * 1 s and twice as long each time, up to a minute, for ever or as long as is asked. All other responses are
 * handed over. */

#include <cjson/cJSON.h>

#include "crypto/secret.h"
#include "http/client.h"

typedef struct MatrixCall MatrixCall;

typedef struct MatrixServer {
        sd_event *event; /* borrowed, as `http` */
        HttpClient *http;
        char *url;             /* owned: "https://matrix.example.org", without a slash at the end */
        Secret *token;         /* owned; NULL: requests without one */
        usec_t retry_min_usec; /* the first delay; 0: 1 s */
} MatrixServer;

void matrix_server_done(MatrixServer *server);

/* Errors: -EINVAL neither https: nor, on loopback, http:; -ENOMEM. */
int matrix_server_set_url(MatrixServer *server, const char *url);

/* Fills `buffer` with the bytes of a file from `at` on; returns their number, at least 1, or an error, which
 * becomes that of the attempt. `userdata` is the call's. */
typedef ssize_t (*MatrixFileReader)(void *userdata, size_t at, char *buffer, size_t size);

typedef struct MatrixRequest {
        const char *method, *target; /* "/_matrix/client/v3/…" */
        const char *body;            /* JSON; NULL: none */
        MatrixFileReader read_file;  /* instead of the body; NULL: none */
        size_t file_size;            /* of all of it */
        usec_t timeout_usec;         /* of one attempt */
        size_t response_max;         /* bytes; 0: 64 MiB */
        usec_t repeat_usec;          /* hands over failures after that; 0: never */
        bool once;                   /* hands over failures as well, instead of repeating */
        bool limited;                /* hands over a 429 as well */
        bool anonymous;              /* without the token */
} MatrixRequest;

typedef struct MatrixReply {
        int error;         /* < 0: of http/client.h, only if `once`; or -EBADMSG a 2xx without JSON */
        unsigned status;   /* 0: none */
        const cJSON *body; /* borrowed; NULL: no JSON */
        usec_t retry_usec; /* of what decides nothing: how long to wait before it is repeated */
} MatrixReply;

static inline bool matrix_reply_is_success(const MatrixReply *reply)
{
        return reply->error == 0 && reply->status / 100 == 2;
}

/* Only if it is sent `once`, or is `limited`. */
static inline bool matrix_reply_decides_nothing(const MatrixReply *reply)
{
        return reply->error < 0 || reply->status == 429 || reply->status / 100 == 5;
}

/* "M_FORBIDDEN"; "" if there is none. */
const char *matrix_reply_code(const MatrixReply *reply);

/* The same of a refusal, which always has one: "M_UNKNOWN" from a proxy in front of the homeserver. */
const char *matrix_reply_refusal(const MatrixReply *reply);

/* Called exactly once, never before matrix_call_start() has returned; may free the call. */
typedef void (*MatrixReplyHandler)(MatrixCall *call, const MatrixReply *reply, void *userdata);

/* The request is copied; the server must outlive the call. Errors: -ENOMEM, and those of sd-event. */
int matrix_call_start(MatrixServer *server, const MatrixRequest *request, MatrixReplyHandler on_reply,
                      void *userdata, MatrixCall **ret_call);

/* Without on_reply(). Returns NULL. */
MatrixCall *matrix_call_free(MatrixCall *call);
DEFINE_CLEANUP(MatrixCall, matrix_call_free);
