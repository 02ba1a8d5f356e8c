/* SPDX-License-Identifier: MIT */
/* Events that wait for their key, requests for it, and reasons why it is withheld. */

#include "e2ee/parked.h"

#include "e2ee/claim.h"
#include "e2ee/message.h"
#include "e2ee/request.h"

#define ASK_AFTER_MS     (3 * MS_PER_SECOND)
#define EXPLAIN_AFTER_MS (60 * MS_PER_SECOND)
#define ASK_MAX          20 /* sessions per call */
#define PARKED_MAX       2000
#define EVENT_MAX        (128 * 1024) /* bytes; the specification allows the half */
#define WITHHELD_MAX     5000

int parked_add(E2ee *e2ee, const char *room_id, const char *session_id, const cJSON *event, ParkedFor what)
{
        _cleanup_(freep) char *text = cJSON_PrintUnformatted(event); /* not all have a canonical form */

        if (!text)
                return -ENOMEM;
        if (strlen(text) > EVENT_MAX)
                return 0;
        int r = query_run(e2ee->database,
                          "INSERT OR IGNORE INTO parked(event_id, room_id, session_id, sender, event, "
                          "parked_ms, for_device) VALUES (?, ?, ?, ?, ?, ?, ?)",
                          "tttttii", object_string(event, "event_id"), room_id, session_id,
                          object_string(event, "sender"), text, e2ee_now(e2ee),
                          (int64_t) (what == PARKED_FOR_DEVICE));
        return r < 0 ? r
                     : query_run(e2ee->database,
                                 "DELETE FROM parked WHERE rowid <= (SELECT max(rowid) FROM parked) - ?",
                                 "i", (int64_t) PARKED_MAX);
}

/* What was asked for is not needed any more. */
static int cancel_requests(E2ee *e2ee, const char *room_id, const char *session_id)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT DISTINCT sender, request_id FROM parked "
                      "WHERE room_id = ? AND session_id = ? AND request_id NOT NULL AND NOT ready",
                      "tt", room_id, session_id);
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                cJSON *content = NULL;

                r = json_pack(&content, "{action:s,request_id:s,requesting_device_id:s}",
                              "request_cancellation", statement_text(rows, 1), e2ee->device_id);
                if (r == 0)
                        r = to_device_send(e2ee, "m.room_key_request", statement_text(rows, 0), "*",
                                           content);
                if (r < 0)
                        return r;
        }
        return r;
}

int parked_on_key(E2ee *e2ee, const char *room_id, const char *session_id)
{
        int r = cancel_requests(e2ee, room_id, session_id);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "UPDATE parked SET ready = 1, request_id = NULL "
                         "WHERE room_id = ? AND session_id = ?",
                         "tt", room_id, session_id);
}

int parked_on_devices(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->database, "UPDATE parked SET ready = 1 WHERE sender = ? AND for_device", "t",
                         user_id);
}

static int read_event(const Statement *rows, char **ret_room_id, cJSON **ret_event)
{
        _cleanup_(freep) char *room_id = strdup(statement_text(rows, 1));

        if (!room_id)
                return -ENOMEM;
        int r = pickle_error(
                matrix_json_parse(bytes_of_string(statement_text(rows, 2)), SIZE_MAX, ret_event));
        if (r < 0)
                return r;

        *ret_room_id = TAKE_PTR(room_id);
        return 0;
}

int e2ee_forget_parked(E2ee *e2ee, const char *room_id, const char *event_id)
{
        return query_run(e2ee->database, "DELETE FROM parked WHERE room_id = ? AND event_id = ?", "tt",
                         room_id, event_id);
}

int e2ee_next_recovered(E2ee *e2ee, char **ret_room_id, cJSON **ret_event)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) char *event_id = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT event_id, room_id, event FROM parked WHERE ready ORDER BY rowid LIMIT 1", "");
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;
        event_id = strdup(statement_text(rows, 0));
        r = event_id ? read_event(rows, ret_room_id, ret_event) : -ENOMEM;
        if (r < 0)
                return r;

        r = query_run(e2ee->database, "DELETE FROM parked WHERE event_id = ?", "t", event_id);
        return r < 0 ? r : 1;
}

int e2ee_next_unreadable(E2ee *e2ee, char **ret_room_id, cJSON **ret_event, char **ret_code)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) char *event_id = NULL, *code = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT event_id, room_id, event, code FROM parked LEFT JOIN withheld "
                      "USING (room_id, session_id) WHERE NOT ready AND NOT explained AND parked_ms <= ? "
                      "ORDER BY parked.rowid LIMIT 1",
                      "i", e2ee_now(e2ee) - EXPLAIN_AFTER_MS);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;
        event_id = strdup(statement_text(rows, 0));
        code = statement_text(rows, 3) ? strdup(statement_text(rows, 3)) : NULL;
        if (!event_id || (statement_text(rows, 3) && !code))
                return -ENOMEM;
        r = read_event(rows, ret_room_id, ret_event);
        if (r < 0)
                return r;

        *ret_code = TAKE_PTR(code);
        r = query_run(e2ee->database, "UPDATE parked SET explained = 1 WHERE event_id = ?", "t", event_id);
        return r < 0 ? r : 1;
}

/* ---- withheld */

int parked_receive_withheld(E2ee *e2ee, const cJSON *event)
{
        const cJSON *content = object_object(event, "content");
        const char *sender = object_string(event, "sender"), *code = object_string(content, "code");
        const char *room_id = object_string(content, "room_id");
        const char *session_id = object_string(content, "session_id");
        const char *sender_key = object_string(content, "sender_key");

        if (!sender || !code || !object_has(content, "algorithm", ALGORITHM_MEGOLM))
                return 0;
        if (streq(code, "m.no_olm")) /* they could not begin a session: we do */
                return sender_key ? claim_unwedge(e2ee, sender, sender_key) : 0;
        if (!room_id || !session_id)
                return 0;

        int r = query_run(e2ee->database,
                          "INSERT OR REPLACE INTO withheld(room_id, session_id, code) VALUES (?, ?, ?)",
                          "ttt", room_id, session_id, code);
        return r < 0 ? r
                     : query_run(
                               e2ee->database,
                               "DELETE FROM withheld WHERE (SELECT count(*) FROM withheld) > ?"
                               " AND (room_id, session_id) NOT IN (SELECT room_id, session_id FROM parked)",
                               "i", (int64_t) WITHHELD_MAX);
}

/* ---- asking */

/* To all devices of the user that sent the events. */
static int ask(E2ee *e2ee, const char *user_id, const char *room_id, const char *session_id)
{
        char request_id[RANDOM_ID_SIZE];
        cJSON *content = NULL;

        int r = random_id(request_id);
        if (r == 0)
                r = json_pack(&content,
                              "{action:s,body:{algorithm:s,room_id:s,session_id:s},request_id:s,"
                              "requesting_device_id:s}",
                              "request", ALGORITHM_MEGOLM, room_id, session_id, request_id, e2ee->device_id);
        if (r == 0)
                r = to_device_send(e2ee, "m.room_key_request", user_id, "*", content);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "UPDATE parked SET request_id = ? WHERE room_id = ? AND session_id = ? "
                         "AND sender = ?",
                         "tttt", request_id, room_id, session_id, user_id);
}

int parked_plan(E2ee *e2ee)
{
        for (size_t i = 0; i < ASK_MAX; i++) {
                _cleanup_(statement_resetp) Statement *rows = NULL;
                _cleanup_(freep) char *user_id = NULL, *room_id = NULL, *session_id = NULL;

                int r = query(e2ee->database, &rows,
                              "SELECT sender, room_id, session_id FROM parked "
                              "WHERE NOT ready AND NOT for_device AND request_id IS NULL AND parked_ms <= ? "
                              "LIMIT 1",
                              "i", e2ee_now(e2ee) - ASK_AFTER_MS);
                if (r == 0)
                        r = statement_step(rows);
                if (r <= 0)
                        return r;

                user_id = strdup(statement_text(rows, 0));
                room_id = strdup(statement_text(rows, 1));
                session_id = strdup(statement_text(rows, 2));
                if (!user_id || !room_id || !session_id)
                        return -ENOMEM;
                r = ask(e2ee, user_id, room_id, session_id);
                if (r < 0)
                        return r;
        }
        return 0;
}
