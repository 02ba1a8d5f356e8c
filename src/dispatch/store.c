/* SPDX-License-Identifier: MIT */
/* The tables of dispatch.db. A released migration is never changed: add a new one. */

#include "dispatch/store.h"

#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"

struct DispatchStore {
        Database *database;
};

#define APPLICATION_ID UINT32_C(0x44425851) /* "DBXQ" */

/* Rows kept; older ones that have ended go. The devices' chains keep what happened. */
#define ENDED_MAX 10000

/* clang-format off */
static const char *const migrations[] = {
        "CREATE TABLE request("
        "        id          TEXT    PRIMARY KEY,"
        "        device      TEXT    NOT NULL,"
        "        capability  TEXT    NOT NULL,"
        "        subject     TEXT    NOT NULL,"
        "        principal   TEXT    NOT NULL,"
        "        envelope    TEXT    NOT NULL,"
        "        digest      BLOB    NOT NULL CHECK (length(digest) = 32),"
        "        state       INTEGER NOT NULL,"
        "        created_ms  INTEGER NOT NULL,"
        "        expires_ms  INTEGER NOT NULL,"
        "        ended_ms    INTEGER NOT NULL,"
        "        tier        INTEGER NOT NULL,"
        "        needed      INTEGER NOT NULL,"
        "        may_wait    INTEGER NOT NULL,"
        "        self        INTEGER NOT NULL,"
        "        reason      TEXT,"
        "        message     TEXT,"
        "        result      TEXT,"
        "        exit_code   INTEGER NOT NULL,"
        "        exit_signal INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX request_open ON request(created_ms) WHERE ended_ms = 0;"
        "CREATE TABLE approval("
        "        request  TEXT    NOT NULL REFERENCES request(id) ON DELETE CASCADE,"
        "        position INTEGER NOT NULL,"
        "        approver TEXT    NOT NULL,"
        "        envelope TEXT    NOT NULL,"
        "        PRIMARY KEY (request, approver)"
        ") STRICT, WITHOUT ROWID;",

        /* What devbox-ledger is to be given, in this order: dispatch/outbox.h. */
        "CREATE TABLE outbox("
        "        seq             INTEGER PRIMARY KEY AUTOINCREMENT,"
        "        kind            TEXT NOT NULL,"
        "        device          TEXT NOT NULL,"
        "        id              TEXT NOT NULL,"
        "        request         TEXT NOT NULL,"
        "        subject         TEXT NOT NULL,"
        "        principal       TEXT,"
        "        tier            TEXT,"
        "        status          TEXT,"
        "        approval_msg_id TEXT,"
        "        reason          TEXT"
        ") STRICT;",

        "CREATE INDEX request_listing ON request(device, state, exit_code)"
        " WHERE capability = 'docker.list';",

        /* The event of a chat that caused a request, which causes no second one. */
        "ALTER TABLE request ADD COLUMN event_id TEXT;"
        "CREATE UNIQUE INDEX request_by_event ON request(event_id) WHERE event_id IS NOT NULL;",

        /* Of older rows it is not known. */
        "ALTER TABLE request ADD COLUMN sent INTEGER NOT NULL DEFAULT 1;"
        "ALTER TABLE request ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;",

        /* The events of a chat by which people decided, also where the approval was withdrawn since. */
        "CREATE TABLE decision("
        "        event_id  TEXT    NOT NULL,"
        "        request   TEXT    NOT NULL REFERENCES request(id) ON DELETE CASCADE,"
        "        principal TEXT    NOT NULL,"
        "        approve   INTEGER NOT NULL,"
        "        PRIMARY KEY (event_id, request, principal, approve)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX decision_request ON decision(request);",

        "ALTER TABLE request ADD COLUMN description TEXT;",
};
/* clang-format on */

#define COLUMNS                                                                                             \
        "id, device, capability, subject, principal, envelope, digest, state, created_ms, expires_ms, "     \
        "ended_ms, tier, needed, may_wait, reason, message, result, exit_code, exit_signal, self, "         \
        "event_id, sent, cancelled, description"

const char *const dispatch_state_names[_DISPATCH_STATE_MAX] = {
        [DISPATCH_APPROVING] = "approving",
        [DISPATCH_QUEUED] = "queued",
        [DISPATCH_RUNNING] = "running",
        [DISPATCH_FINISHED] = "finished",
        [DISPATCH_TIMEOUT] = "timeout",
        [DISPATCH_CANCELLED] = "cancelled",
        [DISPATCH_FAILED] = "failed",
        [DISPATCH_INTERRUPTED] = "interrupted",
        [DISPATCH_INTERRUPTED_UNKNOWN] = "interrupted_unknown",
        [DISPATCH_REJECTED] = "rejected",
        [DISPATCH_DENIED] = "denied",
        [DISPATCH_EXPIRED] = "expired",
        [DISPATCH_UNREACHABLE] = "unreachable",
};

static void drop_approvals(StoredRequest *request)
{
        while (request->n_approvals > 0)
                free(request->approvals[--request->n_approvals]);
}

void stored_request_done(StoredRequest *request)
{
        char *const owned[] = { request->device,   request->capability, request->subject, request->principal,
                                request->envelope, request->reason,     request->message, request->result,
                                request->event_id, request->description };

        for (size_t i = 0; i < ELEMENTSOF(owned); i++)
                free(owned[i]);
        drop_approvals(request);
        *request = (StoredRequest){ .n_approvals = 0 };
}

int dispatch_store_open(const char *directory, DispatchStore **ret_store)
{
        static const DatabaseSchema schema = { .application_id = APPLICATION_ID,
                                               .migrations = migrations,
                                               .n_migrations = ELEMENTSOF(migrations) };
        _cleanup_(dispatch_store_closep) DispatchStore *store = calloc(1, sizeof *store);
        char path[4096];

        if (!store)
                return -ENOMEM;
        int n = snprintf(path, sizeof path, "%s/dispatch.db", directory);
        if (n < 0 || (size_t) n >= sizeof path)
                return -ENAMETOOLONG;

        int r = database_open(path, DATABASE_OWN, &schema, &store->database);
        if (r < 0)
                return r;

        *ret_store = TAKE_PTR(store);
        return 0;
}

DispatchStore *dispatch_store_close(DispatchStore *store)
{
        if (!store)
                return NULL;

        database_close(store->database);
        free(store);
        return NULL;
}

Database *const *dispatch_store_database(const DispatchStore *store)
{
        return &store->database;
}

/* ---- writing */

static int add_event(Database *database, const StoredRequest *request, const StoredEvent *event)
{
        const DevboxError reason = (DevboxError) event->reason;
        uint8_t random[ULID_RANDOM_SIZE];
        char id[ULID_SIZE];

        (void) getentropy(random, sizeof random); /* never fails for so few bytes: getentropy(3) */
        ulid_format(time_now(CLOCK_REALTIME) / USEC_PER_MSEC, random, id);
        return query_run(database,
                         "INSERT INTO outbox (kind, device, id, request, subject, principal, tier, status,"
                         " approval_msg_id, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         "tttttttttt", audit_event_names[event->kind], request->device, id, request->id,
                         request->subject, event->principal, approval_tier_names[event->tier],
                         reason > 0 ? devbox_error_audit_status(reason) : NULL, event->message_id,
                         reason > 0 ? devbox_error_code(reason) : NULL);
}

static int add_decision(Database *database, const StoredRequest *request, const StoredEvent *event)
{
        return query_run(database,
                         "INSERT INTO decision (event_id, request, principal, approve) VALUES (?, ?, ?, ?)",
                         "ttti", event->decision_id, request->id, event->principal,
                         (int64_t) (event->kind == AUDIT_EVENT_APPROVED));
}

static int commit(Transaction *transaction, const StoredRequest *request, const StoredEvent *event)
{
        int r = event ? add_event(transaction->database, request, event) : 0;
        if (r >= 0 && event && event->decision_id)
                r = add_decision(transaction->database, request, event);
        return r < 0 ? r : transaction_commit(transaction);
}

int dispatch_store_insert(DispatchStore *store, const StoredRequest *request, const StoredEvent *event)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r < 0)
                return r;
        r = query_run(store->database,
                      "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE ended_ms > 0"
                      " ORDER BY id DESC LIMIT -1 OFFSET ?)",
                      "i", (int64_t) ENDED_MAX);
        if (r < 0)
                return r;
        r = query_run(store->database,
                      "INSERT INTO request (" COLUMNS
                      ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      "ttttttbiiiiiiitttiiitiit", request->id, request->device, request->capability,
                      request->subject, request->principal, request->envelope, BYTES_OF(request->digest),
                      (int64_t) request->state, request->created_ms, request->expires_ms, request->ended_ms,
                      request->tier, request->needed, (int64_t) request->may_wait, request->reason,
                      request->message, request->result, request->exit_code, request->exit_signal,
                      (int64_t) request->self_may_approve, request->event_id, (int64_t) request->sent,
                      (int64_t) request->cancelled, request->description);
        return r < 0 ? r : commit(&transaction, request, event);
}

int dispatch_store_update(DispatchStore *store, const StoredRequest *request, const StoredEvent *event)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r < 0)
                return r;
        r = query_run(store->database,
                      "UPDATE request SET state = ?, ended_ms = ?, reason = ?, message = ?, result = ?,"
                      " exit_code = ?, exit_signal = ?, sent = ?, cancelled = ? WHERE id = ?",
                      "iitttiiiit", (int64_t) request->state, request->ended_ms, request->reason,
                      request->message, request->result, request->exit_code, request->exit_signal,
                      (int64_t) request->sent, (int64_t) request->cancelled, request->id);
        return r < 0 ? r : commit(&transaction, request, event);
}

int dispatch_store_add_approval(DispatchStore *store, const StoredRequest *request, const char *envelope,
                                const StoredEvent *event)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r < 0)
                return r;
        r = query_run(store->database,
                      "INSERT INTO approval (request, position, approver, envelope)"
                      " SELECT ?1, ifnull(max(position), -1) + 1, ?2, ?3 FROM approval WHERE request = ?1",
                      "ttt", request->id, event->principal, envelope);
        return r < 0 ? r : commit(&transaction, request, event);
}

int dispatch_store_remove_approval(DispatchStore *store, const StoredRequest *request,
                                   const StoredEvent *event)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(store->database, &transaction);
        if (r < 0)
                return r;
        r = query_run(store->database, "DELETE FROM approval WHERE request = ? AND approver = ?", "tt",
                      request->id, event->principal);
        return r < 0 ? r : commit(&transaction, request, event);
}

int dispatch_store_has_decided(DispatchStore *store, const char *id, const char *approver)
{
        return query_exists(store->database, "SELECT 1 FROM approval WHERE request = ? AND approver = ?",
                            "tt", id, approver);
}

int dispatch_store_has_decision(DispatchStore *store, const char *id, const char *principal,
                                const char *event_id, bool approve)
{
        char suffix[ULID_SIZE];

        if (!ulid_suffix_parse(id, suffix))
                return 0;

        return query_exists(store->database,
                            "SELECT 1 FROM decision WHERE event_id = ? AND principal = ? AND approve = ?"
                            " AND request LIKE '%' || ?",
                            "ttit", event_id, principal, (int64_t) approve, suffix);
}

/* ---- reading */

static int read_row(const Statement *row, StoredRequest *request)
{
        char **const texts[] = { &request->device, &request->capability, &request->subject,
                                 &request->principal, &request->envelope };
        char **const ends[] = { &request->reason, &request->message, &request->result };
        int r = 0;

        (void) snprintf(request->id, sizeof request->id, "%s", strempty(statement_text(row, 0)));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(row, (int) i + 1, texts[i]);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(ends); i++)
                r = statement_copy_text(row, (int) i + 14, ends[i]);
        if (r == 0)
                r = statement_copy_text(row, 20, &request->event_id);
        if (r == 0)
                r = statement_copy_text(row, 23, &request->description);
        if (r == 0)
                r = statement_copy_bytes(row, 6, &request->digest, sizeof request->digest);

        request->state = (DispatchState) statement_integer(row, 7);
        request->created_ms = statement_integer(row, 8);
        request->expires_ms = statement_integer(row, 9);
        request->ended_ms = statement_integer(row, 10);
        request->tier = statement_integer(row, 11);
        request->needed = statement_integer(row, 12);
        request->may_wait = statement_integer(row, 13) != 0;
        request->exit_code = statement_integer(row, 17);
        request->exit_signal = statement_integer(row, 18);
        request->self_may_approve = statement_integer(row, 19) != 0;
        request->sent = statement_integer(row, 21) != 0;
        request->cancelled = statement_integer(row, 22) != 0;
        return r;
}

static int on_approval(void *userdata, const char *envelope)
{
        StoredRequest *request = userdata;

        if (request->n_approvals == APPROVALS_MAX)
                return -EBADMSG;

        request->approvals[request->n_approvals] = strdup(envelope);
        return request->approvals[request->n_approvals++] ? 0 : -ENOMEM;
}

int dispatch_store_read_approvals(DispatchStore *store, StoredRequest *request)
{
        Statement *rows = NULL;

        drop_approvals(request);
        int r = query(store->database, &rows,
                      "SELECT envelope FROM approval WHERE request = ? ORDER BY position", "t", request->id);
        return r < 0 ? r : statement_for_each_text(rows, on_approval, request);
}

static int each(DispatchStore *store, Statement *take_rows, StoredRequestHandler handler, void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = take_rows;
        int r = 0;

        while (r == 0 && (r = statement_step(rows)) > 0) {
                _cleanup_(stored_request_done) StoredRequest request = { .n_approvals = 0 };

                r = read_row(rows, &request);
                if (r == 0)
                        r = dispatch_store_read_approvals(store, &request);
                if (r == 0)
                        r = handler(&request, userdata);
        }

        return r;
}

int dispatch_store_each_open(DispatchStore *store, StoredRequestHandler handler, void *userdata)
{
        Statement *rows = NULL;

        int r = query(store->database, &rows,
                      "SELECT " COLUMNS " FROM request WHERE ended_ms = 0 ORDER BY created_ms, id", "");
        return r < 0 ? r : each(store, rows, handler, userdata);
}

int dispatch_store_each_recent(DispatchStore *store, int64_t max, StoredRequestHandler handler,
                               void *userdata)
{
        Statement *rows = NULL;

        int r = query(store->database, &rows, "SELECT " COLUMNS " FROM request ORDER BY id DESC LIMIT ?",
                      "i", max);
        return r < 0 ? r : each(store, rows, handler, userdata);
}

int dispatch_store_each_listing(DispatchStore *store, StoredRequestHandler handler, void *userdata)
{
        Statement *rows = NULL;

        int r = query(store->database, &rows,
                      "SELECT " COLUMNS " FROM request WHERE id IN (SELECT max(id) FROM request"
                      " WHERE capability = 'docker.list' AND state = ? AND exit_code = 0 GROUP BY device)"
                      " ORDER BY device",
                      "i", (int64_t) DISPATCH_FINISHED);
        return r < 0 ? r : each(store, rows, handler, userdata);
}

static int take_first(StoredRequest *request, void *userdata)
{
        StoredRequest *first = userdata;

        *first = TAKE(*request, ((StoredRequest){ .n_approvals = 0 }));
        return 1;
}

int dispatch_store_find(DispatchStore *store, const char *id, StoredRequest *ret_request)
{
        char suffix[ULID_SIZE], pattern[ULID_SIZE + 1];
        Statement *rows = NULL;

        if (!ulid_suffix_parse(id, suffix))
                return DEVBOX_ERROR_REQUEST_UNKNOWN;

        (void) snprintf(pattern, sizeof pattern, "%%%s", suffix);
        int r = query(store->database, &rows,
                      "SELECT " COLUMNS " FROM request WHERE id LIKE ? ORDER BY id DESC LIMIT 1", "t",
                      pattern);
        if (r == 0)
                r = each(store, rows, take_first, ret_request);

        return r < 0 ? r : r > 0 ? 0 : DEVBOX_ERROR_REQUEST_UNKNOWN;
}

int dispatch_store_find_event(DispatchStore *store, const char *event_id, StoredRequest *ret_request)
{
        Statement *rows = NULL;

        int r = query(store->database, &rows, "SELECT " COLUMNS " FROM request WHERE event_id = ?", "t",
                      event_id);
        if (r == 0)
                r = each(store, rows, take_first, ret_request);

        return r < 0 ? r : r > 0 ? 0 : DEVBOX_ERROR_REQUEST_UNKNOWN;
}
