/* SPDX-License-Identifier: MIT */
/* A response: see response.h. */

#include "http/response.h"

#include <microhttpd.h>

#include "basic/bytes.h"
#include "codec/json.h"

struct HttpResponse {
        unsigned n_ref;
        unsigned status;
        Bytes body; /* owned by `mhd` */
        struct MHD_Response *mhd;
};

static const struct {
        const char *name, *value;
} common_headers[] = {
        { MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
        { "X-Content-Type-Options", "nosniff" },
};

int http_response_new_mhd_take(unsigned status, const char *content_type, struct MHD_Response *mhd,
                               HttpResponse **ret_response)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = malloc(sizeof *response);
        if (!response) {
                MHD_destroy_response(mhd);
                return -ENOMEM;
        }
        *response = (HttpResponse){ .n_ref = 1, .status = status, .mhd = mhd };

        for (size_t i = 0; i < ELEMENTSOF(common_headers); i++) {
                int r = http_response_add_header(response, common_headers[i].name, common_headers[i].value);
                if (r < 0)
                        return r;
        }

        int r = http_response_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        if (r < 0)
                return r;

        *ret_response = TAKE_PTR(response);
        return 0;
}

static int new_from_buffer(unsigned status, const char *content_type, Bytes body,
                           enum MHD_ResponseMemoryMode mode, HttpResponse **ret_response)
{
        struct MHD_Response *mhd = MHD_create_response_from_buffer(body.size, (void *) body.data, mode);
        if (!mhd) {
                if (mode == MHD_RESPMEM_MUST_FREE)
                        free((void *) body.data);
                return -ENOMEM;
        }

        int r = http_response_new_mhd_take(status, content_type, mhd, ret_response);
        if (r < 0)
                return r;

        (*ret_response)->body = body;
        return 0;
}

int http_response_new_take(unsigned status, const char *content_type, char *body, size_t size,
                           HttpResponse **ret_response)
{
        return new_from_buffer(status, content_type, BYTES(body, size), MHD_RESPMEM_MUST_FREE, ret_response);
}

int http_response_new_static(unsigned status, const char *content_type, const char *body, size_t size,
                             HttpResponse **ret_response)
{
        return new_from_buffer(status, content_type, BYTES(body, size), MHD_RESPMEM_PERSISTENT,
                               ret_response);
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

int http_response_new_error_status(unsigned status, int reason, const char *detail,
                                   HttpResponse **ret_response)
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

        return http_response_new_take(status, "application/json", body, size, ret_response);
}

int http_response_new_error(int reason, const char *detail, HttpResponse **ret_response)
{
        DevboxError error = reason > 0 ? (DevboxError) reason : DEVBOX_ERROR_INTERNAL;

        return http_response_new_error_status((unsigned) devbox_error_http_status(error), reason, detail,
                                              ret_response);
}

HttpResponse *http_response_ref(HttpResponse *response)
{
        response->n_ref++;
        return response;
}

HttpResponse *http_response_unref(HttpResponse *response)
{
        if (!response || --response->n_ref > 0)
                return NULL;

        MHD_destroy_response(response->mhd);
        free(response);
        return NULL;
}

int http_response_add_header(HttpResponse *response, const char *name, const char *value)
{
        return MHD_add_response_header(response->mhd, name, value) == MHD_YES ? 0 : -ENOMEM;
}

unsigned http_response_status(const HttpResponse *response)
{
        return response->status;
}

const char *http_response_body(const HttpResponse *response, size_t *ret_size)
{
        if (ret_size)
                *ret_size = response->body.size;
        return (const char *) response->body.data;
}

struct MHD_Response *http_response_mhd(const HttpResponse *response)
{
        return response->mhd;
}
