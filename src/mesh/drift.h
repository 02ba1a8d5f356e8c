/* SPDX-License-Identifier: MIT */
#pragma once

/* Differences between what should run and what ran, as they were repaired: a log of the last ones. */

#include "basic/time.h"
#include "netlink/wireguard.h"

typedef enum DriftKind {
        DRIFT_LINK_MISSING,
        DRIFT_LINK_DOWN,
        DRIFT_MTU,
        DRIFT_ADDRESS,
        DRIFT_PRIVATE_KEY,
        DRIFT_LISTEN_PORT,
        DRIFT_PEER_EXTRA,
        DRIFT_PEER_MISSING,
        DRIFT_PEER_REVOKED, /* a revoked key was loaded */
        DRIFT_PRESHARED_KEY,
        DRIFT_ALLOWED_IPS,
        DRIFT_KEEPALIVE,
        DRIFT_FIREWALL,
        _DRIFT_KIND_MAX,
} DriftKind;

#define DRIFT_LOG_MAX    64
#define DRIFT_DETAIL_MAX 64

const char *drift_kind_to_string(DriftKind kind);

typedef struct Drift {
        usec_t at_usec; /* CLOCK_REALTIME */
        DriftKind kind;
        WireguardKey key; /* of the peer; zeros: none */
        char detail[DRIFT_DETAIL_MAX];
} Drift;

typedef struct DriftLog {
        Drift entries[DRIFT_LOG_MAX]; /* a ring */
        uint64_t n_total;
} DriftLog;

/* Takes the place of the oldest. Returns the entry, which is borrowed until the log is full again. */
Drift *drift_log_add(DriftLog *log, const Drift *drift);

/* The i-th of the entries that are kept, oldest first; NULL: no more. */
const Drift *drift_log_get(const DriftLog *log, size_t i);

/* What a change of netlink/wireguard.h to one peer repairs. */
DriftKind drift_of_peer(const WireguardPeer *change);
