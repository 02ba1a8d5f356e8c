/* SPDX-License-Identifier: MIT */
/* Counters of network devices. */

#include "collector/netdev.h"

#include <net/if.h>

#include "basic/parse.h"
#include "basic/text.h"
#include "basic/utf8.h"

/* Columns after the name: bytes packets errs drop fifo frame compressed multicast, then the same for sending
 * (with colls and carrier instead of frame and compressed). */
#define COLUMNS 16

static const struct {
        int column;
        size_t offset;
} columns[] = {
        { 0, offsetof(NetworkSample, receive_bytes) },    { 1, offsetof(NetworkSample, receive_packets) },
        { 2, offsetof(NetworkSample, receive_errors) },   { 3, offsetof(NetworkSample, receive_drops) },
        { 8, offsetof(NetworkSample, transmit_bytes) },   { 9, offsetof(NetworkSample, transmit_packets) },
        { 10, offsetof(NetworkSample, transmit_errors) }, { 11, offsetof(NetworkSample, transmit_drops) },
};

/* A number of more than 64 bits is unknown. */
static int parse_column(const char **cursor, uint64_t *ret_value)
{
        int r = parse_next_u64(cursor, ret_value);
        if (r != -ERANGE)
                return r;

        *cursor += strspn(*cursor, " ");
        *cursor += strspn(*cursor, "0123456789");
        *ret_value = SAMPLE_UNKNOWN;
        return 0;
}

/* Returns 1 for the line of a device, 0 for any other. */
static int parse_line(const char *line, size_t size, NetworkSample *ret_counters, size_t *ret_name_size)
{
        const char *colon = memrchr(line, ':', size);
        uint64_t values[COLUMNS];

        if (!colon || colon == line || colon - line >= IFNAMSIZ)
                return 0;

        const char *cursor = colon + 1;
        for (int i = 0; i < COLUMNS; i++)
                if (parse_column(&cursor, &values[i]) < 0)
                        return 0;

        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                memcpy((char *) ret_counters + columns[i].offset, &values[columns[i].column],
                       sizeof values[0]);
        *ret_name_size = (size_t) (colon - line);
        return 1;
}

/* The kernel allows nearly any byte in a name, the bus and JSON only UTF-8. An escape begins with a
 * backslash, which is itself escaped: names that differ stay different. */
static int name_dup(const char *name, size_t size, char **ret_name)
{
        Text text = TEXT_NULL;

        for (size_t i = 0; i < size;) {
                uint32_t code;
                size_t length = utf8_decode(name + i, size - i, &code);

                if (length > 0 && code != '\\' && !utf8_is_control(code)) {
                        text_append_bytes(&text, name + i, length);
                        i += length;
                } else
                        text_appendf(&text, "\\x%02x", (unsigned char) name[i++]);
        }

        int r = text_take(&text, ret_name, NULL);
        text_done(&text);
        return r;
}

/* Appends the devices named veth*, or all others. */
static int parse_devices(const char *text, bool veth, SystemSample *sample)
{
        const char *end;

        for (const char *line = text; sample->n_networks < SAMPLE_NETWORKS_MAX && (end = strchr(line, '\n'));
             line = end + 1) {
                NetworkSample counters = { 0 };
                size_t size;

                while (*line == ' ')
                        line++;
                if (startswith(line, "veth") != veth)
                        continue;

                if (parse_line(line, (size_t) (end - line), &counters, &size) == 0)
                        continue;
                int r = name_dup(line, size, &counters.device);
                if (r < 0)
                        return r;
                sample->networks[sample->n_networks++] = counters;
        }

        return 0;
}

int netdev_parse(const char *text, SystemSample *sample)
{
        int r = parse_devices(text, false, sample);
        if (r < 0)
                return r;

        return parse_devices(text, true, sample);
}
