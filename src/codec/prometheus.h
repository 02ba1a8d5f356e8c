/* SPDX-License-Identifier: MIT */
#pragma once

/* Writes the text exposition format of Prometheus, version 0.0.4. Like Json, the first failure sticks: add
 * any number of times, check once at the end. Source: prometheus.io/docs/instrumenting/exposition_formats.
 */

#include "basic/text.h"
#include "basic/time.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct PrometheusFamily {
        const char *name, *type, *help; /* the base unit is part of the name; type: "counter", "gauge",
                                        "histogram" */
} PrometheusFamily;

typedef struct PrometheusLabel {
        const char *name, *value; /* the value is escaped when it is written */
} PrometheusLabel;

/* An array of labels, ended by one without a name. */
#define PROMETHEUS_LABELS(...) ((const PrometheusLabel[]){ __VA_ARGS__, { NULL, NULL } })
#define PROMETHEUS_NO_LABELS   ((const PrometheusLabel[]){ { NULL, NULL } })

typedef struct Prometheus {
        Text text;
        const PrometheusFamily *family;
        bool has_head; /* of the family */
} Prometheus;

#define PROMETHEUS_NULL ((Prometheus){ 0 })

void prometheus_done(Prometheus *prometheus);

/* Selects the family of the samples that follow; borrows it. Its HELP and TYPE are written with its first
 * sample: a family without samples is absent. */
void prometheus_begin(Prometheus *prometheus, const PrometheusFamily *family);

/* Each adds one sample. Microseconds are written as seconds, exactly: a double is too short for a
 * timestamp. */
void prometheus_add_u64(Prometheus *prometheus, const PrometheusLabel *labels, uint64_t value);
void prometheus_add_double(Prometheus *prometheus, const PrometheusLabel *labels, double value);
void prometheus_add_usec(Prometheus *prometheus, const PrometheusLabel *labels, usec_t value);

/* One with labels that were written by another process, "{name=\"value\"}", or none: ""; after the suffix of
 * a sample of a histogram, if it is one: "_sum". */
void prometheus_add_labelled(Prometheus *prometheus, const char *labels, double value);

/* Hands the text over and leaves an empty writer; `ret_size` may be NULL. Errors: -ENOMEM. */
int prometheus_take(Prometheus *prometheus, char **ret_text, size_t *ret_size) _must_check_;
