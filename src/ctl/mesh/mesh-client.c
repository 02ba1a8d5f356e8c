/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Mesh1. */

#include "ctl/mesh/mesh-client.h"

#include "ctl/problem.h"

const ClientDaemon mesh_daemon = {
        .title = "devbox-mesh",
        .name = "org.devbox.Mesh1",
        .path = "/org/devbox/Mesh1",
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_TIMEOUT,
        .interactive = true,
};

#define METHOD(member, types) (&(const ClientMethod){ &mesh_daemon, member, types })

/* ---- dictionaries */

static const BusField status_fields[] = {
        BUS_FIELD("role", BUS_TEXT, MeshStatus, role, BUS_REQUIRED),
        BUS_FIELD("network", BUS_TEXT, MeshStatus, network),
        BUS_FIELD("prefix", BUS_TEXT, MeshStatus, prefix),
        BUS_FIELD("address", BUS_TEXT, MeshStatus, address),
        BUS_FIELD("hub_address", BUS_TEXT, MeshStatus, hub_address),
        BUS_FIELD("listen_port", BUS_UINT64, MeshStatus, listen_port),
        BUS_FIELD_TEXTS("endpoints", MeshStatus, endpoints, n_endpoints),
        BUS_FIELD("backend", BUS_TEXT, MeshStatus, backend),
        BUS_FIELD("state", BUS_TEXT, MeshStatus, state, BUS_REQUIRED),
        BUS_FIELD("problem", BUS_TEXT, MeshStatus, problem),
        BUS_FIELD("public_key", BUS_ARRAY, MeshStatus, public_key, 0, MESH_KEY_SIZE),
        BUS_FIELD("claim_key", BUS_ARRAY, MeshStatus, claim_key, 0, MESH_KEY_SIZE),
        BUS_FIELD("root_sha256", BUS_ARRAY, MeshStatus, root_sha256, 0, SHA256_SIZE),
        BUS_FIELD("network_root_sha256", BUS_ARRAY, MeshStatus, network_root_sha256, 0, SHA256_SIZE),
        BUS_FIELD("peers", BUS_UINT64, MeshStatus, peers),
        BUS_FIELD("online", BUS_UINT64, MeshStatus, online),
        BUS_FIELD("stale", BUS_UINT64, MeshStatus, stale),
        BUS_FIELD("join_state", BUS_TEXT, MeshStatus, join_state),
        BUS_FIELD("device", BUS_TEXT, MeshStatus, device),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, MeshStatus, last_handshake_ms),
        BUS_FIELD("time_ms", BUS_UINT64, MeshStatus, time_ms),
};
static const BusDictionary status_dictionary = BUS_DICTIONARY(status_fields);

static const BusField peer_fields[] = {
        BUS_FIELD("name", BUS_TEXT, MeshPeer, name, BUS_REQUIRED),
        BUS_FIELD("address", BUS_TEXT, MeshPeer, address),
        BUS_FIELD("wireguard_key", BUS_ARRAY, MeshPeer, wireguard_key, 0, MESH_KEY_SIZE),
        BUS_FIELD("device_key", BUS_ARRAY, MeshPeer, device_key, 0, PUBLIC_KEY_SIZE),
        BUS_FIELD("chain_id", BUS_ARRAY, MeshPeer, chain_id, 0, CHAIN_ID_SIZE),
        BUS_FIELD("state", BUS_TEXT, MeshPeer, state, BUS_REQUIRED),
        BUS_FIELD("presence", BUS_TEXT, MeshPeer, presence),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, MeshPeer, last_handshake_ms),
        BUS_FIELD("rx_bytes", BUS_UINT64, MeshPeer, rx_bytes),
        BUS_FIELD("tx_bytes", BUS_UINT64, MeshPeer, tx_bytes),
        BUS_FIELD("endpoint", BUS_TEXT, MeshPeer, endpoint),
        BUS_FIELD("keepalive_sec", BUS_UINT64, MeshPeer, keepalive_sec),
        BUS_FIELD("manifest_epoch", BUS_UINT64, MeshPeer, manifest_epoch),
        BUS_FIELD("manifest_version", BUS_UINT64, MeshPeer, manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, MeshPeer, manifest_expires_at_ms),
        BUS_FIELD("since_ms", BUS_UINT64, MeshPeer, since_ms),
};
static const BusDictionary peer_dictionary = BUS_DICTIONARY(peer_fields);

static const BusField drift_fields[] = {
        BUS_FIELD("time_ms", BUS_UINT64, MeshDrift, time_ms, BUS_REQUIRED),
        BUS_FIELD("kind", BUS_TEXT, MeshDrift, kind, BUS_REQUIRED),
        BUS_FIELD("peer", BUS_TEXT, MeshDrift, peer),
        BUS_FIELD("detail", BUS_TEXT, MeshDrift, detail),
};
static const BusDictionary drift_dictionary = BUS_DICTIONARY(drift_fields);

static const BusField pending_fields[] = {
        BUS_FIELD("name", BUS_TEXT, MeshPending, name, BUS_REQUIRED),
        BUS_FIELD("state", BUS_TEXT, MeshPending, state, BUS_REQUIRED),
        BUS_FIELD("digits", BUS_TEXT, MeshPending, digits),
        BUS_FIELD("bound", BUS_BOOL, MeshPending, bound),
        BUS_FIELD("source", BUS_TEXT, MeshPending, source),
        BUS_FIELD("description", BUS_TEXT, MeshPending, description),
        BUS_FIELD("device_key", BUS_ARRAY, MeshPending, device_key, 0, PUBLIC_KEY_SIZE),
        BUS_FIELD("expires_at_ms", BUS_UINT64, MeshPending, expires_at_ms),
        BUS_FIELD("claimed_at_ms", BUS_UINT64, MeshPending, claimed_at_ms),
        BUS_FIELD("next_epoch", BUS_UINT64, MeshPending, next.epoch),
        BUS_FIELD("next_version", BUS_UINT64, MeshPending, next.version),
        BUS_FIELD("previous", BUS_ARRAY, MeshPending, next.previous, 0, SHA256_SIZE),
};
static const BusDictionary pending_dictionary = BUS_DICTIONARY(pending_fields);

static const BusField invitation_fields[] = {
        BUS_FIELD("expires_at_ms", BUS_UINT64, MeshInvitation, expires_at_ms, BUS_REQUIRED),
        BUS_FIELD("address", BUS_TEXT, MeshInvitation, address, BUS_REQUIRED),
        BUS_FIELD("device_key", BUS_ARRAY, MeshInvitation, device_key, 0, PUBLIC_KEY_SIZE),
        BUS_FIELD("next_epoch", BUS_UINT64, MeshInvitation, next.epoch),
        BUS_FIELD("next_version", BUS_UINT64, MeshInvitation, next.version),
        BUS_FIELD("previous", BUS_ARRAY, MeshInvitation, next.previous, 0, SHA256_SIZE),
};
static const BusDictionary invitation_dictionary = BUS_DICTIONARY(invitation_fields);

static const BusField hub_fields[] = {
        BUS_FIELD("network", BUS_TEXT, MeshHubOptions, network, BUS_OPTIONAL),
        BUS_FIELD("prefix", BUS_TEXT, MeshHubOptions, prefix, BUS_OPTIONAL),
        BUS_FIELD_TEXTS("endpoints", MeshHubOptions, endpoints, n_endpoints),
        BUS_FIELD("listen_port", BUS_UINT64, MeshHubOptions, listen_port, BUS_OPTIONAL),
};
static const BusDictionary hub_dictionary = BUS_DICTIONARY(hub_fields);

static const BusField peer_option_fields[] = {
        BUS_FIELD("address", BUS_TEXT, MeshPeerOptions, address, BUS_OPTIONAL),
        BUS_FIELD("keepalive_sec", BUS_UINT64, MeshPeerOptions, keepalive_sec, BUS_IF_KNOWN),
};
static const BusDictionary peer_option_dictionary = BUS_DICTIONARY(peer_option_fields);

/* ---- calls */

void mesh_status_done(MeshStatus *status)
{
        sd_bus_message_unref(status->reply);
        *status = (MeshStatus){ 0 };
}

void mesh_invitation_done(MeshInvitation *invitation)
{
        sd_bus_message_unref(invitation->reply);
        *invitation = (MeshInvitation){ 0 };
}

/* A call that returns a status: the same again, as every call that changes one does. */
static int send_for_status(int r, sd_bus_message *call, MeshStatus *ret_status, char **ret_problem)
{
        _cleanup_(mesh_status_done) MeshStatus status = { 0 };

        r = client_send(&mesh_daemon, r, call, &status.reply, ret_problem);
        if (r == 0)
                r = client_read_dictionary(&mesh_daemon, status.reply, &status_dictionary, &status,
                                           ret_problem);
        if (r == 0)
                *ret_status = TAKE(status, (MeshStatus){ 0 });
        return r;
}

int mesh_client_get_status(sd_bus *bus, MeshStatus *ret_status, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("GetStatus", ""), &call);
        return send_for_status(r, call, ret_status, ret_problem);
}

int mesh_status_check_hub(const MeshStatus *status, const char *host, char **ret_problem)
{
        const char *role = strempty(status->role), *where = host ? host : "this machine";

        if (streq(role, "hub"))
                return 0;
        if (streq(role, "device"))
                return problem_set(ret_problem, DEVBOX_ERROR_NOT_ENROLLED,
                                   "%s is a device of %s; run this on the hub, or name it with -H USER@HOST",
                                   where, strempty(status->network));

        return problem_set(ret_problem, DEVBOX_ERROR_NOT_ENROLLED,
                           "%s is no hub yet; run: devboxctl hub init --endpoint HOST, or name the hub with "
                           "-H USER@HOST",
                           where);
}

int mesh_client_list_peers(sd_bus *bus, bool all, ClientRows *ret_rows, char **ret_problem)
{
        static const ClientQuery query = { { &mesh_daemon, "ListPeers", "b" },
                                           { &peer_dictionary, sizeof(MeshPeer), SIZE_MAX } };

        return client_query(bus, &query, ret_rows, ret_problem, (int) all);
}

const ClientQuery mesh_get_drift = { { &mesh_daemon, "GetDrift", "" },
                                     { &drift_dictionary, sizeof(MeshDrift), SIZE_MAX } };

const ClientQuery mesh_list_pending = { { &mesh_daemon, "ListPending", "" },
                                        { &pending_dictionary, sizeof(MeshPending), SIZE_MAX } };

int mesh_client_get_peer(sd_bus *bus, const char *name, ClientRows *ret_row, char **ret_problem)
{
        static const ClientQuery query = { { &mesh_daemon, "GetPeer", "s" },
                                           { &peer_dictionary, sizeof(MeshPeer), 1 } };

        return client_query(bus, &query, ret_row, ret_problem, name);
}

int mesh_client_reject_revoked(sd_bus *bus, const char *name, char **ret_problem)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };
        _cleanup_(freep) char *problem = NULL;

        int r = mesh_client_get_peer(bus, name, &row, &problem);
        if (r == DEVBOX_ERROR_PEER_UNKNOWN)
                return 0;
        if (r != 0) {
                *ret_problem = TAKE_PTR(problem);
                return r;
        }

        return !streq(strempty(((const MeshPeer *) row.items)->state), "revoked")
                       ? 0
                       : problem_set(ret_problem, DEVBOX_ERROR_PEER_REVOKED,
                                     "%s was revoked; it comes back with: devboxctl invite %s", name, name);
}

int mesh_client_configure_hub(sd_bus *bus, const MeshHubOptions *options, MeshStatus *ret_status,
                              char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("ConfigureHub", ""), &call);
        if (r >= 0)
                r = bus_dictionary_append(call, &hub_dictionary, options);

        return send_for_status(r, call, ret_status, ret_problem);
}

int mesh_client_invite(sd_bus *bus, Bytes token, const MeshPeerOptions *options,
                       MeshInvitation *ret_invitation, char **ret_problem)
{
        _cleanup_(mesh_invitation_done) MeshInvitation invitation = { 0 };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("Invite", ""), &call);
        if (r >= 0)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', token.data, token.size);
        if (r >= 0)
                r = bus_dictionary_append(call, &peer_option_dictionary, options);
        r = client_send(&mesh_daemon, r, call, &invitation.reply, ret_problem);
        if (r == 0)
                r = client_read_dictionary(&mesh_daemon, invitation.reply, &invitation_dictionary,
                                           &invitation, ret_problem);
        if (r == 0)
                *ret_invitation = TAKE(invitation, (MeshInvitation){ 0 });
        return r;
}

int mesh_client_set_peer(sd_bus *bus, const char *name, const MeshPeerOptions *options, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("SetPeer", "s"), &call, name);
        if (r >= 0)
                r = bus_dictionary_append(call, &peer_option_dictionary, options);

        return client_send(&mesh_daemon, r, call, NULL, ret_problem);
}

int mesh_client_admit(sd_bus *bus, const char *name, const char *manifest, char **ret_problem)
{
        return client_call(bus, METHOD("Admit", "ss"), NULL, ret_problem, name, manifest);
}

typedef struct Revocation {
        uint64_t elapsed_usec;
} Revocation;

static const BusField revocation_fields[] = {
        BUS_FIELD("elapsed_usec", BUS_UINT64, Revocation, elapsed_usec, BUS_REQUIRED),
};
static const BusDictionary revocation_dictionary = BUS_DICTIONARY(revocation_fields);

int mesh_client_revoke(sd_bus *bus, const char *name, uint64_t *ret_elapsed_usec, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Revocation revocation = { 0 };

        int r = client_call(bus, METHOD("Revoke", "s"), &reply, ret_problem, name);
        if (r == 0)
                r = client_read_dictionary(&mesh_daemon, reply, &revocation_dictionary, &revocation,
                                           ret_problem);
        if (r == 0)
                *ret_elapsed_usec = revocation.elapsed_usec;
        return r;
}

int mesh_client_revoke_all(sd_bus *bus, sd_bus_message **ret_reply, char **ret_problem)
{
        return client_call(bus, METHOD("RevokeAll", ""), ret_reply, ret_problem);
}

int mesh_client_send_text(sd_bus *bus, const char *member, const char *text, char **ret_problem)
{
        return client_call(bus, METHOD(member, "s"), NULL, ret_problem, text);
}

int mesh_client_count_roots(sd_bus *bus, size_t *ret_n, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *root;
        size_t n = 0;

        int r = client_call(bus, METHOD("GetRoots", ""), &reply, ret_problem);
        if (r != 0)
                return r;

        r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(reply, 's', &root)) > 0)
                n++;
        if (r >= 0)
                *ret_n = n;
        return client_read(&mesh_daemon, r, ret_problem);
}

int mesh_client_get_manifest(sd_bus *bus, const char *name, char **ret_manifest, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *manifest;

        int r = client_call(bus, METHOD("GetManifest", "s"), &reply, ret_problem, name);
        if (r == 0)
                r = client_read(&mesh_daemon, sd_bus_message_read(reply, "s", &manifest), ret_problem);
        if (r != 0)
                return r;

        *ret_manifest = strdup(manifest);
        return *ret_manifest ? 0 : -ENOMEM;
}
