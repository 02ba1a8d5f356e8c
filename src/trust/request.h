/* SPDX-License-Identifier: MIT */
#pragma once

/* A request: one capability with its arguments, for one device, once. Signed by the dispatcher. Its digest
 * is what approvals, deliveries, results and audit entries bind to. */

#include "proto/id.h"
#include "trust/arguments.h"

#define REQUEST_NONCE_SIZE 16

/* The least time that the id and the nonce of a request stay in use. */
#define REQUEST_KEEP_MS (UINT64_C(24) * 3600 * 1000)

/* The most rows of a device; beyond, requests are rejected with `busy`. No row is dropped early. */
#define REQUESTS_MAX 50000

typedef struct RequestManifest {
        int64_t epoch, version;
        Sha256 sha256;
} RequestManifest;

typedef struct RequestLimits {
        int64_t timeout_ms, max_output; /* 0: those of the capability, which are also the maximum */
} RequestLimits;

typedef struct RequestOrigin {
        char *principal;                   /* in whose name */
        char *room, *event_id, *device_fp; /* NULL: not sent by chat */
} RequestOrigin;

typedef struct Request {
        char *request_id;
        char *device;
        RequestManifest manifest; /* the one that the dispatcher parsed against */
        char *capability;         /* a name, possibly unknown */
        int kind;                 /* CapabilityKind, or _CAPABILITY_KIND_INVALID */
        Arguments arguments;
        char *unknown_arguments; /* their JSON, of an unknown kind; else NULL */
        uint8_t nonce[REQUEST_NONCE_SIZE];
        int64_t issued_at_ms, expires_at_ms;
        RequestLimits limits;
        RequestOrigin origin;
} Request;

extern const Schema request_schema;
DEFINE_DOCUMENT(Request, request);
