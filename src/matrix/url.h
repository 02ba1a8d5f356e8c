/* SPDX-License-Identifier: MIT */
#pragma once

/* Paths and queries of the client-server API from values that a homeserver or a person chose. */

/* `format` with each '%' replaced by the next argument, a const char *, percent-encoded but for the
 * unreserved characters of RFC 3986. The caller frees `ret_target`. Errors: -ENOMEM. */
int url_format(char **ret_target, const char *format, ...);
