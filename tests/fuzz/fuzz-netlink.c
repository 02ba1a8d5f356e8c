/* SPDX-License-Identifier: MIT */
/* Datagrams of a netlink reply: all of the input is one, whose messages are of WireGuard's family; what was
 * read survives being written as requests and as UAPI text. */
#include "netlink/netlink-socket.h"
#include "netlink/wireguard-genl.h"
#include "netlink/wireguard-uapi.h"

#include "fuzz.h"

static int on_message(const struct nlmsghdr *header, void *userdata)
{
        uint16_t family;

        (void) wireguard_genl_read_family(header, &family);
        return wireguard_genl_read_device(header, userdata);
}

static void write_requests(const WireguardDevice *device)
{
        WireguardCursor cursor = { 0 };

        while (!wireguard_cursor_at_end(&cursor, device)) {
                struct nl_msg *message;

                fuzz_check(wireguard_genl_new_set(33, "wg0", device, &cursor, &message) == 0);
                fuzz_check(nlmsg_hdr(message)->nlmsg_len <= WIREGUARD_GENL_MESSAGE_MAX);
                netlink_message_free(message);
        }
}

static void write_text(const WireguardDevice *device)
{
        WireguardCursor cursor = { 0 };
        char buffer[WIREGUARD_UAPI_UNIT_MAX];
        size_t n, n_last = 0;

        while ((n = wireguard_uapi_write_set(device, &cursor, buffer, sizeof buffer)) > 0) {
                fuzz_check(n <= sizeof buffer);
                n_last = n;
        }
        fuzz_check(n_last > 0 && buffer[n_last - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        NetlinkReply reply = { .on_message = on_message, .userdata = &device };

        /* Aligned, as what recv(2) fills is. */
        _cleanup_(freep) uint8_t *datagram = malloc(size + 1);
        if (!datagram)
                return 0;
        memcpy(datagram, data, size);

        int r = netlink_reply_read(&reply, BYTES(datagram, size));
        fuzz_check(r <= NETLINK_COMPLETE);
        if (r < 0)
                return 0;

        write_requests(&device);
        write_text(&device);
        if (wireguard_device_normalise(&device) < 0)
                return 0;
        fuzz_check(wireguard_device_diff(&device, &device, &changes) == 0);
        fuzz_check(wireguard_changes_empty(&changes));
        return 0;
}
