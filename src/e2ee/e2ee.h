/* SPDX-License-Identifier: MIT */
#pragma once

/* End-to-end encryption of Matrix without input and output: give it what /sync and the answers to requests
 * hold, take the requests that follow from it, send them and pass the responses back. So tests, fuzzers and
 * vectors reach every rule without a server.
 *
 *         r = e2ee_receive_sync(e2ee, sync);                     in one transaction with all else of it
 *         while (e2ee_next_request(e2ee, last, &request) > 0)    send, then e2ee_request_done()
 *
 * All state is in the database, and all functions but e2ee_open() and those documented otherwise run inside
 * the caller's transaction. Requests are in it, too: they are sent after the commit, the same bytes under
 * the same transaction id as often as it takes, so that a crash at any point neither loses nor forks a
 * ratchet.
 *
 * Errors of all functions: those of store/database.h, and -ENOMEM; the caller rolls back. Input that is not
 * acceptable is no error. */

#include <cjson/cJSON.h>

#include "crypto/secret.h"
#include "store/database.h"

typedef struct E2ee E2ee;
typedef struct E2eeGuarded E2eeGuarded; /* quarantine.h */

typedef int64_t E2eeClock(void *userdata); /* milliseconds of CLOCK_REALTIME */

typedef struct E2eeOptions {
        Database *database;       /* borrowed; its schema begins with e2ee_tables */
        const Secret *pickle_key; /* borrowed; 32 bytes, never in the database */
        const char *user_id, *device_id;
        E2eeClock *now_ms;
        void *userdata; /* of the clock and of on_skipped */

        /* Room keys go to no device of another user whose identity is not pinned, even if it is signed, nor
         * to an unsigned one, even while it verifies us: the server can make one. */
        bool pinned_only;

        /* An event is skipped, since its processing fails, or, if `error` is 0, ends the process. May be
         * NULL. */
        void (*on_skipped)(const E2eeGuarded *guarded, int error, void *userdata);
} E2eeOptions;

/* Outside a transaction. Makes the device's keys at the first opening. Errors: -EKEYREJECTED another pickle
 * key; -EXDEV the store belongs to another user or device. */
int e2ee_open(const E2eeOptions *options, E2ee **ret_e2ee);
E2ee *e2ee_close(E2ee *e2ee);
DEFINE_CLEANUP(E2ee, e2ee_close);

/* The device's own keys, as /keys/query names them. */
const char *e2ee_curve25519(const E2ee *e2ee);
const char *e2ee_ed25519(const E2ee *e2ee);

/* What keeps the device from working, until the operator decides. */
typedef enum E2eeFault {
        E2EE_FAULT_NONE,
        E2EE_FAULT_ROLLED_BACK,       /* the server has newer one-time keys: the store is an old copy */
        E2EE_FAULT_DEVICE_REPLACED,   /* the server has other keys under our device id */
        E2EE_FAULT_DEVICE_DELETED,    /* the server has no keys of a device that uploaded them */
        E2EE_FAULT_FOREIGN_IDENTITY,  /* the user has an identity on the server, and the store has none */
        E2EE_FAULT_IDENTITY_REPLACED, /* the server has another identity than the store */
        E2EE_FAULT_IDENTITY_REFUSED,  /* the server does not take the store's identity */
        _E2EE_FAULT_MAX,
} E2eeFault;

const char *e2ee_fault_to_string(E2eeFault fault); /* "rolled_back"; NULL: none */

int e2ee_fault(E2ee *e2ee, E2eeFault *ret_fault);

/* 1: the device is cross-signed on the server and has no fault; 0: e2ee_encrypt() waits, since others would
 * warn of its messages, or its keys may be in use elsewhere. */
int e2ee_is_ready(E2ee *e2ee);

/* Makes another identity for a user whose own is lost, and puts it in the place of the server's: people see
 * that it has changed. 1: done, for one of the last three faults, which it ends; 0: there is none of them.
 */
int e2ee_reset_identity(E2ee *e2ee);

/* ---- requests */

typedef enum E2eeRequestKind {
        E2EE_KEYS_UPLOAD,         /* POST /v3/keys/upload */
        E2EE_KEYS_QUERY,          /* POST /v3/keys/query */
        E2EE_KEYS_CLAIM,          /* POST /v3/keys/claim */
        E2EE_SIGNING_KEYS_UPLOAD, /* POST /v3/keys/device_signing/upload: the caller adds `auth` if asked */
        E2EE_SIGNATURES_UPLOAD,   /* POST /v3/keys/signatures/upload */
        E2EE_TO_DEVICE,           /* PUT /v3/sendToDevice/TARGET/TXN */
        E2EE_ROOM_EVENT,          /* an event of type TARGET in the room, encrypted where the room is */
} E2eeRequestKind;

typedef struct E2eeRequest {
        int64_t id;
        E2eeRequestKind kind;
        char *target, *room_id, *txn_id, *body; /* owned; the first two may be NULL */
} E2eeRequest;

#define E2EE_REQUEST_NULL ((E2eeRequest){ 0 })

void e2ee_request_clear(E2eeRequest *request);

/* The first request after that id, 0 for the first of all. 1: there is one, cleared by the caller; 0: none.
 * Requests in flight are included. */
int e2ee_next_request(E2ee *e2ee, int64_t after_id, E2eeRequest *ret_request);

/* The request was answered with 2xx, and this; NULL and unknown ids are allowed. */
int e2ee_request_done(E2ee *e2ee, int64_t id, const cJSON *response);

/* The server rejected the request permanently: not for a 429, a 5xx or a broken connection, after which it
 * is sent again. */
int e2ee_request_refused(E2ee *e2ee, int64_t id, const cJSON *response);

/* Adds the requests that only time asks for: call it now and then, at least every 30 s while there are
 * parked events. All functions that change something call it themselves. */
int e2ee_plan(E2ee *e2ee);
