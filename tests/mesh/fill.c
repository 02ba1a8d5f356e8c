/* SPDX-License-Identifier: MIT */
/* Adds devices to the database of a hub whose devbox-mesh does not run: mesh-fill FOLDER NUMBER. Prints a
 * line for each: its name, address, private key and preshared key, the keys in base64. For tests that need
 * more devices, or their keys, than enrolling gives. */

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>

#include "mesh/peers.h"

#define FIRST_DEVICE 2 /* of the addresses of the network: a /24 has 253 devices */

static void must(int result, const char *what)
{
        if (result >= 0)
                return;

        (void) fprintf(stderr, "mesh-fill: %s: %s\n", what, strerror(-result));
        exit(EXIT_FAILURE);
}

static void print_base64(const WireguardKey *key)
{
        char text[sodium_base64_ENCODED_LEN(WIREGUARD_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL)];

        (void) sodium_bin2base64(text, sizeof text, key->bytes, sizeof key->bytes,
                                 sodium_base64_VARIANT_ORIGINAL);
        (void) printf(" %s", text);
}

static IpPrefix address_of(const Node *node, uint32_t number)
{
        IpPrefix address;
        uint32_t value;

        memcpy(&value, node->prefix.bytes, sizeof value);
        value = htonl(ntohl(value) + FIRST_DEVICE + number);
        must(ip_prefix_init(&address, AF_INET, (const uint8_t *) &value, 32), "no address");
        return address;
}

static void add_device(const Store *store, const Node *node, uint32_t number)
{
        _cleanup_(wireguard_device_done)
                WireguardDevice keys = { .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY };
        Peer peer = { .state = PEER_STATE_JOINING,
                      .keepalive_sec = MESH_KEEPALIVE,
                      .address = address_of(node, number),
                      .since_ms = 1 };
        char address[IP_PREFIX_TEXT_SIZE];
        WireguardKey preshared_key;

        randombytes_buf(&keys.private_key, sizeof keys.private_key);
        randombytes_buf(&preshared_key, sizeof preshared_key);
        randombytes_buf(&peer.device_key, sizeof peer.device_key);
        randombytes_buf(&peer.chain, sizeof peer.chain);
        must(wireguard_device_normalise(&keys), "no key");
        peer.key = keys.public_key;
        (void) snprintf(peer.name, sizeof peer.name, "dev-%05u", number);
        must(peer_store(store, &peer, &preshared_key), peer.name);

        (void) printf("%s %s", peer.name, ip_prefix_format_address(&peer.address, address));
        print_base64(&keys.private_key);
        print_base64(&preshared_key);
        (void) putchar('\n');
}

int main(int argc, char *argv[])
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Store store;
        Node node;

        if (argc != 3 || sodium_init() < 0)
                return EXIT_FAILURE;
        must(store_init(&store, argv[1], NULL), argv[1]);
        must(store_open(&store), store.path);
        must(node_load(store.database, &node), "the network");

        must(transaction_begin(store.database, &transaction), "a transaction");
        for (uint32_t i = 0; i < (uint32_t) atoi(argv[2]); i++)
                add_device(&store, &node, i);
        must(transaction_commit(&transaction), "a transaction");
        store_done(&store);
        return EXIT_SUCCESS;
}
