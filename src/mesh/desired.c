/* SPDX-License-Identifier: MIT */
/* What the kernel should have, as a function of the database, the journal and the keys. */

#include "mesh/desired.h"

#include "netlink/firewall.h"
#include "trust/enrolment.h"

void desired_done(Desired *desired)
{
        wireguard_device_done(&desired->device);
        free(desired->ruleset);
        *desired = DESIRED_NULL;
}

/* ---- peers */

/* Columns: public key, box of the preshared key, address, keepalive, endpoint. A key in the journal is left
 * out. */
static int add_peer(const Store *store, const Journal *journal, const Statement *row,
                    WireguardDevice *device)
{
        WireguardEndpoint endpoint;
        WireguardPeer *peer;
        WireguardKey key;
        IpPrefix address;

        int r = statement_copy_bytes(row, 0, key.bytes, sizeof key.bytes);
        if (r < 0)
                return r;
        if (journal_has(journal, &key))
                return 0;
        if (ip_prefix_parse(statement_text(row, 2), &address) < 0 ||
            wireguard_endpoint_parse(statement_text(row, 4), &endpoint) < 0)
                return -EBADMSG;

        r = wireguard_device_add_peer(device, &key, &peer);
        if (r < 0)
                return r;
        r = store_box_open(store, statement_bytes(row, 1), peer->preshared_key.bytes);
        if (r < 0)
                return r;

        peer->endpoint = endpoint;
        peer->keepalive_seconds = (uint16_t) statement_integer(row, 3);
        peer->flags = WIREGUARD_PEER_HAS_PRESHARED_KEY | WIREGUARD_PEER_HAS_KEEPALIVE;
        return wireguard_peer_add_allowed_ip(peer, &address);
}

/* The hub leaves keepalives to the devices, whose networks need them. */
static int add_peers(const Store *store, const Node *node, const Journal *journal, WireguardDevice *device)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(store->database, &row,
                      "SELECT k.public_key, k.psk, d.address, CASE ? WHEN 'device' THEN d.keepalive_sec"
                      "  ELSE 0 END, d.endpoint"
                      " FROM wireguard_key k JOIN device d ON d.name = k.device"
                      " WHERE k.use = 'current' AND d.state != 'revoked'"
                      " UNION ALL SELECT bootstrap_key, bootstrap_psk, bootstrap_address, 0, ''"
                      " FROM token WHERE bootstrap_key IS NOT NULL",
                      "t", node_role_to_string(node->role));
        while (r >= 0 && (r = statement_step(row)) > 0)
                r = add_peer(store, journal, row, device);
        return r;
}

static int load_private_key(const Store *store, const Node *node, WireguardDevice *device)
{
        _cleanup_(secret_freep) Secret *key = NULL;

        int r = sealed_file_read(store->directory_fd, node->private_key, store->seal, &key);
        if (r < 0)
                return r;

        memcpy(device->private_key.bytes, secret_bytes(key).data, WIREGUARD_KEY_SIZE);
        device->flags |= WIREGUARD_DEVICE_HAS_PRIVATE_KEY;
        return 0;
}

static int build_device(const Store *store, const Node *node, const Journal *journal,
                        WireguardDevice *device)
{
        int r = load_private_key(store, node, device);
        if (r < 0)
                return r;
        if (node->listen_port != 0) {
                device->listen_port = node->listen_port;
                device->flags |= WIREGUARD_DEVICE_HAS_LISTEN_PORT;
        }

        r = add_peers(store, node, journal, device);
        return r < 0 ? r : wireguard_device_normalise(device);
}

/* ---- addresses and rules */

static IpPrefix constant(const char *text)
{
        IpPrefix prefix = IP_PREFIX_NULL;
        int r = ip_prefix_parse(text, &prefix);

        assert(r >= 0);
        (void) r;
        return prefix;
}

/* With the length of its network, whose route leads back to the devices. */
static IpPrefix bootstrap_address_of_hub(void)
{
        IpPrefix address = constant(ENROLMENT_HUB_ADDRESS);

        address.length = ENROLMENT_PREFIX_LENGTH;
        return address;
}

static void add_addresses(const Node *node, Desired *desired)
{
        desired->addresses[desired->n_addresses++] = node->address;
        if (node->role == NODE_ROLE_HUB)
                desired->addresses[desired->n_addresses++] = bootstrap_address_of_hub();
        if (desired->n_addresses == 2 &&
            ip_prefix_compare(&desired->addresses[0], &desired->addresses[1]) > 0) {
                IpPrefix first = desired->addresses[0];

                desired->addresses[0] = desired->addresses[1];
                desired->addresses[1] = first;
        }
}

static IpPrefix host_of(const IpPrefix *address)
{
        IpPrefix host = *address;

        host.length = 32;
        return host;
}

/* To the hub: devices may ping it, ask for its health, and reach what the configuration opens; a machine
 * that wants to join may ask for that. To a device the same for the hub alone, with the agent's port. */
static int build_ruleset(const Node *node, const DesiredPorts *ports, char **ret_ruleset)
{
        bool is_hub = node->role == NODE_ROLE_HUB;
        FirewallRule rules[] = {
                { .from = is_hub ? node->prefix : node->hub_address,
                  .to = host_of(&node->address),
                  .ping = true,
                  .tcp_ports = ports->tcp,
                  .udp_ports = ports->udp },
                { .from = constant(ENROLMENT_DEVICES),
                  .to = constant(ENROLMENT_HUB_ADDRESS),
                  .tcp_ports = { 1, { ENROLMENT_PORT } } },
        };

        int r = port_set_add(&rules[0].tcp_ports, is_hub ? ports->http : MESH_AGENT_PORT);
        if (r < 0 && r != -EEXIST)
                return r;
        return firewall_render(&(Firewall){ .link = MESH_LINK, .rules = rules, .n_rules = is_hub ? 2 : 1 },
                               ret_ruleset);
}

static bool addresses_equal(const Desired *a, const Desired *b)
{
        for (size_t i = 0; i < a->n_addresses; i++)
                if (i >= b->n_addresses || ip_prefix_compare(&a->addresses[i], &b->addresses[i]) != 0)
                        return false;
        return a->n_addresses == b->n_addresses;
}

/* 1 or 0, or -ENOMEM. */
static int is_same(const Desired *a, const Desired *b)
{
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        if (b->generation == 0 || !streq(a->ruleset, b->ruleset) || !addresses_equal(a, b))
                return 0;
        int r = wireguard_device_diff(&a->device, &b->device, &changes);
        return r < 0 ? r : wireguard_changes_empty(&changes);
}

int desired_build(const Store *store, const Node *node, const Journal *journal, const DesiredPorts *ports,
                  Desired *desired)
{
        _cleanup_(desired_done) Desired built = { .mtu = MESH_MTU };

        int r = build_device(store, node, journal, &built.device);
        if (r < 0)
                return r;
        add_addresses(node, &built);
        r = build_ruleset(node, ports, &built.ruleset);
        if (r < 0)
                return r;
        r = is_same(&built, desired);
        if (r < 0)
                return r;
        built.generation = desired->generation + (r == 0);

        Desired before = *desired;
        *desired = TAKE(built, DESIRED_NULL);
        desired_done(&before);
        return 0;
}

void desired_set_endpoint(Desired *desired, const WireguardKey *key, const WireguardEndpoint *endpoint)
{
        const WireguardPeer *found = wireguard_device_find_peer(&desired->device, key);

        if (found)
                desired->device.peers[found - desired->device.peers].endpoint = *endpoint;
}

void desired_remove_peer(Desired *desired, const WireguardKey *key)
{
        WireguardDevice *device = &desired->device;
        const WireguardPeer *found = wireguard_device_find_peer(device, key);

        if (!found)
                return;
        size_t i = (size_t) (found - device->peers);

        free(device->peers[i].allowed_ips);
        memmove(&device->peers[i], &device->peers[i + 1], (device->n_peers - i - 1) * sizeof *device->peers);
        explicit_bzero(&device->peers[--device->n_peers], sizeof *device->peers);
        desired->generation++;
}
