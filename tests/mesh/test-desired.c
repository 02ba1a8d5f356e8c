/* SPDX-License-Identifier: MIT */
/* From any state of the kernel the desired one is reached in one round, by messages that name no peer that
 * was right before; a key in the journal is never among the desired ones. */

#include "mesh/desired.h"

#include <stdio.h>

#include "fake-kernel.h"
#include "mesh-store.h"
#include "netlink/wireguard-genl.h"

#define STATES     300
#define NUMBERS    24 /* of keys and addresses */
#define FIRST_PEER 10
#define PORTS      ((DesiredPorts){ .http = 8080 })

/* A repeatable source of numbers. */
static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 16;
}

static void revoke(MeshStore *world, uint8_t number)
{
        JournalEntry entry = { .key = { { number, [31] = 1 } }, .device = "dev", .time_ms = 1 };

        assert_ok(journal_append(world->journal, &entry, 1));
}

/* ---- the kernel, over messages */

typedef struct Reading {
        WireguardDevice *device;
        uint16_t family;
} Reading;

static void on_datagram(Bytes datagram, void *userdata)
{
        Reading *reading = userdata;
        unsigned left = (unsigned) datagram.size;

        for (const struct nlmsghdr *header = (const struct nlmsghdr *) datagram.data; NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left))
                if (header->nlmsg_type == reading->family)
                        assert_ok(wireguard_genl_read_device(header, reading->device));
}

static void exchange(FakeKernel *kernel, struct nl_msg *message, WireguardDevice *device)
{
        Reading reading = { device, kernel->family };
        struct nlmsghdr *header = nlmsg_hdr(message);

        header->nlmsg_flags |= NLM_F_REQUEST;
        fake_kernel_answer(kernel, BYTES(header, header->nlmsg_len), on_datagram, &reading);
}

static void read_kernel(FakeKernel *kernel, WireguardDevice *ret_device)
{
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                wireguard_genl_new_get(kernel->family, MESH_LINK);

        assert_non_null(message);
        exchange(kernel, message, ret_device);
        assert_ok(wireguard_device_normalise(ret_device));
}

static void apply(FakeKernel *kernel, const WireguardDevice *changes)
{
        WireguardCursor cursor = { 0 };

        while (!wireguard_cursor_at_end(&cursor, changes)) {
                _cleanup_(netlink_message_freep) struct nl_msg *message = NULL;

                assert_ok(wireguard_genl_new_set(kernel->family, MESH_LINK, changes, &cursor, &message));
                exchange(kernel, message, NULL);
        }
}

/* Peers that are right, wrong in some field, foreign or revoked. */
static void randomise(FakeKernel *kernel, const Desired *desired, uint32_t *seed)
{
        if (next_random(seed) % 2) {
                kernel->device.private_key = desired->device.private_key;
                kernel->device.public_key = desired->device.public_key;
        }
        kernel->device.listen_port = next_random(seed) % 2 ? MESH_PORT : 1;
        for (uint8_t i = FIRST_PEER; i < FIRST_PEER + NUMBERS; i++) {
                WireguardKey key = { { i, [31] = 1 } };
                const WireguardPeer *wanted = wireguard_device_find_peer(&desired->device, &key);
                uint32_t way = next_random(seed) % 4;
                WireguardPeer *peer;
                IpPrefix address;

                if (way == 0)
                        continue;
                assert_ok(wireguard_device_add_peer(&kernel->device, &key, &peer));
                if (wanted && way == 1)
                        peer->keepalive_seconds = 99;
                if (wanted && way >= 2)
                        peer->preshared_key = wanted->preshared_key;
                if (wanted && way == 3) {
                        address = wanted->allowed_ips[0];
                        assert_ok(wireguard_peer_add_allowed_ip(peer, &address));
                }
        }
}

static void assert_untouched(const FakeKernel *kernel, const WireguardDevice *before, const Desired *desired)
{
        for (size_t i = 0; i < kernel->touched.n_peers; i++) {
                _cleanup_(wireguard_device_done) WireguardDevice one = WIREGUARD_DEVICE_NULL;
                const WireguardKey *key = &kernel->touched.peers[i].public_key;
                const WireguardPeer *running = wireguard_device_find_peer(before, key);
                const WireguardPeer *wanted = wireguard_device_find_peer(&desired->device, key);

                if (running && wanted)
                        assert_false(running->n_allowed_ips == 1 && running->keepalive_seconds == 0 &&
                                     memcmp(&running->preshared_key, &wanted->preshared_key,
                                            sizeof wanted->preshared_key) == 0);
        }
}

static void test_converges_from_any_state(void **state)
{
        MeshStore *world = *state;
        _cleanup_(desired_done) Desired desired = DESIRED_NULL;
        uint32_t seed = 1;

        for (uint8_t i = 0; i < NUMBERS; i += 2) {
                char name[8];

                (void) snprintf(name, sizeof name, "dev-%u", i);
                assert_ok(mesh_store_peer(world, name, (uint8_t) (FIRST_PEER + i)));
        }
        revoke(world, FIRST_PEER);
        revoke(world, FIRST_PEER + 4);
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        assert_int_equal(desired.device.n_peers, NUMBERS / 2 - 2);

        for (unsigned i = 0; i < STATES; i++) {
                _cleanup_(wireguard_device_done) WireguardDevice before = WIREGUARD_DEVICE_NULL,
                                                                 after = WIREGUARD_DEVICE_NULL,
                                                                 changes = WIREGUARD_DEVICE_NULL,
                                                                 rest = WIREGUARD_DEVICE_NULL;
                FakeKernel kernel = FAKE_KERNEL_INIT;

                randomise(&kernel, &desired, &seed);
                read_kernel(&kernel, &before);
                assert_ok(wireguard_device_diff(&desired.device, &before, &changes));
                apply(&kernel, &changes);
                assert_untouched(&kernel, &before, &desired);
                read_kernel(&kernel, &after);
                assert_ok(wireguard_device_diff(&desired.device, &after, &rest));
                assert_true(wireguard_changes_empty(&rest));
                fake_kernel_done(&kernel);
        }
}

/* ---- the function itself */

static bool wants(const Desired *desired, uint8_t number)
{
        return wireguard_device_find_peer(&desired->device, &(WireguardKey){ { number, [31] = 1 } });
}

static void test_a_revoked_key_is_never_desired(void **state)
{
        MeshStore *world = *state;
        _cleanup_(desired_done) Desired desired = DESIRED_NULL;

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_ok(mesh_store_peer(world, "dev-b", 11));
        assert_ok(mesh_store_peer(world, "dev-c", 12));
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        assert_true(wants(&desired, 10) && wants(&desired, 11) && wants(&desired, 12));
        uint64_t generation = desired.generation;

        desired_remove_peer(&desired, &(WireguardKey){ { 11, [31] = 1 } });
        assert_true(wants(&desired, 10) && !wants(&desired, 11) && wants(&desired, 12));
        assert_true(desired.generation > generation);

        /* In the journal, or as a tombstone of the database. */
        revoke(world, 11);
        assert_ok(peer_store_tombstone(world->store.database, &(WireguardKey){ { 12, [31] = 1 } }, 2));
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        assert_true(wants(&desired, 10) && !wants(&desired, 11) && !wants(&desired, 12));
}

/* An endpoint is where a missing peer is loaded, and no reason to touch one that is there. */
static void test_endpoints(void **state)
{
        MeshStore *world = *state;
        _cleanup_(desired_done) Desired desired = DESIRED_NULL;
        const WireguardKey key = { { 10, [31] = 1 } };
        Peer peer = { .name = "dev-a" };
        WireguardEndpoint moved;

        assert_ok(wireguard_endpoint_parse("192.0.2.1:9", &peer.sighting.endpoint));
        assert_ok(wireguard_endpoint_parse("192.0.2.2:9", &moved));
        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_ok(peer_store_endpoint(world->store.database, &peer));
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        const WireguardPeer *loaded = wireguard_device_find_peer(&desired.device, &key);
        assert_true(wireguard_endpoint_equal(&loaded->endpoint, &peer.sighting.endpoint));

        uint64_t generation = desired.generation;
        desired_set_endpoint(&desired, &key, &moved);
        desired_set_endpoint(&desired, &(WireguardKey){ { 99 } }, &moved);
        assert_true(wireguard_endpoint_equal(&loaded->endpoint, &moved));
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        assert_int_equal(desired.generation, generation);
}

static void test_building_again_changes_nothing(void **state)
{
        MeshStore *world = *state;
        _cleanup_(desired_done) Desired desired = DESIRED_NULL;
        const DesiredPorts other = { .http = 8081 };

        assert_ok(mesh_store_peer(world, "dev-a", 10));
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        uint64_t generation = desired.generation;
        assert_true(generation > 0);
        assert_ok(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired));
        assert_int_equal(desired.generation, generation);
        assert_ok(desired_build(&world->store, &world->node, world->journal, &other, &desired));
        assert_int_equal(desired.generation, generation + 1);

        /* A contradiction in the rows leaves it as it was. */
        assert_ok(query_run(world->store.database, "UPDATE wireguard_key SET psk = ?", "b",
                            BYTES_OF((uint8_t[STORE_BOX_SIZE]){ 0 })));
        assert_err(desired_build(&world->store, &world->node, world->journal, &PORTS, &desired), -EBADMSG);
        assert_true(wants(&desired, 10));
}

static void test_open_ports(void **state)
{
        static const struct {
                NodeRole role;
                DesiredPorts ports;
                const char *tcp, *udp; /* of the only peers that they are open to */
        } rows[] = {
                { NODE_ROLE_HUB, { .http = 8080 }, "tcp dport 8080", NULL },
                { NODE_ROLE_HUB,
                  { .http = 8080, .tcp = { 2, { 22, 443 } }, .udp = { 1, { 53 } } },
                  "tcp dport { 22, 443, 8080 }",
                  "udp dport 53" },
                { NODE_ROLE_HUB, { .http = 80, .tcp = { 1, { 80 } } }, "tcp dport 80", NULL },
                { NODE_ROLE_DEVICE, { .http = 8080 }, "tcp dport 51822", NULL },
                { NODE_ROLE_DEVICE,
                  { .http = 8080, .tcp = { 1, { 22 } } },
                  "tcp dport { 22, 51822 }",
                  NULL },
        };
        MeshStore *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(desired_done) Desired desired = DESIRED_NULL;
                char accept[64];

                world->node.role = rows[i].role;
                assert_ok(desired_build(&world->store, &world->node, world->journal, &rows[i].ports,
                                        &desired));
                (void) snprintf(accept, sizeof accept, "\t\t%s accept\n", rows[i].tcp);
                assert_non_null(strstr(desired.ruleset, accept));
                assert_int_equal(!!strstr(desired.ruleset, "udp dport"), rows[i].udp != NULL);
                if (rows[i].udp)
                        assert_non_null(strstr(desired.ruleset, rows[i].udp));
                assert_int_equal(!!strstr(desired.ruleset, "tcp dport 51821 accept"),
                                 rows[i].role == NODE_ROLE_HUB);
        }
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, mesh_store_up, mesh_store_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                store_test(test_converges_from_any_state),
                store_test(test_a_revoked_key_is_never_desired),
                store_test(test_endpoints),
                store_test(test_building_again_changes_nothing),
                store_test(test_open_ports),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
