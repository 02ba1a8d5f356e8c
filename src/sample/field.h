/* SPDX-License-Identifier: MIT */
#pragma once

/* The field tables of a system sample: what each figure is called on the bus, in JSON and in the metrics.
 * The renderers walk the tables and name no figure. A new figure is a member in sample.h and a row
 * in field.c. */

#include "bus/dictionary.h"
#include "codec/prometheus.h"
#include "sample/sample.h"

typedef enum FieldKind {
        FIELD_STRING,    /* char * */
        FIELD_COUNT,     /* uint64_t: bytes, packets */
        FIELD_PERCENT,   /* double from 0 to 100; in the metrics a ratio from 0 to 1 */
        FIELD_LOAD,      /* double */
        FIELD_UPTIME,    /* usec_t; in JSON whole seconds */
        FIELD_DURATION,  /* usec_t; in JSON seconds with six digits */
        FIELD_TIMESTAMP, /* usec_t, CLOCK_REALTIME */
        FIELD_PRESENT,   /* bool; false: null in JSON, and fields that depend on it are absent */
        FIELD_ROWS,      /* an array of records */
        FIELD_FIRST_ROW, /* the first record of an array, null if it is empty or no figure of it is known */
} FieldKind;

typedef struct FieldTable FieldTable;

typedef struct SampleField {
        BusField bus; /* the member, too; without a key it is not on the bus */
        FieldKind kind;
        const char *json;                    /* "mem.total": total in the object mem; NULL: not in JSON */
        const char *metric;                  /* the name of its family; NULL: not in the metrics */
        PrometheusLabel labels[3];           /* ended by one without a name */
        size_t present;                      /* the offset of the FIELD_PRESENT it depends on, or 0 */
        uint64_t (*u64)(const void *record); /* not a member but derived from members */
        double (*percent)(const void *record);
        const FieldTable *table; /* FIELD_ROWS, FIELD_FIRST_ROW: of each record */
} SampleField;

struct FieldTable {
        const SampleField *fields;
        size_t n_fields;
        const char *label; /* in the metrics: of a record's first field, which is its name */
};

extern const FieldTable system_table;
extern const BusDictionary system_dictionary;

/* The members of the JSON object in their order, and the families of the metrics in theirs; ended by NULL
 * and by one without a name. */
extern const char *const system_json_order[];
extern const PrometheusFamily system_families[];

/* Whether the field has a value in this record: false if its FIELD_PRESENT is. */
bool field_present(const SampleField *field, const void *record);

/* Whether the figure could be read. */
bool field_known(const SampleField *field, const void *record);

/* The value, of the kinds whose members are uint64_t, double, bool and char *. */
uint64_t field_u64(const SampleField *field, const void *record);
double field_double(const SampleField *field, const void *record);
bool field_bool(const SampleField *field, const void *record);
const char *field_string(const SampleField *field, const void *record);

/* FIELD_ROWS, FIELD_FIRST_ROW: record number `i`, NULL past the last. */
const void *field_row(const SampleField *field, const void *record, size_t i);

/* Whether a figure of the record is known. */
bool field_row_known(const FieldTable *table, const void *row);
