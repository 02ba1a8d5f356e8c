/* SPDX-License-Identifier: MIT */
#pragma once

/* src/api/openapi.json, built in; no terminating NUL. */

#include <stddef.h>

extern const char api_openapi[];
extern const size_t api_openapi_size;
