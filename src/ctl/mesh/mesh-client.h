/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Mesh1, see org.devbox.Mesh1(5); those of joining are in ctl/join/join-client.h. What a
 * struct holds is borrowed from its reply. Functions return 0, or a DevboxError with its detail, which the
 * caller frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "audit/entry.h"
#include "bus/dictionary.h"
#include "crypto/ed25519.h"
#include "ctl/client.h"

#define MESH_KEY_SIZE 32 /* X25519 */

extern const ClientDaemon mesh_daemon;

/* Texts may be NULL, numbers 0 and bytes zero, where there is none. */
typedef struct MeshStatus {
        sd_bus_message *reply;
        const char *role, *network, *prefix, *address, *hub_address, *backend, *state, *problem, *join_state,
                *device; /* the name under which this machine joins */
        const char *endpoints[BUS_TEXTS_MAX];
        size_t n_endpoints;
        uint8_t public_key[MESH_KEY_SIZE], claim_key[MESH_KEY_SIZE];
        Sha256 root_sha256, network_root_sha256;
        uint64_t listen_port, peers, online, stale, last_handshake_ms, time_ms;
} MeshStatus;

typedef struct MeshPeer {
        const char *name, *address, *state, *presence, *endpoint;
        uint8_t wireguard_key[MESH_KEY_SIZE], chain_id[CHAIN_ID_SIZE];
        PublicKey device_key;
        uint64_t last_handshake_ms, rx_bytes, tx_bytes, keepalive_sec, since_ms;
        uint64_t manifest_epoch, manifest_version, manifest_expires_at_ms;
} MeshPeer;

typedef struct MeshDrift {
        const char *kind, *peer, *detail;
        uint64_t time_ms;
} MeshDrift;

/* What the manifest of a name must say is the same in an invitation and in what claimed it. */
typedef struct MeshManifestNext {
        uint64_t epoch, version;
        Sha256 previous; /* zero: it is the first */
} MeshManifestNext;

typedef struct MeshPending {
        const char *name, *state, *digits, *source, *description;
        bool bound;
        PublicKey device_key;
        uint64_t expires_at_ms, claimed_at_ms;
        MeshManifestNext next;
} MeshPending;

typedef struct MeshInvitation {
        sd_bus_message *reply;
        const char *address;
        PublicKey device_key; /* of the device that had the name before */
        uint64_t expires_at_ms;
        MeshManifestNext next;
} MeshInvitation;

void mesh_status_done(MeshStatus *status);
void mesh_invitation_done(MeshInvitation *invitation);

/* How the hub is configured: NULL and 0 leave it as it is. */
typedef struct MeshHubOptions {
        const char *network, *prefix;
        const char *endpoints[BUS_TEXTS_MAX]; /* "host:port" */
        size_t n_endpoints;
        uint64_t listen_port;
} MeshHubOptions;

typedef struct MeshPeerOptions {
        const char *address;
        uint64_t keepalive_sec; /* UINT64_MAX: not given */
} MeshPeerOptions;

int mesh_client_get_status(sd_bus *bus, MeshStatus *ret_status, char **ret_problem);

/* DEVBOX_ERROR_NOT_ENROLLED unless it is the status of a hub. `host`: where it was asked for, NULL: here. */
int mesh_status_check_hub(const MeshStatus *status, const char *host, char **ret_problem);

/* Rows of MeshPeer, MeshDrift and MeshPending. */
int mesh_client_list_peers(sd_bus *bus, bool all, ClientRows *ret_rows, char **ret_problem);
int mesh_client_get_peer(sd_bus *bus, const char *name, ClientRows *ret_row, char **ret_problem);

/* DEVBOX_ERROR_PEER_REVOKED for a device that was revoked. An unknown one passes: the hub itself is no peer.
 */
int mesh_client_reject_revoked(sd_bus *bus, const char *name, char **ret_problem);
extern const ClientQuery mesh_get_drift;
extern const ClientQuery mesh_list_pending;

int mesh_client_configure_hub(sd_bus *bus, const MeshHubOptions *options, MeshStatus *ret_status,
                              char **ret_problem);
int mesh_client_invite(sd_bus *bus, Bytes token, const MeshPeerOptions *options,
                       MeshInvitation *ret_invitation, char **ret_problem);
int mesh_client_set_peer(sd_bus *bus, const char *name, const MeshPeerOptions *options, char **ret_problem);
int mesh_client_admit(sd_bus *bus, const char *name, const char *manifest, char **ret_problem);
int mesh_client_revoke(sd_bus *bus, const char *name, uint64_t *ret_elapsed_usec, char **ret_problem);

/* The names of the peers that were removed; borrowed from the reply, which the caller unrefs. */
int mesh_client_revoke_all(sd_bus *bus, sd_bus_message **ret_reply, char **ret_problem);

/* One text and no reply: "SetRoot", "Withdraw", "PublishManifest". */
int mesh_client_send_text(sd_bus *bus, const char *member, const char *text, char **ret_problem);

/* How many roots the hub has, from the first on. */
int mesh_client_count_roots(sd_bus *bus, size_t *ret_n, char **ret_problem);

/* The signed manifest of a name, which the caller frees. */
int mesh_client_get_manifest(sd_bus *bus, const char *name, char **ret_manifest, char **ret_problem);
