/* SPDX-License-Identifier: MIT */
/* Writes the text exposition format of Prometheus. */

#include "codec/prometheus.h"

#include <inttypes.h>

static void append_label_value(Text *text, const char *value)
{
        for (const char *at = value; *at; at++)
                switch (*at) {
                case '\\':
                        text_append(text, "\\\\");
                        break;
                case '"':
                        text_append(text, "\\\"");
                        break;
                case '\n':
                        text_append(text, "\\n");
                        break;
                default:
                        text_append_bytes(text, at, 1);
                }
}

static void append_head(Text *text, const PrometheusFamily *family)
{
        text_appendf(text, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                     family->type);
}

static void begin_name(Prometheus *prometheus)
{
        Text *text = &prometheus->text;

        if (!TAKE(prometheus->has_head, true))
                append_head(text, prometheus->family);

        text_append(text, prometheus->family->name);
}

/* Everything of a sample but its value. */
static void begin_sample(Prometheus *prometheus, const PrometheusLabel *labels)
{
        Text *text = &prometheus->text;

        begin_name(prometheus);
        for (const PrometheusLabel *label = labels; label->name; label++) {
                text_appendf(text, "%s%s=\"", label == labels ? "{" : ",", label->name);
                append_label_value(text, label->value);
                text_append(text, "\"");
        }
        text_append(text, labels->name ? "} " : " ");
}

void prometheus_done(Prometheus *prometheus)
{
        text_done(&prometheus->text);
        *prometheus = PROMETHEUS_NULL;
}

void prometheus_begin(Prometheus *prometheus, const PrometheusFamily *family)
{
        prometheus->family = family;
        prometheus->has_head = false;
}

void prometheus_add_u64(Prometheus *prometheus, const PrometheusLabel *labels, uint64_t value)
{
        begin_sample(prometheus, labels);
        text_appendf(&prometheus->text, "%" PRIu64 "\n", value);
}

void prometheus_add_double(Prometheus *prometheus, const PrometheusLabel *labels, double value)
{
        begin_sample(prometheus, labels);
        text_appendf(&prometheus->text, "%.15g\n", value);
}

void prometheus_add_usec(Prometheus *prometheus, const PrometheusLabel *labels, usec_t value)
{
        begin_sample(prometheus, labels);
        text_appendf(&prometheus->text, "%" PRIu64 ".%06" PRIu64 "\n", value / USEC_PER_SEC,
                     value % USEC_PER_SEC);
}

void prometheus_add_labelled(Prometheus *prometheus, const char *labels, double value)
{
        begin_name(prometheus);
        text_appendf(&prometheus->text, "%s %.15g\n", labels, value);
}

int prometheus_take(Prometheus *prometheus, char **ret_text, size_t *ret_size)
{
        return text_take(&prometheus->text, ret_text, ret_size);
}
