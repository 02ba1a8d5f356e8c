/* SPDX-License-Identifier: MIT */
#pragma once

/* One GET request over a Unix socket, for the self-test. */

#define HTTP_GET_MAX (64 * 1024)

/* Waits for the whole answer, at most 10 s for each part of it. The caller frees the body, a string. Errors:
 * from connect(2), send(2), recv(2), -EAGAIN too slow; -EBADMSG no HTTP/1 status line or no end of the
 * headers; -EFBIG more than HTTP_GET_MAX bytes; -ENAMETOOLONG. */
int http_get_over_unix(const char *socket_path, const char *target, int *ret_status, char **ret_body);
