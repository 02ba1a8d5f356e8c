/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables `request` and `approval`: the requests to this device until they can no longer be replayed,
 * their ids, nonces and approvals, their states and results. The states are
 *
 *     accepted → started → finished
 *
 * or denied for good. After a crash an accepted one becomes interrupted (it did not run), a started one
 * interrupted_unknown (it may have run); neither ever runs again. */

#include "audit/ledger-database.h"
#include "trust/accept.h"
#include "trust/result.h"

/* The numbers are in the database and never change. */
typedef enum RequestState {
        REQUEST_ACCEPTED = 1,
        REQUEST_STARTED = 2,
        REQUEST_FINISHED = 3,
        REQUEST_DENIED = 4,
        REQUEST_INTERRUPTED = 5,
        REQUEST_INTERRUPTED_UNKNOWN = 6,
        _REQUEST_STATE_MAX,
} RequestState;

const char *request_state_name(RequestState state); /* "interrupted_unknown" */

typedef struct Requests {
        Database *database;
        uint64_t n, max;
} Requests;

int requests_init(Requests *requests, Database *database, uint64_t max);

typedef struct RequestRow {
        char request_id[ULID_SIZE];
        Sha256 digest;
        RequestState state;
        Sha256 manifest;         /* that it was accepted under */
        char *entry;             /* its id there; NULL: denied */
        uint64_t start_until_ms; /* after that it may not start; 0: denied */
        uint64_t seq;            /* of its first entry in the chain */
        char *result;            /* an envelope; NULL: none yet */
} RequestRow;

void request_row_done(RequestRow *row);

/* 1: found; 0: not found. The caller releases the row. Of several rows, one that was accepted is preferred
 * to denied ones; there is at most one with this digest. */
int requests_find(Requests *requests, const Sha256 *digest, RequestRow *ret_row);

/* By an id, which several dispatchers may have used. Errors: -ENOTUNIQ two of them were accepted. */
int requests_find_id(Requests *requests, const char *request_id, RequestRow *ret_row);

/* The row that AcceptLedger.request_known() is about. */
int requests_find_known(Requests *requests, const PublicKey *dispatcher, const Sha256 *digest,
                        RequestRow *ret_row);

/* Any accepted or started request, or one of this agent. NULL: of any. */
int requests_find_open(Requests *requests, const char *agent, RequestRow *ret_row);

/* The callbacks of trust/accept.h; `ledger` is Requests. */
extern const AcceptLedger requests_ledger;

/* Each of these belongs inside a ChainTransaction. */
typedef struct NewRequest {
        const Request *request;
        const PublicKey *dispatcher;
        const Sha256 *digest, *manifest;
        const char *entry; /* NULL: denied */
        const char *agent; /* NULL: denied */
        const Sha256 *approvals;
        size_t n_approvals;
        RequestState state;
        uint64_t now_ms, start_until_ms, keep_until_ms, seq;
        const char *result; /* NULL: none yet */
} NewRequest;

int requests_add(Requests *requests, const NewRequest *row);

/* Of the accepted or started request. */
int requests_set_state(Requests *requests, const Sha256 *digest, RequestState state, const char *result);

/* Deletes what has expired. */
int requests_prune(Requests *requests, uint64_t now_ms);

/* Counts the rows again, after a transaction. */
int requests_count(Requests *requests);
