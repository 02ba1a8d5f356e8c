/* SPDX-License-Identifier: MIT */
#pragma once

/* GET /metrics: the figures of the machine, its units and devbox-api. */

#include "api/cache.h"
#include "api/collector-client.h"
#include "api/counters.h"
#include "api/process.h"
#include "api/service.h"
#include "codec/prometheus.h"
#include "http/server.h"
#include "sample/sample.h"

/* Everything a scrape reports. The families of a source that is NULL are absent, never zero or old. */
typedef struct MetricsSource {
        const SystemSample *system;
        const UnitSamples *units;
        const PartSamples *parts;
        const ProcessSample *process;
        sd_bus_message *components[_API_SERVICE_MAX]; /* the replies to GetMetrics; read from their starts */

        const HttpRoute *routes;
        const Counters *counters;
        const HttpStats *http;
        const BusClientStats *collector;
        const char *const *cache_keys; /* ended by NULL */
        const Cache *cache;
        usec_t started_at_usec; /* CLOCK_REALTIME */
} MetricsSource;

/* The caller frees the text. Errors: -ENOMEM. */
int metrics_render(const MetricsSource *source, char **ret_text, size_t *ret_size);
