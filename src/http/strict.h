/* SPDX-License-Identifier: MIT */
#pragma once

/* Makes libmicrohttpd 0.9.75 as strict as 1.0.
 *
 * What one parser ignores and another interprets can hide a request in another one. Version 0.9.75 appends
 * the text of a folded line to the name of the header before it, takes a line that begins with ':' for the
 * end of the header block, accepts bare LF, names that are no tokens ("Transfer-Encoding :") and control
 * characters in values, and keeps blanks behind values. It does not show a request as it was received, but
 * it parses in place: so the parts of a well-formed request are found one behind the other in its buffer,
 * with nothing but the delimiters between them. tests/http/test-syntax.c covers each of these cases.
 *
 * One difference is left: blanks behind a Content-Length are an error in 0.9.75 only. */

#include "basic/macro.h"

/* Walks over the parts of a request in the order in which they were received. */
typedef struct HttpStrict {
        const char *end; /* of the part before */
        bool malformed;
} HttpStrict;

/* `target` is what on_line() got, with its size, because libmicrohttpd then cuts off the query. */
void http_strict_begin(HttpStrict *strict, const char *method, const char *target, size_t target_size,
                       const char *version);

/* Trims the value in place: it is in the memory of the connection. Returns false if the request is
 * malformed.
 */
bool http_strict_header(HttpStrict *strict, const char *name, size_t name_size, const char *value,
                        size_t value_size);

/* `size` is MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE. Returns false if the request is malformed. */
bool http_strict_end(HttpStrict *strict, const char *method, size_t size);

/* The value of MHD_OPTION_STRICT_FOR_CLIENT. With 1, version 1.0 rejects all of the above; 0.9.75 would
 * check Host as well, and then sends the header of that error response twice, too. */
int http_strict_level(void);
