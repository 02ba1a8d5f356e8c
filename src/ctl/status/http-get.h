/* SPDX-License-Identifier: MIT */
#pragma once

/* One GET request over a Unix socket, for the self-test. */

#define HTTP_GET_MAX (64 * 1024)

/* Blocks until the response is complete, for at most 10 s. The caller frees the body, a string. Errors: as
 * on_complete() in http/client.h; -EFBIG more than HTTP_GET_MAX bytes; -ENAMETOOLONG `target`. */
int http_get_over_unix(const char *socket_path, const char *target, int *ret_status, char **ret_body);
