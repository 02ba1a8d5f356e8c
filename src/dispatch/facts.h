/* SPDX-License-Identifier: MIT */
#pragma once

/* What devbox-mesh knows of a device: where it is, its key, and the documents that it must have. */

#include "bus/client.h"
#include "proto/id.h"
#include "trust/manifest.h"

#define FACTS_ROOTS_MAX 64

typedef struct DeviceFacts {
        char address[64];
        uint16_t keepalive_sec;
        PublicKey key;
        char *manifest_text; /* its envelope */
        Manifest *manifest;
        Sha256 manifest_sha256;
        char *roots[FACTS_ROOTS_MAX]; /* envelopes, in their order */
        size_t n_roots;
} DeviceFacts;

void device_facts_done(DeviceFacts *facts);

/* One query at a time, embedded in what waits for it; zeroed at first. */
typedef struct FactsQuery FactsQuery;

/* `facts` is the handler's to take; NULL: not known, for a DevboxError: PEER_UNKNOWN, PEER_REVOKED,
 * MANIFEST_MISSING, MESH_UNREACHABLE devbox-mesh does not answer. May free the query. */
typedef void (*FactsHandler)(FactsQuery *query, DeviceFacts *facts, int reason);

struct FactsQuery {
        BusClient *mesh;
        const char *device; /* borrowed */
        FactsHandler handler;
        BusRequest call;
        DeviceFacts facts;
};

/* May call the handler before it returns. */
void facts_query_start(FactsQuery *query, BusClient *mesh, const char *device, FactsHandler handler);
void facts_query_cancel(FactsQuery *query);
