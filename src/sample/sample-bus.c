/* SPDX-License-Identifier: MIT */
/* How samples travel over D-Bus.
 *
 * Every struct is a dictionary a{sv}, described by a table of its fields: key, D-Bus type, place in the
 * struct. Writing and reading both walk the same table, so that they cannot drift apart; what is no scalar
 * (arrays of structs) is a field with functions of its own. */

#include "sample/sample-bus.h"

typedef struct WireField WireField;

struct WireField {
        const char *key;
        const char *type; /* "s", "t", "d", "b", or an array's signature */
        size_t offset;
        int (*append)(sd_bus_message *message, const void *value); /* NULL: a scalar at the offset */
        int (*read)(sd_bus_message *message, void *value);
};

#define FIELD(key, type, in, member)                                                                        \
        {                                                                                                   \
                key, type, offsetof(in, member), NULL, NULL                                                 \
        }
#define ARRAY(key, type, append, read)                                                                      \
        {                                                                                                   \
                key, type, 0, append, read                                                                  \
        }

static int field_append(sd_bus_message *message, const WireField *field, const void *object)
{
        const char *value = (const char *) object + field->offset;

        if (field->append)
                return field->append(message, object);

        switch (field->type[0]) {
        case 's':
                return sd_bus_message_append_basic(message, 's', strempty(*(char *const *) value));
        case 'b':
                return sd_bus_message_append_basic(message, 'b', &(int){ *(const bool *) value });
        default: /* t, d: eight bytes as they are */
                return sd_bus_message_append_basic(message, field->type[0], value);
        }
}

static int dict_append(sd_bus_message *message, const WireField *fields, const void *object)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        for (const WireField *field = fields; field->key; field++) {
                r = sd_bus_message_open_container(message, 'e', "sv");
                if (r < 0)
                        return r;
                r = sd_bus_message_append_basic(message, 's', field->key);
                if (r < 0)
                        return r;
                r = sd_bus_message_open_container(message, 'v', field->type);
                if (r < 0)
                        return r;
                r = field_append(message, field, object);
                if (r < 0)
                        return r;
                r = sd_bus_message_close_container(message);
                if (r < 0)
                        return r;
                r = sd_bus_message_close_container(message);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

static int field_read(sd_bus_message *message, const WireField *field, void *object)
{
        char *value = (char *) object + field->offset;
        const char *string;
        int boolean;

        if (field->read)
                return field->read(message, object);

        switch (field->type[0]) {
        case 's': {
                int r = sd_bus_message_read_basic(message, 's', &string);
                if (r < 0)
                        return r;
                char *copy = strdup(string);
                if (!copy)
                        return -ENOMEM;
                free(*(char **) value); /* a key that comes twice */
                *(char **) value = copy;
                return 0;
        }
        case 'b': {
                int r = sd_bus_message_read_basic(message, 'b', &boolean);
                if (r < 0)
                        return r;
                *(bool *) value = boolean;
                return 0;
        }
        default:
                return sd_bus_message_read_basic(message, field->type[0], value);
        }
}

static const WireField *field_find(const WireField *fields, const char *key)
{
        for (const WireField *field = fields; field->key; field++)
                if (streq(field->key, key))
                        return field;

        return NULL;
}

static int entry_read(sd_bus_message *message, const WireField *fields, void *object)
{
        const char *key, *type;

        int r = sd_bus_message_read_basic(message, 's', &key);
        if (r < 0)
                return r;

        const WireField *field = field_find(fields, key);
        if (!field)
                return sd_bus_message_skip(message, "v");

        r = sd_bus_message_peek_type(message, NULL, &type);
        if (r < 0)
                return r;
        if (!streq(type, field->type))
                return -EBADMSG;

        r = sd_bus_message_enter_container(message, 'v', field->type);
        if (r < 0)
                return r;
        r = field_read(message, field, object);
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(message);
}

static int dict_read(sd_bus_message *message, const WireField *fields, void *object)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = entry_read(message, fields, object);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(message);
}

/* An array of structs inside a sample: how many there are, where, and how each is described. */
typedef struct WireRows {
        const WireField *fields; /* the strings first: each row must have all of them */
        size_t row_size, rows_max;
} WireRows;

static int rows_append(sd_bus_message *message, const WireRows *wire, const void *rows, size_t n_rows)
{
        int r = sd_bus_message_open_container(message, 'a', "a{sv}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_rows; i++) {
                r = dict_append(message, wire->fields, (const char *) rows + i * wire->row_size);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

static int rows_read(sd_bus_message *message, const WireRows *wire, void *rows, size_t *n_rows)
{
        int r = sd_bus_message_enter_container(message, 'a', "a{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                char *row = (char *) rows + *n_rows * wire->row_size;

                if (*n_rows >= wire->rows_max)
                        return -EBADMSG;
                (*n_rows)++; /* counted before it is filled, so that a half-read row is freed too */

                r = dict_read(message, wire->fields, row);
                if (r < 0)
                        return r;
                for (const WireField *field = wire->fields; field->key && field->type[0] == 's'; field++)
                        if (!*(char **) (row + field->offset))
                                return -EBADMSG;
        }
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(message);
}

static const WireField disk_fields[] = {
        FIELD("path", "s", DiskSample, path),
        FIELD("total_bytes", "t", DiskSample, total_bytes),
        FIELD("free_bytes", "t", DiskSample, free_bytes),
        FIELD("available_bytes", "t", DiskSample, available_bytes),
        {},
};
static const WireRows disk_rows = { disk_fields, sizeof(DiskSample), SAMPLE_DISKS_MAX };

static const WireField network_fields[] = {
        FIELD("device", "s", NetworkSample, device),
        FIELD("receive_bytes", "t", NetworkSample, receive_bytes),
        FIELD("receive_packets", "t", NetworkSample, receive_packets),
        FIELD("receive_errors", "t", NetworkSample, receive_errors),
        FIELD("receive_drops", "t", NetworkSample, receive_drops),
        FIELD("transmit_bytes", "t", NetworkSample, transmit_bytes),
        FIELD("transmit_packets", "t", NetworkSample, transmit_packets),
        FIELD("transmit_errors", "t", NetworkSample, transmit_errors),
        FIELD("transmit_drops", "t", NetworkSample, transmit_drops),
        {},
};
static const WireRows network_rows = { network_fields, sizeof(NetworkSample), SAMPLE_NETWORKS_MAX };

static int disks_append(sd_bus_message *message, const void *sample)
{
        return rows_append(message, &disk_rows, ((const SystemSample *) sample)->disks,
                           ((const SystemSample *) sample)->n_disks);
}

static int disks_read(sd_bus_message *message, void *sample)
{
        return rows_read(message, &disk_rows, ((SystemSample *) sample)->disks,
                         &((SystemSample *) sample)->n_disks);
}

static int networks_append(sd_bus_message *message, const void *sample)
{
        return rows_append(message, &network_rows, ((const SystemSample *) sample)->networks,
                           ((const SystemSample *) sample)->n_networks);
}

static int networks_read(sd_bus_message *message, void *sample)
{
        return rows_read(message, &network_rows, ((SystemSample *) sample)->networks,
                         &((SystemSample *) sample)->n_networks);
}

static const WireField system_fields[] = {
        FIELD("cpu_percent", "d", SystemSample, cpu_percent),
        FIELD("cpu_user_usec", "t", SystemSample, cpu_usec[CPU_USER]),
        FIELD("cpu_nice_usec", "t", SystemSample, cpu_usec[CPU_NICE]),
        FIELD("cpu_system_usec", "t", SystemSample, cpu_usec[CPU_SYSTEM]),
        FIELD("cpu_idle_usec", "t", SystemSample, cpu_usec[CPU_IDLE]),
        FIELD("cpu_iowait_usec", "t", SystemSample, cpu_usec[CPU_IOWAIT]),
        FIELD("cpu_irq_usec", "t", SystemSample, cpu_usec[CPU_IRQ]),
        FIELD("cpu_softirq_usec", "t", SystemSample, cpu_usec[CPU_SOFTIRQ]),
        FIELD("cpu_steal_usec", "t", SystemSample, cpu_usec[CPU_STEAL]),
        FIELD("memory_total_bytes", "t", SystemSample, memory_total_bytes),
        FIELD("memory_available_bytes", "t", SystemSample, memory_available_bytes),
        FIELD("swap_total_bytes", "t", SystemSample, swap_total_bytes),
        FIELD("swap_free_bytes", "t", SystemSample, swap_free_bytes),
        FIELD("load_1", "d", SystemSample, load_1),
        FIELD("load_5", "d", SystemSample, load_5),
        FIELD("load_15", "d", SystemSample, load_15),
        FIELD("uptime_usec", "t", SystemSample, uptime_usec),
        FIELD("boot_at_usec", "t", SystemSample, boot_at_usec),
        FIELD("has_pressure", "b", SystemSample, has_pressure),
        FIELD("pressure_cpu_some_usec", "t", SystemSample, pressure_usec[PRESSURE_CPU_SOME]),
        FIELD("pressure_memory_some_usec", "t", SystemSample, pressure_usec[PRESSURE_MEMORY_SOME]),
        FIELD("pressure_memory_full_usec", "t", SystemSample, pressure_usec[PRESSURE_MEMORY_FULL]),
        FIELD("pressure_io_some_usec", "t", SystemSample, pressure_usec[PRESSURE_IO_SOME]),
        FIELD("pressure_io_full_usec", "t", SystemSample, pressure_usec[PRESSURE_IO_FULL]),
        ARRAY("disks", "aa{sv}", disks_append, disks_read),
        ARRAY("networks", "aa{sv}", networks_append, networks_read),
        {},
};

static const WireField unit_fields[] = {
        FIELD("name", "s", UnitSample, name),
        FIELD("id", "s", UnitSample, id),
        FIELD("load_state", "s", UnitSample, load_state),
        FIELD("active_state", "s", UnitSample, active_state),
        FIELD("sub_state", "s", UnitSample, sub_state),
        FIELD("active_enter_at_usec", "t", UnitSample, active_enter_at_usec),
        {},
};
static const WireRows unit_rows = { unit_fields, sizeof(UnitSample), SAMPLE_UNITS_MAX };

static const WireField part_fields[] = {
        FIELD("name", "s", PartSample, name),
        FIELD("success", "b", PartSample, success),
        FIELD("refresh_usec", "t", PartSample, refresh_usec),
        FIELD("refreshed_at_usec", "t", PartSample, refreshed_at_usec),
        {},
};
static const WireRows part_rows = { part_fields, sizeof(PartSample), SAMPLE_PARTS_MAX };

int system_sample_append(sd_bus_message *message, const SystemSample *sample)
{
        return dict_append(message, system_fields, sample);
}

int unit_samples_append(sd_bus_message *message, const UnitSamples *samples)
{
        return rows_append(message, &unit_rows, samples->units, samples->n_units);
}

int part_samples_append(sd_bus_message *message, const PartSamples *samples)
{
        return rows_append(message, &part_rows, samples->parts, samples->n_parts);
}

/* sd-bus says -ENXIO where it expects another type: for a reader that is the same bad message. */
static int read_error(int r)
{
        return r == -ENOMEM ? -ENOMEM : -EBADMSG;
}

int system_sample_read(sd_bus_message *message, SystemSample *ret_sample)
{
        SystemSample sample = { 0 };

        int r = dict_read(message, system_fields, &sample);
        if (r < 0) {
                system_sample_done(&sample);
                return read_error(r);
        }

        *ret_sample = sample;
        return 0;
}

int unit_samples_read(sd_bus_message *message, UnitSamples *ret_samples)
{
        UnitSamples samples = { 0 };

        int r = rows_read(message, &unit_rows, samples.units, &samples.n_units);
        if (r < 0) {
                unit_samples_done(&samples);
                return read_error(r);
        }

        *ret_samples = samples;
        return 0;
}

int part_samples_read(sd_bus_message *message, PartSamples *ret_samples)
{
        PartSamples samples = { 0 };

        int r = rows_read(message, &part_rows, samples.parts, &samples.n_parts);
        if (r < 0) {
                part_samples_done(&samples);
                return read_error(r);
        }

        *ret_samples = samples;
        return 0;
}
