/* SPDX-License-Identifier: MIT */
#pragma once

/* GET /metrics: the text exposition format of Prometheus, version 0.0.4.
 * Source: prometheus.io/docs/instrumenting/exposition_formats. */

#include "api/cache.h"
#include "api/collector-client.h"
#include "api/counters.h"
#include "api/process.h"
#include "http/server.h"
#include "sample/sample.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Everything a scrape tells; what is NULL is away, and its families are absent: never zero, never old. */
typedef struct MetricsSource {
        const SystemSample *system;
        const UnitSamples *units;
        const PartSamples *parts;
        const ProcessSample *process;

        const HttpRoute *routes;
        const Counters *counters;
        const HttpStats *http;
        const CollectorStats *collector;
        const char *const *cache_keys; /* their names, ended by NULL */
        const Cache *cache;
        usec_t started_at_usec; /* CLOCK_REALTIME */
} MetricsSource;

/* The caller frees the text. Errors: -ENOMEM. */
int metrics_render(const MetricsSource *source, char **ret_text, size_t *ret_size);
