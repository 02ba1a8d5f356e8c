/* SPDX-License-Identifier: MIT */
#include "dispatch/containers.h"

#include "basic/utf8.h"
#include "trust/result.h"

/* Bytes of a text; names of images have up to 255. */
#define FIELD_MAX 255

void containers_done(Containers *containers)
{
        free(TAKE_PTR(containers->text));
        containers->n = 0;
}

static void clean_field(char *text)
{
        if (strlen(text) > FIELD_MAX)
                text[FIELD_MAX] = '\0';
        (void) utf8_sanitize(text);
}

/* The output, without a line that is cut off at its end. A NUL is a byte like others here. */
static int copy_output(const ResultStream *out, char **ret_text)
{
        size_t size = out->data.size;
        const char *data = (const char *) out->data.data;

        while (out->truncated && size > 0 && data[size - 1] != '\n')
                size--;

        char *text = malloc(size + 1);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                text[i] = data[i] != '\0' ? data[i] : '?';
        text[size] = '\0';
        *ret_text = text;
        return 0;
}

static int read_output(const Result *result, size_t max, Containers *containers)
{
        char *rest;

        int r = copy_output(&result->out, &containers->text);
        if (r < 0)
                return r;

        rest = containers->text;
        while (containers->n < MIN(max, (size_t) CONTAINERS_MAX) &&
               container_line_next(&rest, &containers->rows[containers->n])) {
                const ContainerLine *row = &containers->rows[containers->n++];

                clean_field(row->name);
                clean_field(row->state);
                clean_field(row->image);
                clean_field(row->status);
        }
        containers->truncated = result->out.truncated || (rest && *rest != '\0');
        return 0;
}

int containers_read(const char *result_envelope, size_t max, Containers *ret_containers)
{
        _cleanup_(result_freep) Result *result = NULL;

        *ret_containers = (Containers){ .n = 0 };
        int r = result_read(result_envelope, &result);
        if (r == 0 && result_stream_is_absent(&result->out))
                r = -EBADMSG;
        return r != 0 ? r : read_output(result, max, ret_containers);
}
