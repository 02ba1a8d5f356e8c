/* SPDX-License-Identifier: MIT */
/* A system sample as metrics. */

#include "sample/sample-metrics.h"

#include "sample/field.h"

static void add_value(Prometheus *prometheus, const PrometheusLabel *labels, const SampleField *field,
                      const void *record)
{
        if (!field_known(field, record))
                return;

        switch (field->kind) {
        case FIELD_PERCENT:
                prometheus_add_double(prometheus, labels, field_double(field, record) / 100);
                break;
        case FIELD_LOAD:
                prometheus_add_double(prometheus, labels, field_double(field, record));
                break;
        case FIELD_DURATION:
        case FIELD_TIMESTAMP:
                prometheus_add_usec(prometheus, labels, field_u64(field, record));
                break;
        default:
                prometheus_add_u64(prometheus, labels, field_u64(field, record));
        }
}

static bool is_of_family(const SampleField *field, const PrometheusFamily *family)
{
        return field->metric && streq(field->metric, family->name);
}

static void add_rows(Prometheus *prometheus, const PrometheusFamily *family, const SampleField *rows,
                     const SystemSample *sample)
{
        const FieldTable *table = rows->table;

        for (size_t i = 0; i < table->n_fields; i++) {
                const void *row;

                if (!is_of_family(&table->fields[i], family))
                        continue;
                for (size_t j = 0; (row = field_row(rows, sample, j)); j++)
                        add_value(prometheus,
                                  PROMETHEUS_LABELS({ table->label, field_string(table->fields, row) }),
                                  &table->fields[i], row);
        }
}

void system_sample_add_metrics(Prometheus *prometheus, const SystemSample *sample)
{
        for (const PrometheusFamily *family = system_families; family->name; family++) {
                prometheus_begin(prometheus, family);
                for (size_t i = 0; i < system_table.n_fields; i++) {
                        const SampleField *field = &system_table.fields[i];

                        if (field->kind == FIELD_ROWS)
                                add_rows(prometheus, family, field, sample);
                        else if (is_of_family(field, family) && field_present(field, sample))
                                add_value(prometheus, field->labels, field, sample);
                }
        }
}
