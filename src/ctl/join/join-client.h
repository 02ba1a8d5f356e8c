/* SPDX-License-Identifier: MIT */
#pragma once

/* The calls of org.devbox.Mesh1 by which a device joins, in this order; each can be repeated. Functions
 * return 0, or a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "ctl/mesh/mesh-client.h"
#include "trust/claim.h"

typedef struct JoinStart {
        Bytes token; /* binary; empty: that of the join which was begun */
        const PublicKey *device_key;
        const char *description; /* of the machine */
} JoinStart;

/* A claim's body, or a sealed claim. It holds the token's secret: the caller wipes it. */
typedef struct JoinClaim {
        uint8_t bytes[CLAIM_SEALED_MAX];
        size_t size;
} JoinClaim;

typedef struct JoinOpened {
        sd_bus_message *reply; /* texts are borrowed from it */
        const char *state;     /* "pending", "admitted" */
        const char *digits;    /* empty: the invitation is bound */
        const char *network, *prefix, *address, *hub_address, *manifest;
        const char *roots[BUS_TEXTS_MAX]; /* of the network, in order */
        size_t n_roots;
        uint8_t chain_id[CHAIN_ID_SIZE];
        uint64_t lost_size, retry_ms, hub_time_ms;
        Sha256 lost_head;
} JoinOpened;

void join_opened_done(JoinOpened *opened);

int join_client_start(sd_bus *bus, const JoinStart *start, JoinClaim *ret_body, char **ret_problem);
int join_client_sign(sd_bus *bus, const Signature *signature, JoinClaim *ret_sealed, char **ret_problem);
int join_client_open(sd_bus *bus, Bytes answer, JoinOpened *ret_opened, char **ret_problem);

/* "FinishJoin", "ConfirmJoin", "Leave". */
int join_client_call(sd_bus *bus, const char *member, char **ret_problem);
