/* SPDX-License-Identifier: MIT */
#include "netlink/wireguard-uapi.h"

#include "basic/text.h"
#include "test.h"
#include "world.h"

#define ONES   "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY(x) x "11111111111111111111111111111111111111111111111111111111111111"

static const char reply[] = "private_key=" KEY(
        "70") "\n"
              "listen_port=51820\n"
              "public_key=" KEY("02") "\n"
                                      "preshared_key=" KEY(
                                              "f0") "\n"
                                                    "protocol_version=1\n"
                                                    "endpoint=192.0.2.1:9\n"
                                                    "last_handshake_time_sec=1700000000\n"
                                                    "last_handshake_time_nsec=250000999\n"
                                                    "tx_bytes=18446744073709551615\n"
                                                    "rx_bytes=7\n"
                                                    "persistent_keepalive_interval=25\n"
                                                    "allowed_ip=10.0.0.2/32\n"
                                                    "allowed_ip=fd00::/8\n"
                                                    "public_key=" KEY(
                                                            "01") "\n"
                                                                  "preshared_key=" KEY(
                                                                          "00") "\n"
                                                                                "endpoint=[fe80::1%eth0]:9\n"
                                                                                "something_new=yes\n"
                                                                                "errno=0\n\n";

static int read_text(const char *text, size_t step, WireguardDevice *device)
{
        WireguardUapiReader reader = { .device = device };
        size_t size = strlen(text);
        int r = 0;

        for (size_t at = 0; at < size && r == 0; at += step)
                r = wireguard_uapi_read(&reader, BYTES(text + at, MIN(step, size - at)));
        wireguard_uapi_reader_done(&reader);
        return r;
}

static void test_read(void **state)
{
        for (size_t step = 1; step <= sizeof reply; step += step < 80 ? 1 : 97) {
                _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
                _cleanup_(freep) char *description = NULL;

                assert_int_equal(read_text(reply, step, &device), 1);
                description = world_describe(&device);
                assert_string_equal(description,
                                    "port=51820\n"
                                    "02 psk=f0 keepalive=25 endpoint=192.0.2.1:9 +10.0.0.2/32 +fd00::/8\n"
                                    "01 psk=00 keepalive=0\n");
                assert_int_equal(device.private_key.bytes[0], 0x70);
                assert_int_equal(device.peers[0].last_handshake_at_usec, 1700000000250000);
                assert_int_equal(device.peers[0].tx_bytes, UINT64_MAX);
                assert_int_equal(device.peers[0].rx_bytes, 7);
        }
}

static void test_read_replies(void **state)
{
        static const struct {
                const char *text;
                bool to_set; /* the reply to set=1 */
                int result;
        } rows[] = {
                { "errno=0\n\n", true, 1 },
                { "errno=-22\n\n", true, -EINVAL }, /* wireguard-go */
                { "errno=22\n\n", true, -EINVAL },  /* the protocol's text */
                { "errno=-98\n\n", false, -EADDRINUSE },
                { "errno=0\n", true, 0 },
                { "errno=0", true, 0 },
                { "", false, 0 },
                { "\n", false, -EBADMSG },
                { "listen_port=1\n\n", false, -EBADMSG },
                { "listen_port=1\nerrno=0\n\n", true, -EBADMSG },
                { "errno=0\n\nerrno=0\n\n", true, -EBADMSG },
                { "errno=0\nerrno=0\n\n", true, -EBADMSG },
                { "errno=\n\n", true, -EBADMSG },
                { "errno=-\n\n", true, -EBADMSG },
                { "errno=--1\n\n", true, -EBADMSG },
                { "errno=4096\n\n", true, -EBADMSG },
                { "no equals sign\nerrno=0\n\n", false, -EBADMSG },
                { "listen_port=65536\nerrno=0\n\n", false, -EBADMSG },
                { "fwmark=4294967296\nerrno=0\n\n", false, -EBADMSG },
                { "fwmark=4294967295\nerrno=0\n\n", false, 1 },
                { "public_key=" ONES "1\nerrno=0\n\n", false, -EBADMSG },
                { "public_key=" KEY("zz") "\nerrno=0\n\n", false, -EBADMSG },
                { "private_key=" KEY("1") "\nerrno=0\n\n", false, -EBADMSG },
                { "preshared_key=" ONES "\nerrno=0\n\n", false, -EBADMSG },
                { "allowed_ip=10.0.0.1/32\nerrno=0\n\n", false, -EBADMSG },
                { "public_key=" ONES "\nallowed_ip=10.0.0.1/33\nerrno=0\n\n", false, -EBADMSG },
                { "public_key=" ONES "\nendpoint=nonsense\nerrno=0\n\n", false, 1 },
                { "public_key=" ONES "\nendpoint=/run/socket\nerrno=0\n\n", false, 1 },
                { "public_key=" ONES "\nlast_handshake_time_sec=-1\nerrno=0\n\n", false, -EBADMSG },
                { "public_key=" ONES "\nlast_handshake_time_nsec=1000000000\nerrno=0\n\n", false, -EBADMSG },
                { "long=" ONES ONES ONES ONES "\nerrno=0\n\n", false, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;

                assert_err(read_text(rows[i].text, 4096, rows[i].to_set ? NULL : &device), rows[i].result);
        }

        WireguardDevice device = WIREGUARD_DEVICE_NULL;
        WireguardUapiReader reader = { .device = &device };
        assert_err(wireguard_uapi_read(&reader, BYTES("errno=0\0\n\n", 10)), -EBADMSG);
}

static const char request[] =
        "set=1\n"
        "private_key=" KEY(
                "70") "\n"
                      "listen_port=0\n"
                      "fwmark=4294967295\n"
                      "public_key=" KEY(
                              "01") "\n"
                                    "remove=true\n"
                                    "public_key=" KEY(
                                            "02") "\n"
                                                  "replace_allowed_ips=true\n"
                                                  "preshared_key=" KEY(
                                                          "f0") "\n"
                                                                "persistent_keepalive_interval=25\n"
                                                                "endpoint=[2001:db8::1]:51820\n"
                                                                "allowed_ip=10.0.0.2/32\n"
                                                                "allowed_ip=fd00::/8\n"
                                                                "public_key=" KEY(
                                                                        "03") "\n"
                                                                              "update_only=true\n"
                                                                              "persistent_keepalive_"
                                                                              "interval=0\n"
                                                                              "\n";

static void test_write(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice changes = {
                .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY | WIREGUARD_DEVICE_HAS_LISTEN_PORT |
                         WIREGUARD_DEVICE_HAS_FWMARK,
                .private_key = world_key(0x70),
                .fwmark = UINT32_MAX,
        };

        world_add_peer(&changes, 1, "")->flags = WIREGUARD_PEER_REMOVE;
        WireguardPeer *peer = world_add_peer(&changes, 2, "10.0.0.2 fd00::/8");
        peer->flags |= WIREGUARD_PEER_REPLACE_ALLOWED_IPS;
        peer->endpoint.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(51820) };
        memcpy(&peer->endpoint.v6.sin6_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
        peer = world_add_peer(&changes, 3, "");
        peer->flags = WIREGUARD_PEER_UPDATE_ONLY | WIREGUARD_PEER_HAS_KEEPALIVE;
        peer->keepalive_seconds = 0;

        for (size_t room = WIREGUARD_UAPI_UNIT_MAX; room < 2 * WIREGUARD_UAPI_UNIT_MAX; room += 37) {
                _cleanup_(text_done) Text text = TEXT_NULL;
                WireguardCursor cursor = { 0 };
                char buffer[2 * WIREGUARD_UAPI_UNIT_MAX];
                size_t n;

                while ((n = wireguard_uapi_write_set(&changes, &cursor, buffer, room)) > 0)
                        text_append_bytes(&text, buffer, n);
                assert_string_equal(text.data, request);
        }
}

static void test_write_nothing(void **state)
{
        WireguardDevice changes = WIREGUARD_DEVICE_NULL;
        WireguardCursor cursor = { 0 };
        char buffer[WIREGUARD_UAPI_UNIT_MAX];

        size_t n = wireguard_uapi_write_set(&changes, &cursor, buffer, sizeof buffer);
        assert_int_equal(n, strlen("set=1\n\n"));
        assert_memory_equal(buffer, "set=1\n\n", n);
        assert_int_equal(wireguard_uapi_write_set(&changes, &cursor, buffer, sizeof buffer), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_replies),
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_write_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
