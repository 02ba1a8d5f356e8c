/* SPDX-License-Identifier: MIT */
#include "fleet-world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "codec/binary-text.h"

static RunWorld devices[FLEET_MAX];
static RunPeer peers[FLEET_MAX];

/* The address is taken, and refuses connections. */
static int bind_agent(const RunPeer *peer, const char *port_variable)
{
        struct sockaddr_in address = { .sin_family = AF_INET };

        address.sin_port = htons((uint16_t) strtoul(strchr(port_variable, '=') + 1, NULL, 10));
        assert_int_equal(inet_pton(AF_INET, peer->address, &address.sin_addr), 1);
        int fd = assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
        return fd;
}

static void start_device(const RunWorld *world, RunWorld *device, const RunPeer *peer)
{
        char ceiling[512];
        void *ledger = NULL;

        assert_int_equal(ledger_bus_up_empty(&ledger), 0);
        device->ledger = ledger;
        device->ledger->made = world->ledger->made; /* one root for all */
        memcpy(device->worker_variable, world->worker_variable, sizeof device->worker_variable);
        run_world_format_ceiling(world, ceiling, sizeof ceiling);
        write_state_file(device->ledger, "ceiling.yaml", ceiling);
        test_daemon_free(device->ledger->daemon);
        device->ledger->daemon = start_ledger(device->ledger, false);
        enroll(device->ledger, peer->name, NULL);
        device->listen_fd = bind_agent(peer, world->port_variable);
}

/* The hub witnesses its chain. */
static void pin(const RunWorld *world, const RunPeer *peer)
{
        sd_bus_message *call = new_call(world->ledger, "Pin");
        uint8_t chain[16];

        assert_ok(hex_parse(CHAIN_ID_HEX, chain, sizeof chain));
        assert_ok(sd_bus_message_append(call, "s", peer->name));
        assert_ok(sd_bus_message_append_array(call, 'y', chain, sizeof chain));
        assert_ok(sd_bus_message_append_array(call, 'y', key_pair_public(world_key(KEY_DEVICE)), 32));
        sd_bus_message_unref(finish_call(world->client, call, NULL));
}

void fleet_up(RunWorld *world, size_t n, bool hub)
{
        assert_true(n <= FLEET_MAX);
        for (size_t i = 0; i < n; i++) {
                RunPeer *peer = &peers[i];

                (void) snprintf(peer->name, sizeof peer->name, hub && i == 0 ? "hub" : "dev-%zu", i + 1);
                (void) snprintf(peer->address, sizeof peer->address, "127.0.3.%zu", i + 1);
                peer->manifest = run_world_make_manifest(world, peer->name, NULL);
                start_device(world, &devices[i], peer);
                pin(world, peer);
        }
        world->others = peers;
        world->n_others = n;
}

void fleet_down(RunWorld *world)
{
        for (size_t i = 0; i < world->n_others; i++) {
                void *ledger = devices[i].ledger;

                test_daemon_free(devices[i].agent);
                (void) fd_close(devices[i].listen_fd);
                (void) ledger_bus_down(&ledger);
                free(peers[i].manifest);
        }
        world->n_others = 0;
}

void fleet_start_agents(const RunWorld *world)
{
        for (size_t i = 0; i < world->n_others; i++) {
                assert_int_equal(listen(devices[i].listen_fd, 16), 0);
                start_agent(&devices[i]);
        }
}

void fleet_submit(const RunWorld *world, size_t i, char **words, char *ret_id)
{
        submit_command(world, peers[i].name, true, words, ret_id);
}

/* The second look-up from now on follows a failed attempt that all requests were part of. */
void fleet_wait_away(const RunWorld *world)
{
        unsigned before[FLEET_MAX];

        for (size_t i = 0; i < world->n_others; i++)
                before[i] = atomic_load(&peers[i].lookups);
        for (size_t i = 0; i < world->n_others; i++)
                for (unsigned waited = 0; atomic_load(&peers[i].lookups) < before[i] + 2; waited++) {
                        assert_true(waited < TEST_DEADLINE_SEC * 20);
                        (void) usleep(50000);
                }
}

LedgerBus *fleet_ledger(size_t i)
{
        return devices[i].ledger;
}
