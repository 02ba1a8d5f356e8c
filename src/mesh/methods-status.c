/* SPDX-License-Identifier: MIT */
/* What org.devbox.Mesh1 says of this machine and its peers: GetStatus, ListPeers, GetPeer, and the
 * properties. */

#include "mesh/join.h"
#include "mesh/method.h"

static uint64_t count_peers(const MeshDaemon *self, Presence presence)
{
        uint64_t n = 0;

        for (size_t i = 0; i < self->peers.n_peers; i++)
                n += self->peers.peers[i].state != PEER_STATE_REVOKED &&
                     (presence == _PRESENCE_MAX || self->peers.peers[i].sighting.presence == presence);
        return n;
}

/* ---- this machine */

typedef struct Status {
        const char *role, *network, *state, *problem, *join_state, *prefix, *address, *hub_address;
        const char *device;
        const char *backend;
        Bytes public_key, claim_key, root_sha256, network_root_sha256;
        uint64_t listen_port, peers, online, stale, last_handshake_ms, time_ms;
        char *endpoints[TOKEN_ENDPOINTS_MAX];
        size_t n_endpoints;
        char texts[3][IP_PREFIX_TEXT_SIZE];
        JoinInvitation invitation;
} Status;

static void status_done(Status *status)
{
        for (size_t i = 0; i < status->n_endpoints; i++)
                free(status->endpoints[i]);
}

static int read_endpoints(const Node *node, Status *status)
{
        for (size_t i = 0; i < node->n_endpoints; i++) {
                _cleanup_(text_done) Text text = TEXT_NULL;

                node_endpoint_append(&node->endpoints[i], &text);
                int r = text_take(&text, &status->endpoints[status->n_endpoints], NULL);
                if (r < 0)
                        return r;
                status->n_endpoints++;
        }
        return 0;
}

static const char *const backend_names[] = {
        [INTERFACE_UNKNOWN] = "",
        [INTERFACE_KERNEL] = "kernel",
        [INTERFACE_USERSPACE] = "userspace",
};

/* What a device that joins was invited to. */
static void read_invitation(const MeshDaemon *self, Status *status)
{
        if (self->node.role != NODE_ROLE_DEVICE || !self->store.database ||
            join_invitation(&self->store, &status->invitation) <= 0)
                return;

        status->device = status->invitation.device;
        status->root_sha256 = BYTES_OF(status->invitation.root_sha256.bytes);
}

static int read_status(const MeshDaemon *self, Status *status)
{
        const Node *node = &self->node;
        const Peer *hub = peer_table_find(&self->peers, HUB_NAME);

        *status = (Status){ .role = node_role_to_string(node->role),
                            .network = node->network,
                            .state = mesh_state_to_string(self->state),
                            .problem = self->problem,
                            .join_state = node->join_state,
                            .time_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                            .backend = backend_names[reconciler_interface_kind(self->reconciler)],
                            .listen_port = node->listen_port,
                            .peers = count_peers(self, _PRESENCE_MAX),
                            .online = count_peers(self, PRESENCE_ONLINE),
                            .stale = count_peers(self, PRESENCE_STALE) };
        if (node->role == NODE_ROLE_NONE)
                return 0;

        status->prefix = ip_prefix_format(&node->prefix, status->texts[0]);
        status->address = ip_prefix_format_address(&node->address, status->texts[1]);
        status->hub_address = ip_prefix_format_address(&node->hub_address, status->texts[2]);
        status->public_key = BYTES_OF(self->desired.device.public_key.bytes);
        if (node->role == NODE_ROLE_HUB)
                status->claim_key = BYTES_OF(self->claim_key);
        if (self->roots.current) {
                status->root_sha256 = BYTES_OF(self->roots.sha256.bytes);
                status->network_root_sha256 = BYTES_OF(self->roots.first_sha256.bytes);
        }
        if (hub)
                status->last_handshake_ms = hub->sighting.handshake_at_usec / USEC_PER_MSEC;
        read_invitation(self, status);
        return read_endpoints(node, status);
}

int mesh_reply_status(sd_bus_message *message, const MeshDaemon *self)
{
        static const BusField fields[] = {
                BUS_FIELD("role", BUS_TEXT, Status, role),
                BUS_FIELD("network", BUS_TEXT, Status, network),
                BUS_FIELD("prefix", BUS_TEXT, Status, prefix),
                BUS_FIELD("address", BUS_TEXT, Status, address),
                BUS_FIELD("hub_address", BUS_TEXT, Status, hub_address),
                BUS_FIELD("listen_port", BUS_UINT64, Status, listen_port),
                BUS_FIELD_TEXTS("endpoints", Status, endpoints, n_endpoints),
                BUS_FIELD("backend", BUS_TEXT, Status, backend),
                BUS_FIELD("public_key", BUS_BYTES, Status, public_key, BUS_OPTIONAL),
                BUS_FIELD("claim_key", BUS_BYTES, Status, claim_key, BUS_OPTIONAL),
                BUS_FIELD("root_sha256", BUS_BYTES, Status, root_sha256, BUS_OPTIONAL),
                BUS_FIELD("network_root_sha256", BUS_BYTES, Status, network_root_sha256, BUS_OPTIONAL),
                BUS_FIELD("state", BUS_TEXT, Status, state),
                BUS_FIELD("problem", BUS_TEXT, Status, problem),
                BUS_FIELD("join_state", BUS_TEXT, Status, join_state),
                BUS_FIELD("device", BUS_TEXT, Status, device, BUS_OPTIONAL),
                BUS_FIELD("peers", BUS_UINT64, Status, peers),
                BUS_FIELD("online", BUS_UINT64, Status, online),
                BUS_FIELD("stale", BUS_UINT64, Status, stale),
                BUS_FIELD("time_ms", BUS_UINT64, Status, time_ms),
                BUS_FIELD("last_handshake_ms", BUS_UINT64, Status, last_handshake_ms, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        _cleanup_(status_done) Status status = { 0 };

        int r = read_status(self, &status);
        return r < 0 ? r : bus_reply_dictionary(message, &dictionary, &status);
}

static int handle_get_status(sd_bus_message *message, void *userdata)
{
        return mesh_reply_status(message, userdata);
}

/* ---- peers */

typedef struct PeerRow {
        const char *name, *state, *presence, *description;
        char address[IP_PREFIX_TEXT_SIZE];
        const char *address_text;
        char *endpoint;
        Bytes wireguard_key, device_key, chain_id;
        uint64_t last_handshake_ms, rx_bytes, tx_bytes, keepalive_sec, since_ms;
        uint64_t manifest_epoch, manifest_version, manifest_expires_at_ms;
} PeerRow;

static void peer_row_done(PeerRow *row)
{
        free(row->endpoint);
}

static int format_endpoint(const WireguardEndpoint *endpoint, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        wireguard_endpoint_append(endpoint, &text);
        return text_take(&text, ret_text, NULL);
}

static int read_peer_row(const Peer *peer, PeerRow *row)
{
        *row = (PeerRow){ .name = peer->name,
                          .state = peer_state_to_string(peer->state),
                          .presence = presence_to_string(peer->sighting.presence),
                          .description = peer->description,
                          .wireguard_key = BYTES_OF(peer->key.bytes),
                          .device_key = BYTES_OF(peer->device_key.bytes),
                          .chain_id = BYTES_OF(peer->chain.bytes),
                          .last_handshake_ms = peer->sighting.handshake_at_usec / USEC_PER_MSEC,
                          .rx_bytes = peer->sighting.rx_bytes,
                          .tx_bytes = peer->sighting.tx_bytes,
                          .keepalive_sec = peer->keepalive_sec,
                          .since_ms = (uint64_t) peer->since_ms,
                          .manifest_epoch = (uint64_t) peer->manifest_epoch,
                          .manifest_version = (uint64_t) peer->manifest_version,
                          .manifest_expires_at_ms = (uint64_t) peer->manifest_expires_at_ms };
        row->address_text = ip_prefix_format_address(&peer->address, row->address);
        return format_endpoint(&peer->sighting.endpoint, &row->endpoint);
}

static const BusField peer_fields[] = {
        BUS_FIELD("name", BUS_TEXT, PeerRow, name),
        BUS_FIELD("address", BUS_TEXT, PeerRow, address_text),
        BUS_FIELD("wireguard_key", BUS_BYTES, PeerRow, wireguard_key),
        BUS_FIELD("device_key", BUS_BYTES, PeerRow, device_key),
        BUS_FIELD("chain_id", BUS_BYTES, PeerRow, chain_id),
        BUS_FIELD("description", BUS_TEXT, PeerRow, description),
        BUS_FIELD("state", BUS_TEXT, PeerRow, state),
        BUS_FIELD("presence", BUS_TEXT, PeerRow, presence),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, PeerRow, last_handshake_ms),
        BUS_FIELD("rx_bytes", BUS_UINT64, PeerRow, rx_bytes),
        BUS_FIELD("tx_bytes", BUS_UINT64, PeerRow, tx_bytes),
        BUS_FIELD("endpoint", BUS_TEXT, PeerRow, endpoint),
        BUS_FIELD("keepalive_sec", BUS_UINT64, PeerRow, keepalive_sec),
        BUS_FIELD("manifest_epoch", BUS_UINT64, PeerRow, manifest_epoch),
        BUS_FIELD("manifest_version", BUS_UINT64, PeerRow, manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, PeerRow, manifest_expires_at_ms),
        BUS_FIELD("since_ms", BUS_UINT64, PeerRow, since_ms),
};
static const BusDictionary peer_dictionary = BUS_DICTIONARY(peer_fields);

static int append_peer(sd_bus_message *reply, const Peer *peer)
{
        _cleanup_(peer_row_done) PeerRow row = { 0 };

        int r = read_peer_row(peer, &row);
        return r < 0 ? r : bus_dictionary_append(reply, &peer_dictionary, &row);
}

static int handle_list_peers(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const MeshDaemon *self = userdata;
        int all;

        if (sd_bus_message_read(message, "b", &all) < 0)
                return -EBADMSG;

        int r = bus_reply_rows_begin(message, &reply);
        for (size_t i = 0; r >= 0 && i < self->peers.n_peers; i++)
                if (all || self->peers.peers[i].state != PEER_STATE_REVOKED)
                        r = append_peer(reply, &self->peers.peers[i]);
        return bus_reply_rows_send(r, reply);
}

static int handle_get_peer(sd_bus_message *message, void *userdata)
{
        _cleanup_(peer_row_done) PeerRow row = { 0 };
        const MeshDaemon *self = userdata;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0)
                return -EBADMSG;
        const Peer *peer = peer_table_find(&self->peers, name);
        if (!peer)
                return DEVBOX_ERROR_PEER_UNKNOWN;

        int r = read_peer_row(peer, &row);
        return r < 0 ? r : bus_reply_dictionary(message, &peer_dictionary, &row);
}

/* ---- properties */

static int property_get_role(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", node_role_to_string(((MeshDaemon *) userdata)->node.role));
}

static int property_get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", mesh_state_to_string(((MeshDaemon *) userdata)->state));
}

static int property_get_peers(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "u", (uint32_t) count_peers(userdata, _PRESENCE_MAX));
}

static int property_get_online(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "u", (uint32_t) count_peers(userdata, PRESENCE_ONLINE));
}

MESH_METHOD(get_status, ACCESS_READERS);
MESH_METHOD(list_peers, ACCESS_READERS);
MESH_METHOD(get_peer, ACCESS_READERS);

const sd_bus_vtable mesh_status_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status), on_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListPeers", SD_BUS_ARGS("b", all), SD_BUS_RESULT("aa{sv}", peers),
                                on_list_peers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPeer", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a{sv}", peer), on_get_peer,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Role", "s", property_get_role, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("State", "s", property_get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Peers", "u", property_get_peers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Online", "u", property_get_online, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_SIGNAL_WITH_ARGS("PeerChanged", SD_BUS_ARGS("s", name, "s", presence), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("t", time_ms, "s", kind, "s", name, "s", detail), 0),
        SD_BUS_VTABLE_END,
};
