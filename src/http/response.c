/* SPDX-License-Identifier: MIT */
/* An answer. */

#include "http/response.h"

#include <microhttpd.h>

#include "codec/json.h"

struct HttpResponse {
        unsigned n_ref;
        unsigned status;
        const char *body; /* lives in `response` */
        size_t size;
        struct MHD_Response *response;
};

static const struct {
        const char *name, *value;
} common_headers[] = {
        { MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
        { "X-Content-Type-Options", "nosniff" },
};

static int reply_new(unsigned status, const char *content_type, struct MHD_Response *response,
                     HttpResponse **ret_reply)
{
        _cleanup_(http_response_unrefp) HttpResponse *reply = malloc(sizeof *reply);
        if (!reply) {
                MHD_destroy_response(response);
                return -ENOMEM;
        }
        *reply = (HttpResponse){ .n_ref = 1, .status = status, .response = response };

        for (size_t i = 0; i < ELEMENTSOF(common_headers); i++) {
                int r = http_response_add_header(reply, common_headers[i].name, common_headers[i].value);
                if (r < 0)
                        return r;
        }

        int r = http_response_add_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        if (r < 0)
                return r;

        *ret_reply = TAKE_PTR(reply);
        return 0;
}

int http_response_new_take(unsigned status, const char *content_type, char *body, size_t size,
                           HttpResponse **ret_reply)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(body);
                return -ENOMEM;
        }

        int r = reply_new(status, content_type, response, ret_reply);
        if (r < 0)
                return r;

        (*ret_reply)->body = body;
        (*ret_reply)->size = size;
        return 0;
}

int http_response_new_static(unsigned status, const char *content_type, const char *body, size_t size,
                             HttpResponse **ret_reply)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(size, (void *) body, MHD_RESPMEM_PERSISTENT);
        if (!response)
                return -ENOMEM;

        int r = reply_new(status, content_type, response, ret_reply);
        if (r < 0)
                return r;

        (*ret_reply)->body = body;
        (*ret_reply)->size = size;
        return 0;
}

static int error_message(DevboxError error, const char *detail, char **ret_message)
{
        _cleanup_(text_done) Text message = TEXT_NULL;

        text_append(&message, devbox_error_sentence(error));
        if (detail) {
                text_append(&message, ": ");
                text_append(&message, detail);
        }

        return text_take(&message, ret_message, NULL);
}

int http_response_new_error_status(unsigned status, int reason, const char *detail, HttpResponse **ret_reply)
{
        DevboxError error = reason > 0 ? (DevboxError) reason : DEVBOX_ERROR_INTERNAL;
        _cleanup_(json_done) Json json = JSON_NULL;
        _cleanup_(freep) char *message = NULL;
        char *body;
        size_t size;

        int r = error_message(error, reason > 0 ? detail : NULL, &message);
        if (r < 0)
                return r;

        json_open_object(&json, NULL);
        json_open_object(&json, "error");
        json_add_string(&json, "code", devbox_error_code(error));
        json_add_string(&json, "message", message);
        json_close_object(&json);
        json_close_object(&json);
        r = json_take(&json, &body, &size);
        if (r < 0)
                return r;

        return http_response_new_take(status, "application/json", body, size, ret_reply);
}

int http_response_new_error(int reason, const char *detail, HttpResponse **ret_reply)
{
        DevboxError error = reason > 0 ? (DevboxError) reason : DEVBOX_ERROR_INTERNAL;

        return http_response_new_error_status((unsigned) devbox_error_http_status(error), reason, detail,
                                              ret_reply);
}

HttpResponse *http_response_ref(HttpResponse *reply)
{
        reply->n_ref++;
        return reply;
}

HttpResponse *http_response_unref(HttpResponse *reply)
{
        if (!reply || --reply->n_ref > 0)
                return NULL;

        MHD_destroy_response(reply->response);
        free(reply);
        return NULL;
}

int http_response_add_header(HttpResponse *reply, const char *name, const char *value)
{
        return MHD_add_response_header(reply->response, name, value) == MHD_YES ? 0 : -ENOMEM;
}

unsigned http_response_status(const HttpResponse *reply)
{
        return reply->status;
}

const char *http_response_body(const HttpResponse *reply, size_t *ret_size)
{
        if (ret_size)
                *ret_size = reply->size;
        return reply->body;
}

struct MHD_Response *http_response_mhd(const HttpResponse *reply)
{
        return reply->response;
}
