/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Mesh1 that change peers: SetPeer, SetKeepalive, Revoke, RevokeFor, RevokeAll;
 * and what happened to the network, GetDrift and ListAlarms. */

#include "mesh/manifest-store.h"
#include "mesh/method.h"

/* ---- SetPeer */

typedef struct PeerOptions {
        const char *address;    /* NULL: unchanged */
        uint64_t keepalive_sec; /* UINT64_MAX: unchanged */
} PeerOptions;

static int read_options(sd_bus_message *message, const char **ret_name, PeerOptions *ret_options)
{
        static const BusField fields[] = {
                BUS_FIELD("address", BUS_TEXT, PeerOptions, address),
                BUS_FIELD("keepalive_sec", BUS_UINT64, PeerOptions, keepalive_sec),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY_STRICT(fields);

        *ret_options = (PeerOptions){ .keepalive_sec = UINT64_MAX };
        int r = sd_bus_message_read(message, "s", ret_name);
        if (r >= 0)
                r = bus_dictionary_read(message, &dictionary, ret_options);
        if (r < 0 || (ret_options->keepalive_sec > UINT16_MAX && ret_options->keepalive_sec != UINT64_MAX))
                return -EBADMSG;
        return 0;
}

/* The address of a device is in its socket units and its firewall: only joining changes it there. */
static int set_peer(MeshDaemon *self, const Peer *peer, const PeerOptions *options)
{
        char text[IP_PREFIX_TEXT_SIZE];
        IpPrefix address = peer->address;

        if (options->address && ip_prefix_parse(options->address, &address) < 0)
                return -EBADMSG;
        if (ip_prefix_compare(&address, &peer->address) != 0) {
                if (peer->state == PEER_STATE_ACTIVE)
                        return DEVBOX_ERROR_ADDRESS_IN_USE;
                int r = node_address_is_free(self->store.database, &self->node.prefix, &address, peer->name);
                if (r <= 0)
                        return r < 0 ? mesh_after_write(self, r) : DEVBOX_ERROR_ADDRESS_TAKEN;
        }

        return mesh_after_write(
                self, query_run(self->store.database,
                                "UPDATE device SET address = ?, keepalive_sec = ? WHERE name = ?", "tit",
                                ip_prefix_format_address(&address, text),
                                options->keepalive_sec == UINT64_MAX ? (int64_t) peer->keepalive_sec
                                                                     : (int64_t) options->keepalive_sec,
                                peer->name));
}

static int handle_set_peer(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        PeerOptions options;
        const char *name;

        int r = read_options(message, &name, &options);
        if (r < 0)
                return r;
        r = mesh_need_store(self);
        if (r != 0)
                return r;
        const Peer *peer = peer_table_find(&self->peers, name);
        if (self->node.role != NODE_ROLE_HUB || !peer || peer->state == PEER_STATE_REVOKED)
                return DEVBOX_ERROR_PEER_UNKNOWN;

        r = set_peer(self, peer, &options);
        if (r != 0)
                return r;
        mesh_changed(self);
        return bus_reply(message, NULL);
}

/* ---- SetKeepalive */

static int handle_set_keepalive(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        uint64_t seconds;

        if (sd_bus_message_read(message, "t", &seconds) < 0 || seconds > UINT16_MAX)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        const Peer *hub = peer_table_find(&self->peers, HUB_NAME);
        if (self->node.role != NODE_ROLE_DEVICE || !hub)
                return DEVBOX_ERROR_NETWORK_MISSING;
        if (hub->keepalive_sec == seconds)
                return bus_reply(message, NULL);

        r = mesh_after_write(self, query_run(self->store.database,
                                             "UPDATE device SET keepalive_sec = ? WHERE name = ?", "it",
                                             (int64_t) seconds, HUB_NAME));
        if (r != 0)
                return r;
        mesh_changed(self);
        return bus_reply(message, NULL);
}

/* ---- revocations */

/* The device of the call's first argument; it may be revoked already. */
static int find_device(const MeshDaemon *self, const char *name, const Peer **ret_peer)
{
        *ret_peer = self->node.role == NODE_ROLE_HUB ? peer_table_find(&self->peers, name) : NULL;
        return *ret_peer ? 0 : DEVBOX_ERROR_PEER_UNKNOWN;
}

static int revoke_peer(MeshDaemon *self, sd_bus_message *message, const Peer *peer)
{
        if (peer->state == PEER_STATE_REVOKED)
                return bus_reply(message, "a{sv}", 1, "elapsed_usec", "t", UINT64_C(0));

        return mesh_revoke(self, message, &peer, 1, false);
}

static int handle_revoke(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        const Peer *peer;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0)
                return -EBADMSG;
        int r = find_device(self, name, &peer);
        return r != 0 ? r : revoke_peer(self, message, peer);
}

/* By the manifest in force, not by the word of who passes the wish on. */
static int check_operator(MeshDaemon *self, const char *device, const char *principal)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_(freep) char *text = NULL;
        ManifestFloor floor;

        int r = manifest_store_last(self->store.database, device, &floor, &text);
        if (r <= 0)
                return r < 0 ? mesh_after_write(self, r) : DEVBOX_ERROR_MANIFEST_MISSING;
        r = manifest_read(text, &manifest);
        if (r != 0)
                return r;

        return manifest_find_operator(manifest, principal) ? 0 : DEVBOX_ERROR_OPERATOR_UNKNOWN;
}

static int record_request(MeshDaemon *self, const char *device, const char *principal)
{
        int r = mesh_need_store(self);
        if (r == 0)
                r = check_operator(self, device, principal);
        if (r == 0)
                r = mesh_after_write(self,
                                     outbox_add_record(self->store.database, MESH_EVENT_REVOKE_REQUESTED,
                                                       device, principal));
        if (r == 0)
                mesh_announce(self, MESH_EVENT_REVOKE_REQUESTED, device, principal);
        return r;
}

/* Who asked is on the disk before the device is gone. */
static int handle_revoke_for(sd_bus_message *message, void *userdata)
{
        MeshDaemon *self = userdata;
        const char *name, *principal;
        const Peer *peer;

        if (sd_bus_message_read(message, "ss", &name, &principal) < 0 || !principal_valid(principal))
                return -EBADMSG;
        int r = find_device(self, name, &peer);
        if (r == 0 && peer->state != PEER_STATE_REVOKED)
                r = record_request(self, name, principal);
        return r != 0 ? r : revoke_peer(self, message, peer);
}

static int handle_revoke_all(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) const Peer **peers = NULL;
        MeshDaemon *self = userdata;
        size_t n = 0;

        if (self->node.role != NODE_ROLE_HUB)
                return DEVBOX_ERROR_NETWORK_MISSING;
        peers = calloc(MAX(self->peers.n_peers, (size_t) 1), sizeof *peers);
        if (!peers)
                return -ENOMEM;
        for (size_t i = 0; i < self->peers.n_peers; i++)
                if (self->peers.peers[i].state != PEER_STATE_REVOKED)
                        peers[n++] = &self->peers.peers[i];

        return mesh_revoke(self, message, peers, n, true);
}

/* ---- GetDrift */

typedef struct DriftRow {
        const char *kind, *peer, *detail;
        uint64_t time_ms;
} DriftRow;

static int append_drift(sd_bus_message *reply, const MeshDaemon *self, const Drift *drift)
{
        static const BusField fields[] = {
                BUS_FIELD("time_ms", BUS_UINT64, DriftRow, time_ms),
                BUS_FIELD("kind", BUS_TEXT, DriftRow, kind),
                BUS_FIELD("peer", BUS_TEXT, DriftRow, peer),
                BUS_FIELD("detail", BUS_TEXT, DriftRow, detail),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        const DriftRow row = { .kind = drift_kind_to_string(drift->kind),
                               .peer = peer_table_name_of(&self->peers, &drift->key),
                               .detail = drift->detail,
                               .time_ms = drift->at_usec / USEC_PER_MSEC };

        return bus_dictionary_append(reply, &dictionary, &row);
}

static int handle_get_drift(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const MeshDaemon *self = userdata;
        const Drift *drift;

        int r = bus_reply_rows_begin(message, &reply);
        for (size_t i = 0; r >= 0 && (drift = drift_log_get(&self->drift, i)); i++)
                r = append_drift(reply, self, drift);
        return bus_reply_rows_send(r, reply);
}

/* ---- ListAlarms */

static int append_alarm(const Alarm *alarm, void *userdata)
{
        static const BusField fields[] = {
                BUS_FIELD("time_ms", BUS_UINT64, Alarm, time_ms),
                BUS_FIELD("kind", BUS_TEXT, Alarm, kind),
                BUS_FIELD("name", BUS_TEXT, Alarm, device),
                BUS_FIELD("detail", BUS_TEXT, Alarm, detail),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return MIN(bus_dictionary_append(userdata, &dictionary, alarm), 0);
}

static int handle_list_alarms(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        MeshDaemon *self = userdata;

        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        r = bus_reply_rows_begin(message, &reply);
        if (r >= 0)
                r = mesh_after_write(self, alarm_each(self->store.database, append_alarm, reply));
        return r > 0 ? r : bus_reply_rows_send(r, reply);
}

MESH_METHOD(set_peer, ACCESS_CONFIGURE);
MESH_METHOD(set_keepalive, ACCESS_AGENT);
MESH_METHOD(revoke, ACCESS_REVOKE);
MESH_METHOD(revoke_for, ACCESS_MATRIX);
MESH_METHOD(revoke_all, ACCESS_REVOKE);
MESH_METHOD(get_drift, ACCESS_READERS);
MESH_METHOD(list_alarms, ACCESS_READERS);

const sd_bus_vtable mesh_peer_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("SetPeer", SD_BUS_ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT,
                                on_set_peer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetKeepalive", SD_BUS_ARGS("t", seconds), SD_BUS_NO_RESULT,
                                on_set_keepalive, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a{sv}", result), on_revoke,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RevokeFor", SD_BUS_ARGS("s", name, "s", principal),
                                SD_BUS_RESULT("a{sv}", result), on_revoke_for, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RevokeAll", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", names), on_revoke_all,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetDrift", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", drift), on_get_drift,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAlarms", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", alarms),
                                on_list_alarms, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
