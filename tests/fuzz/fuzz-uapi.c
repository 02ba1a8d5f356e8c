/* SPDX-License-Identifier: MIT */
/* Replies of wireguard-go. The first byte says in how large pieces the rest comes, and what was asked; the
 * result must not depend on the pieces. */
#include "netlink/wireguard-uapi.h"

#include "fuzz.h"

static int read_pieces(Bytes text, size_t step, WireguardDevice *device)
{
        WireguardUapiReader reader = { .device = device };
        int r = 0;

        for (size_t at = 0; at < text.size && r == 0; at += step)
                r = wireguard_uapi_read(&reader, BYTES(text.data + at, MIN(step, text.size - at)));
        wireguard_uapi_reader_done(&reader);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(wireguard_device_done) WireguardDevice whole = WIREGUARD_DEVICE_NULL, pieces = whole;
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        if (size == 0)
                return 0;
        bool is_get = data[0] & 1;
        size_t step = (size_t) (data[0] >> 1) + 1;
        Bytes text = BYTES(data + 1, size - 1);

        int r = read_pieces(text, SIZE_MAX / 2, is_get ? &whole : NULL);
        int again = read_pieces(text, step, is_get ? &pieces : NULL);
        fuzz_check(r <= 1);
        fuzz_check(r == again || (r == -EBADMSG && again == 1) || (r == -EBADMSG && again < 0));
        if (r != 1)
                return 0;

        fuzz_check(whole.n_peers == pieces.n_peers);
        if (wireguard_device_normalise(&whole) < 0)
                return 0;
        fuzz_check(wireguard_device_normalise(&pieces) == 0);
        fuzz_check(wireguard_device_diff(&whole, &pieces, &changes) == 0);
        fuzz_check(wireguard_changes_empty(&changes));
        return 0;
}
