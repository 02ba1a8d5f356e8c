/* SPDX-License-Identifier: MIT */
#pragma once

/* The services on the bus, beside devbox-collector, that devbox-api calls. */

typedef enum ApiService {
        API_SERVICE_MESH,
        API_SERVICE_DISPATCH,
        API_SERVICE_LEDGER,
        API_SERVICE_MATRIX, /* its metrics alone */
        _API_SERVICE_MAX
} ApiService;
