/* SPDX-License-Identifier: MIT */
/* Samples as JSON.
 *
 * The first members of each object, with their names, order and meaning, never change: cpu_percent, mem,
 * disk, uptime_seconds of a system; name, active, state of a service. Others may follow. Amounts are bytes.
 */

#include "sample/sample-json.h"

#include <stdio.h>

#include "sample/field.h"

/* Closes and opens objects on the way from one member to another, as from "pressure.cpu.some_seconds" to
 * "pressure.io.some_seconds". Returns the key of the latter in its object. */
static const char *move_to(Json *json, const char *from, const char *to)
{
        size_t common = 0;

        for (size_t i = 0; from[i] && from[i] == to[i]; i++)
                if (from[i] == '.')
                        common = i + 1;

        for (const char *at = from + common; (at = strchr(at, '.')); at++)
                json_close_object(json);

        const char *key = to + common, *dot;
        for (; (dot = strchr(key, '.')); key = dot + 1) {
                char object[32];

                (void) snprintf(object, sizeof object, "%.*s", (int) (dot - key), key);
                json_open_object(json, object);
        }

        return key;
}

static void add_row(Json *json, const char *key, const FieldTable *table, const void *row);

static void add_rows(Json *json, const char *key, const SampleField *field, const void *record)
{
        const void *row;

        json_open_array(json, key);
        for (size_t i = 0; (row = field_row(field, record, i)); i++)
                add_row(json, NULL, field->table, row);
        json_close_array(json);
}

static void add_first_row(Json *json, const char *key, const SampleField *field, const void *record)
{
        const void *row = field_row(field, record, 0);

        if (row && field_row_known(field->table, row))
                add_row(json, key, field->table, row);
        else
                json_add_null(json, key);
}

static void add_value(Json *json, const char *key, const SampleField *field, const void *record)
{
        if (!field_known(field, record)) {
                json_add_null(json, key);
                return;
        }

        switch (field->kind) {
        case FIELD_STRING:
                json_add_string(json, key, field_string(field, record));
                break;
        case FIELD_COUNT:
                json_add_u64(json, key, field_u64(field, record));
                break;
        case FIELD_PERCENT:
                json_add_decimal(json, key, field_double(field, record), 1);
                break;
        case FIELD_LOAD:
                json_add_decimal(json, key, field_double(field, record), 2);
                break;
        case FIELD_UPTIME:
                json_add_u64(json, key, field_u64(field, record) / USEC_PER_SEC);
                break;
        case FIELD_DURATION:
                json_add_decimal(json, key, (double) field_u64(field, record) / (double) USEC_PER_SEC, 6);
                break;
        case FIELD_TIMESTAMP:
                json_add_time(json, key, field_u64(field, record));
                break;
        case FIELD_PRESENT:
                json_add_null(json, key);
                break;
        case FIELD_ROWS:
                add_rows(json, key, field, record);
                break;
        case FIELD_FIRST_ROW:
                add_first_row(json, key, field, record);
        }
}

/* Whether the field is part of `member`, "mem" or "mem.total" of "mem"; NULL: of any. */
static bool is_in(const SampleField *field, const char *member)
{
        if (!member)
                return true;

        return startswith(field->json, member) && strchr(".", field->json[strlen(member)]);
}

/* Adds those fields of a record that are in `member`, and returns where it left the writer. */
static const char *add_fields(Json *json, const FieldTable *table, const void *record, const char *member,
                              const char *from)
{
        for (size_t i = 0; i < table->n_fields; i++) {
                const SampleField *field = &table->fields[i];

                if (!field->json || !is_in(field, member) || !field_present(field, record))
                        continue;
                if (field->kind == FIELD_PRESENT && field_bool(field, record))
                        continue;
                add_value(json, move_to(json, from, field->json), field, record);
                from = field->json;
        }

        return from;
}

static void add_row(Json *json, const char *key, const FieldTable *table, const void *row)
{
        json_open_object(json, key);
        (void) move_to(json, add_fields(json, table, row, NULL, ""), "");
        json_close_object(json);
}

static void add_unit(Json *json, const UnitSample *unit)
{
        json_open_object(json, NULL);
        json_add_string(json, "name", unit->name);
        json_add_bool(json, "active", unit->active);
        json_add_string(json, "state", unit_sample_state(unit));
        json_add_string(json, "unit", unit->id);
        json_add_string(json, "load_state", unit->load_state);
        json_add_string(json, "sub_state", unit->sub_state);
        json_add_time(json, "active_since", unit->active ? unit->active_enter_at_usec : 0);
        json_close_object(json);
}

void system_sample_add_json(Json *json, const char *key, const SystemSample *sample)
{
        const char *from = "";

        json_open_object(json, key);
        for (const char *const *member = system_json_order; *member; member++)
                from = add_fields(json, &system_table, sample, *member, from);
        (void) move_to(json, from, "");
        json_close_object(json);
}

void unit_samples_add_json(Json *json, const char *key, const UnitSamples *samples)
{
        json_open_array(json, key);
        for (size_t i = 0; i < samples->n_units; i++)
                add_unit(json, &samples->units[i]);
        json_close_array(json);
}

int system_sample_to_json(const SystemSample *sample, char **ret_json, size_t *ret_size)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        system_sample_add_json(&json, NULL, sample);
        return json_take(&json, ret_json, ret_size);
}

int unit_samples_to_json(const UnitSamples *samples, char **ret_json, size_t *ret_size)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        unit_samples_add_json(&json, "services", samples);
        json_close_object(&json);
        return json_take(&json, ret_json, ret_size);
}
