/* SPDX-License-Identifier: MIT */
/* Samples from D-Bus. The bytes of a message are sd-bus's to check; here the input says what a peer puts
 * into a well-formed one: keys, types and values, nested as it likes. */

#include "sample/sample-bus.h"

#include <string.h>

#include "fuzz.h"
#include "message.h"

typedef struct Input {
        const uint8_t *at, *end;
} Input;

static uint8_t input_take(Input *input)
{
        return input->at < input->end ? *input->at++ : 0;
}

static const char *input_key(Input *input)
{
        static const char *const keys[] = {
                "name",
                "id",
                "load_state",
                "active_state",
                "sub_state",
                "active_enter_at_usec",
                "success",
                "refresh_usec",
                "disks",
                "networks",
                "path",
                "device",
                "total_bytes",
                "free_bytes",
                "uptime_usec",
                "cpu_percent",
                "has_pressure",
                "receive_bytes",
                "",
                "unknown",
        };

        return keys[input_take(input) % ELEMENTSOF(keys)];
}

static void append_rows(sd_bus_message *message, Input *input, unsigned depth);

static void append_variant(sd_bus_message *message, Input *input, unsigned depth)
{
        uint8_t choice = input_take(input);

        switch (choice % 7) {
        case 0:
                fuzz_check(sd_bus_message_append(message, "v", "s", input_key(input)) >= 0);
                return;
        case 1:
                fuzz_check(sd_bus_message_append(message, "v", "t", (uint64_t) choice << 56) >= 0);
                return;
        case 2:
                fuzz_check(sd_bus_message_append(message, "v", "d", (double) input_take(input) / choice) >=
                           0);
                return;
        case 3:
                fuzz_check(sd_bus_message_append(message, "v", "b", choice > 127) >= 0);
                return;
        case 4:
                fuzz_check(sd_bus_message_append(message, "v", "as", 1, "text") >= 0);
                return;
        case 5:
                fuzz_check(sd_bus_message_append(message, "v", "(sv)", "x", "u", 7) >= 0);
                return;
        default:
                if (depth >= 4) {
                        fuzz_check(sd_bus_message_append(message, "v", "y", choice) >= 0);
                        return;
                }
                fuzz_check(sd_bus_message_open_container(message, 'v', "aa{sv}") >= 0);
                append_rows(message, input, depth + 1);
                fuzz_check(sd_bus_message_close_container(message) >= 0);
        }
}

static void append_dict(sd_bus_message *message, Input *input, unsigned depth)
{
        fuzz_check(sd_bus_message_open_container(message, 'a', "{sv}") >= 0);
        for (uint8_t n = input_take(input) % 16; n > 0; n--) {
                fuzz_check(sd_bus_message_open_container(message, 'e', "sv") >= 0);
                fuzz_check(sd_bus_message_append(message, "s", input_key(input)) >= 0);
                append_variant(message, input, depth);
                fuzz_check(sd_bus_message_close_container(message) >= 0);
        }
        fuzz_check(sd_bus_message_close_container(message) >= 0);
}

static void append_rows(sd_bus_message *message, Input *input, unsigned depth)
{
        fuzz_check(sd_bus_message_open_container(message, 'a', "a{sv}") >= 0);
        for (uint8_t n = input_take(input) % 80; n > 0 && input->at < input->end; n--)
                append_dict(message, input, depth);
        fuzz_check(sd_bus_message_close_container(message) >= 0);
}

/* What was read is written and read again: nothing may be lost, and no string may be missing. */
static void check_system(sd_bus *bus, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *copy = message_new(bus);
        SystemSample sample, again;

        int r = system_sample_read(message, &sample);
        fuzz_check(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;

        for (size_t i = 0; i < sample.n_disks; i++)
                fuzz_check(sample.disks[i].path);
        for (size_t i = 0; i < sample.n_networks; i++)
                fuzz_check(sample.networks[i].device);

        fuzz_check(system_sample_append(copy, &sample) >= 0 && message_seal(copy) >= 0);
        fuzz_check(system_sample_read(copy, &again) == 0);
        fuzz_check(again.n_disks == sample.n_disks && again.n_networks == sample.n_networks);
        fuzz_check(again.uptime_usec == sample.uptime_usec && again.has_pressure == sample.has_pressure);
        system_sample_done(&sample);
        system_sample_done(&again);
}

static void check_units(sd_bus_message *message)
{
        UnitSamples samples;

        int r = unit_samples_read(message, &samples);
        fuzz_check(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;

        fuzz_check(samples.n_units <= SAMPLE_UNITS_MAX);
        for (size_t i = 0; i < samples.n_units; i++)
                fuzz_check(unit_sample_state(&samples.units[i]));
        unit_samples_done(&samples);
}

static void check_parts(sd_bus_message *message)
{
        PartSamples samples;

        int r = part_samples_read(message, &samples);
        fuzz_check(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;

        for (size_t i = 0; i < samples.n_parts; i++)
                fuzz_check(samples.parts[i].name);
        part_samples_done(&samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = message_bus_new();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = message_new(bus);
        Input input = { data, data + size };

        uint8_t choice = input_take(&input) % 3;
        if (choice == 0)
                append_dict(message, &input, 0);
        else
                append_rows(message, &input, 0);
        fuzz_check(message_seal(message) >= 0);

        if (choice == 0)
                check_system(bus, message);
        else if (choice == 1)
                check_units(message);
        else
                check_parts(message);

        return 0;
}
