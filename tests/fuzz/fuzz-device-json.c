/* SPDX-License-Identifier: MIT */
/* What the agent of a device answers to the hub: a message that is shown is visible text, and entries of a
 * chain reach the ledger within their limits, or not at all. */

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "basic/utf8.h"
#include "dispatch/device-json.h"
#include "fuzz.h"

/* A connection that nothing is sent on, as messages have to have one. */
static sd_bus *make_bus(void)
{
        sd_bus *bus = NULL;
        int fds[2];

        fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        fuzz_check(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        fuzz_check(sd_bus_start(bus) >= 0);
        return bus;
}

static void read_entries(sd_bus_message *message, int n_entries)
{
        const void *bytes;
        size_t size;
        int n = 0, r;

        fuzz_check(sd_bus_message_seal(message, 1, 0) >= 0 && sd_bus_message_rewind(message, true) >= 0);
        fuzz_check(sd_bus_message_enter_container(message, 'a', "(ttqayayay)") > 0);
        while ((r = sd_bus_message_enter_container(message, 'r', "ttqayayay")) > 0) {
                fuzz_check(sd_bus_message_skip(message, "ttq") >= 0);
                fuzz_check(sd_bus_message_read_array(message, 'y', &bytes, &size) >= 0);
                fuzz_check(size <= (size_t) 128 * 1024);
                for (unsigned i = 0; i < 2; i++) {
                        fuzz_check(sd_bus_message_read_array(message, 'y', &bytes, &size) >= 0);
                        fuzz_check(size <= 32);
                }
                fuzz_check(sd_bus_message_exit_container(message) >= 0);
                n++;
        }
        fuzz_check(r == 0 && n == n_entries);
}

static void check_entries(const cJSON *entries)
{
        static sd_bus *bus;
        sd_bus_message *message = NULL;

        bus = bus ?: make_bus();
        fuzz_check(sd_bus_message_new_method_call(bus, &message, "a.b", "/a", "a.b", "C") >= 0);
        int r = device_json_append_entries(message, entries);
        if (r >= 0)
                read_entries(message, cJSON_GetArraySize(entries));
        sd_bus_message_unref(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(device_json_freep) cJSON *tree = cJSON_ParseWithLength((const char *) data, size);
        const cJSON *entries = cJSON_GetObjectItemCaseSensitive(tree, "entries");
        DeviceAnswer answer;

        if (device_json_answer(BYTES(data, size), &answer) == 0)
                fuzz_check(answer.message[0] == '\0' || utf8_is_visible(answer.message));
        fuzz_check(device_json_reason(BYTES(data, size)) > 0);
        if (cJSON_IsArray(entries))
                check_entries(entries);
        return 0;
}
