/* SPDX-License-Identifier: MIT */
/* Differences between what should run and what ran. */

#include "mesh/drift.h"

static const char *const names[_DRIFT_KIND_MAX] = {
        [DRIFT_LINK_MISSING] = "link-missing",
        [DRIFT_LINK_DOWN] = "link-down",
        [DRIFT_MTU] = "mtu",
        [DRIFT_ADDRESS] = "address",
        [DRIFT_PRIVATE_KEY] = "private-key",
        [DRIFT_LISTEN_PORT] = "listen-port",
        [DRIFT_PEER_EXTRA] = "peer-extra",
        [DRIFT_PEER_MISSING] = "peer-missing",
        [DRIFT_PEER_REVOKED] = "peer-revoked",
        [DRIFT_PRESHARED_KEY] = "preshared-key",
        [DRIFT_ALLOWED_IPS] = "allowed-ips",
        [DRIFT_KEEPALIVE] = "keepalive",
        [DRIFT_FIREWALL] = "firewall",
};

const char *drift_kind_to_string(DriftKind kind)
{
        return names[kind];
}

Drift *drift_log_add(DriftLog *log, const Drift *drift)
{
        Drift *entry = &log->entries[log->n_total++ % DRIFT_LOG_MAX];

        *entry = *drift;
        return entry;
}

const Drift *drift_log_get(const DriftLog *log, size_t i)
{
        size_t n = MIN(log->n_total, (uint64_t) DRIFT_LOG_MAX);

        return i < n ? &log->entries[(log->n_total - n + i) % DRIFT_LOG_MAX] : NULL;
}

DriftKind drift_of_peer(const WireguardPeer *change)
{
        if (change->flags & WIREGUARD_PEER_REMOVE)
                return DRIFT_PEER_EXTRA;
        if (!(change->flags & WIREGUARD_PEER_UPDATE_ONLY))
                return DRIFT_PEER_MISSING;
        if (change->flags & WIREGUARD_PEER_HAS_PRESHARED_KEY)
                return DRIFT_PRESHARED_KEY;

        return change->flags & WIREGUARD_PEER_HAS_KEEPALIVE ? DRIFT_KEEPALIVE : DRIFT_ALLOWED_IPS;
}
