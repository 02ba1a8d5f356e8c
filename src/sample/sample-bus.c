/* SPDX-License-Identifier: MIT */
/* Samples on D-Bus, as dbus/org.devbox.Collector1.xml describes them. */

#include "sample/sample-bus.h"

#include "bus/dictionary.h"

static const BusField disk_fields[] = {
        BUS_FIELD("path", BUS_STRING, DiskSample, path, BUS_REQUIRED),
        BUS_FIELD("total_bytes", BUS_UINT64, DiskSample, total_bytes),
        BUS_FIELD("free_bytes", BUS_UINT64, DiskSample, free_bytes),
        BUS_FIELD("available_bytes", BUS_UINT64, DiskSample, available_bytes),
};
static const BusDictionary disk_dictionary = BUS_DICTIONARY(disk_fields);
static const BusRows disk_rows = { &disk_dictionary, sizeof(DiskSample), SAMPLE_DISKS_MAX };

static const BusField network_fields[] = {
        BUS_FIELD("device", BUS_STRING, NetworkSample, device, BUS_REQUIRED),
        BUS_FIELD("receive_bytes", BUS_UINT64, NetworkSample, receive_bytes),
        BUS_FIELD("receive_packets", BUS_UINT64, NetworkSample, receive_packets),
        BUS_FIELD("receive_errors", BUS_UINT64, NetworkSample, receive_errors),
        BUS_FIELD("receive_drops", BUS_UINT64, NetworkSample, receive_drops),
        BUS_FIELD("transmit_bytes", BUS_UINT64, NetworkSample, transmit_bytes),
        BUS_FIELD("transmit_packets", BUS_UINT64, NetworkSample, transmit_packets),
        BUS_FIELD("transmit_errors", BUS_UINT64, NetworkSample, transmit_errors),
        BUS_FIELD("transmit_drops", BUS_UINT64, NetworkSample, transmit_drops),
};
static const BusDictionary network_dictionary = BUS_DICTIONARY(network_fields);
static const BusRows network_rows = { &network_dictionary, sizeof(NetworkSample), SAMPLE_NETWORKS_MAX };

static const BusField system_fields[] = {
        BUS_FIELD("cpu_percent", BUS_DOUBLE, SystemSample, cpu_percent),
        BUS_FIELD("cpu_user_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_USER]),
        BUS_FIELD("cpu_nice_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_NICE]),
        BUS_FIELD("cpu_system_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_SYSTEM]),
        BUS_FIELD("cpu_idle_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_IDLE]),
        BUS_FIELD("cpu_iowait_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_IOWAIT]),
        BUS_FIELD("cpu_irq_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_IRQ]),
        BUS_FIELD("cpu_softirq_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_SOFTIRQ]),
        BUS_FIELD("cpu_steal_usec", BUS_UINT64, SystemSample, cpu_usec[CPU_STEAL]),
        BUS_FIELD("memory_total_bytes", BUS_UINT64, SystemSample, memory_total_bytes),
        BUS_FIELD("memory_available_bytes", BUS_UINT64, SystemSample, memory_available_bytes),
        BUS_FIELD("swap_total_bytes", BUS_UINT64, SystemSample, swap_total_bytes),
        BUS_FIELD("swap_free_bytes", BUS_UINT64, SystemSample, swap_free_bytes),
        BUS_FIELD("load_1", BUS_DOUBLE, SystemSample, load_1),
        BUS_FIELD("load_5", BUS_DOUBLE, SystemSample, load_5),
        BUS_FIELD("load_15", BUS_DOUBLE, SystemSample, load_15),
        BUS_FIELD("uptime_usec", BUS_UINT64, SystemSample, uptime_usec),
        BUS_FIELD("boot_at_usec", BUS_UINT64, SystemSample, boot_at_usec),
        BUS_FIELD("has_pressure", BUS_BOOL, SystemSample, has_pressure),
        BUS_FIELD("pressure_cpu_some_usec", BUS_UINT64, SystemSample, pressure_usec[PRESSURE_CPU_SOME]),
        BUS_FIELD("pressure_memory_some_usec", BUS_UINT64, SystemSample,
                  pressure_usec[PRESSURE_MEMORY_SOME]),
        BUS_FIELD("pressure_memory_full_usec", BUS_UINT64, SystemSample,
                  pressure_usec[PRESSURE_MEMORY_FULL]),
        BUS_FIELD("pressure_io_some_usec", BUS_UINT64, SystemSample, pressure_usec[PRESSURE_IO_SOME]),
        BUS_FIELD("pressure_io_full_usec", BUS_UINT64, SystemSample, pressure_usec[PRESSURE_IO_FULL]),
        BUS_FIELD_ROWS("disks", &disk_rows, SystemSample, disks, n_disks),
        BUS_FIELD_ROWS("networks", &network_rows, SystemSample, networks, n_networks),
};
static const BusDictionary system_dictionary = BUS_DICTIONARY(system_fields);

static const BusField unit_fields[] = {
        BUS_FIELD("name", BUS_STRING, UnitSample, name, BUS_REQUIRED),
        BUS_FIELD("id", BUS_STRING, UnitSample, id, BUS_REQUIRED),
        BUS_FIELD("load_state", BUS_STRING, UnitSample, load_state, BUS_REQUIRED),
        BUS_FIELD("active_state", BUS_STRING, UnitSample, active_state, BUS_REQUIRED),
        BUS_FIELD("sub_state", BUS_STRING, UnitSample, sub_state, BUS_REQUIRED),
        BUS_FIELD("active_enter_at_usec", BUS_UINT64, UnitSample, active_enter_at_usec),
};
static const BusDictionary unit_dictionary = BUS_DICTIONARY(unit_fields);
static const BusRows unit_rows = { &unit_dictionary, sizeof(UnitSample), SAMPLE_UNITS_MAX };

static const BusField part_fields[] = {
        BUS_FIELD("name", BUS_STRING, PartSample, name, BUS_REQUIRED),
        BUS_FIELD("success", BUS_BOOL, PartSample, success),
        BUS_FIELD("refresh_usec", BUS_UINT64, PartSample, refresh_usec),
        BUS_FIELD("refreshed_at_usec", BUS_UINT64, PartSample, refreshed_at_usec),
};
static const BusDictionary part_dictionary = BUS_DICTIONARY(part_fields);
static const BusRows part_rows = { &part_dictionary, sizeof(PartSample), SAMPLE_PARTS_MAX };

int system_sample_append(sd_bus_message *message, const SystemSample *sample)
{
        return bus_dictionary_append(message, &system_dictionary, sample);
}

int unit_samples_append(sd_bus_message *message, const UnitSamples *samples)
{
        return bus_rows_append(message, &unit_rows, samples->units, samples->n_units);
}

int part_samples_append(sd_bus_message *message, const PartSamples *samples)
{
        return bus_rows_append(message, &part_rows, samples->parts, samples->n_parts);
}

int system_sample_read(sd_bus_message *message, SystemSample *ret_sample)
{
        SystemSample sample = { 0 };

        int r = bus_dictionary_read(message, &system_dictionary, &sample);
        if (r < 0) {
                system_sample_done(&sample);
                return r;
        }

        *ret_sample = sample;
        return 0;
}

int unit_samples_read(sd_bus_message *message, UnitSamples *ret_samples)
{
        UnitSamples samples = { 0 };

        int r = bus_rows_read(message, &unit_rows, samples.units, &samples.n_units);
        if (r < 0) {
                unit_samples_done(&samples);
                return r;
        }

        *ret_samples = samples;
        return 0;
}

int part_samples_read(sd_bus_message *message, PartSamples *ret_samples)
{
        PartSamples samples = { 0 };

        int r = bus_rows_read(message, &part_rows, samples.parts, &samples.n_parts);
        if (r < 0) {
                part_samples_done(&samples);
                return r;
        }

        *ret_samples = samples;
        return 0;
}
