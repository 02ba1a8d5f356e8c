/* SPDX-License-Identifier: MIT */
#include "netlink/wireguard.h"

#include "test.h"
#include "world.h"

static void test_normalise(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = {
                .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY,
        };
        _cleanup_(freep) char *description = NULL;
        /* RFC 7748, section 6.1: Alice's keys. */
        static const uint8_t private_key[] = {
                0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        };
        static const uint8_t public_key[] = {
                0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
                0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
                0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a,
        };

        memcpy(device.private_key.bytes, private_key, sizeof private_key);
        world_add_peer(&device, 3, "10.0.0.9/24 10.0.0.3");
        world_add_peer(&device, 1, "");
        world_add_peer(&device, 2, "fd00::1/64");
        assert_ok(wireguard_device_normalise(&device));

        description = world_describe(&device);
        assert_string_equal(description, "01 psk=f0 keepalive=25\n"
                                         "02 psk=f0 keepalive=25 +fd00::/64\n"
                                         "03 psk=f0 keepalive=25 +10.0.0.0/24 +10.0.0.3/32\n");
        assert_memory_equal(device.public_key.bytes, public_key, sizeof public_key);
        assert_int_equal(device.private_key.bytes[0] & 7, 0);
        assert_int_equal(device.private_key.bytes[31] & 0xc0, 0x40);

        for (uint8_t i = 0; i < 5; i++) {
                WireguardKey key = world_key(i);
                const WireguardPeer *peer = wireguard_device_find_peer(&device, &key);

                assert_int_equal(!!peer, i >= 1 && i <= 3);
                if (peer)
                        assert_memory_equal(&peer->public_key, &key, sizeof key);
        }
}

static void test_normalise_refuses(void **state)
{
        static const struct {
                const char *first, *second;
                uint8_t second_key;
                int error;
        } rows[] = {
                { "10.0.0.1", "10.0.0.2", 2, 0 },         { "10.0.0.1", "10.0.0.2", 1, -ENOTUNIQ },
                { "10.0.0.1", "10.0.0.1", 2, -ENOTUNIQ }, { "10.0.0.1/24", "10.0.0.2/24", 2, -ENOTUNIQ },
                { "10.0.0.1/24", "10.0.0.1/25", 2, 0 },   { "10.0.0.1 10.0.0.1", "", 2, -ENOTUNIQ },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;

                world_add_peer(&device, 1, rows[i].first);
                world_add_peer(&device, rows[i].second_key, rows[i].second);
                assert_err(wireguard_device_normalise(&device), rows[i].error);
        }
}

static void test_own_key(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = {
                .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY,
                .private_key = world_key(9),
        };
        WireguardPeer *peer;

        assert_ok(wireguard_device_normalise(&device));
        WireguardKey own = device.public_key;
        assert_ok(wireguard_device_add_peer(&device, &own, &peer));
        assert_err(wireguard_device_normalise(&device), -ELOOP);
}

static void test_limits(void **state)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        WireguardKey key = world_key(1);
        WireguardPeer *peer;
        IpPrefix prefix;

        for (size_t i = 0; i < WIREGUARD_PEERS_MAX; i++)
                assert_ok(wireguard_device_add_peer(&device, &key, &peer));
        assert_err(wireguard_device_add_peer(&device, &key, &peer), -E2BIG);

        assert_ok(ip_prefix_parse("10.0.0.1", &prefix));
        for (size_t i = 0; i < WIREGUARD_ALLOWED_IPS_MAX; i++)
                assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        assert_err(wireguard_peer_add_allowed_ip(peer, &prefix), -E2BIG);
}

static void test_endpoints(void **state)
{
        static const struct {
                const char *text;
                int result;
        } rows[] = {
                { "", 0 },
                { "192.0.2.1:51820", 0 },
                { "[2001:db8::1]:9", 0 },
                { "192.0.2.1", -EINVAL },
                { "/run/socket", -EINVAL },
                { "[fe80::1%eth0]:9", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                WireguardEndpoint endpoint = { .any.sa_family = AF_UNIX };
                _cleanup_(text_done) Text text = TEXT_NULL;

                assert_int_equal(wireguard_endpoint_parse(rows[i].text, &endpoint), rows[i].result);
                if (rows[i].result < 0)
                        continue;
                assert_int_equal(wireguard_endpoint_is_known(&endpoint), rows[i].text[0] != '\0');
                wireguard_endpoint_append(&endpoint, &text);
                assert_string_equal(strempty(text.data), rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normalise), cmocka_unit_test(test_normalise_refuses),
                cmocka_unit_test(test_own_key),   cmocka_unit_test(test_limits),
                cmocka_unit_test(test_endpoints),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
