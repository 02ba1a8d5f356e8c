/* SPDX-License-Identifier: MIT */
/* Sending: one request at a time, first those of src/e2ee, which messages wait for, then what makes rooms
 * and reads reactions again and what a sync left out, then the outbox. Rows leave the store in the
 * transaction that takes the answer in. */

#include "matrix/session-internal.h"

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/approval.h"
#include "matrix/gap.h"
#include "matrix/outbox.h"
#include "matrix/room-help.h"
#include "matrix/room-queue.h"
#include "matrix/strangers.h"
#include "matrix/timeline.h"
#include "matrix/upload.h"
#include "matrix/url.h"

#define SEND_USEC   (60 * USEC_PER_SEC)
#define UPLOAD_USEC (180 * USEC_PER_SEC)
#define INVITE_USEC (5 * USEC_PER_SEC) /* for the sync to show who was invited */

typedef struct SendSource SendSource;

typedef struct SendItem {
        const SendSource *source;
        int64_t id;
        unsigned step; /* of room-queue.h */
        bool limited;  /* the server may put it off, and all else goes on */
        bool keys;     /* those of the account, for which the server may want the password */
        bool lists;    /* of devices and identities, which may differ from the manifests */
        bool again;    /* made of the answer to the one before: it is not repeated as it is */
        const char *method;
        char *target, *body; /* owned */
        size_t file_size;    /* of a file instead of the body, which the source itself repeats */
} SendItem;

/* Both run in a transaction. next() returns 1 if there is an item, 0 if there is none, and WAIT if there
 * will be one that nothing here announces. */
enum { SOURCE_WAIT = 2 };
struct SendSource {
        int (*next)(MatrixSession *session, SendItem *item);
        int (*answered)(MatrixSession *session, int64_t id, const MatrixReply *reply);
};

static int64_t wall_ms(void)
{
        return (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
}

static void item_free(SendItem *item)
{
        if (!item)
                return;

        free(item->target);
        if (item->keys && item->body)
                explicit_bzero(item->body, strlen(item->body)); /* it may have a password */
        free(item->body);
        free(item);
}

/* ---- requests of src/e2ee */

/* What it says in rooms waits its turn in the outbox. */
static int first_request(MatrixSession *session, E2eeRequest *ret_request)
{
        for (int64_t last = 0;;) {
                _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;

                int r = e2ee_next_request(session->e2ee, last, &request);
                if (r <= 0)
                        return r;
                if (request.kind != E2EE_ROOM_EVENT) {
                        *ret_request = TAKE(request, E2EE_REQUEST_NULL);
                        return 1;
                }
                last = request.id;
                r = outbox_add_request(session->database, &request);
                if (r < 0)
                        return r;
        }
}

static int next_request(MatrixSession *session, SendItem *item)
{
        static const struct {
                const char *method, *format; /* with the target and the transaction id, if it has both */
        } rows[] = {
                [E2EE_KEYS_UPLOAD] = { "POST", API "/keys/upload" },
                [E2EE_KEYS_QUERY] = { "POST", API "/keys/query" },
                [E2EE_KEYS_CLAIM] = { "POST", API "/keys/claim" },
                [E2EE_SIGNING_KEYS_UPLOAD] = { "POST", API "/keys/device_signing/upload" },
                [E2EE_SIGNATURES_UPLOAD] = { "POST", API "/keys/signatures/upload" },
                [E2EE_TO_DEVICE] = { "PUT", API "/sendToDevice/%/%" },
        };
        _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;

        int r = first_request(session, &request);
        if (r <= 0)
                return r;

        item->id = request.id;
        item->method = rows[request.kind].method;
        item->body = TAKE_PTR(request.body);
        item->keys = request.kind == E2EE_SIGNING_KEYS_UPLOAD;
        item->lists = request.kind == E2EE_KEYS_QUERY;
        r = url_format(&item->target, rows[request.kind].format, request.target, request.txn_id);
        if (r == 0 && item->keys)
                r = confirm_add(session, &item->body);
        return r < 0 ? r : 1;
}

/* All whom a manifest names are in #operator-approvals; and messages waited for the devices. */
static int lists_received(MatrixSession *session)
{
        const Timeline timeline = { session->database, session->e2ee, session->user_id, NULL };
        _cleanup_(freep) char *room_id = NULL;

        int r = room_queue_find(session->database, ROOM_APPROVALS, "", &room_id);
        if (r > 0)
                r = strangers_report(session->database, session->user_id, room_id);
        return r < 0 ? r : timeline_receive(&timeline, NULL);
}

static int request_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        if (session->item->keys && confirm_is_asked(session, reply))
                return 0;
        if (session->item->keys)
                confirm_done(session);
        if (matrix_reply_is_success(reply)) {
                int r = e2ee_request_done(session->e2ee, id, reply->body);
                return r < 0 || !session->item->lists ? r : lists_received(session);
        }

        log_warning("The homeserver refuses a request for encryption with status %u", reply->status);
        return e2ee_request_refused(session->e2ee, id, reply->body);
}

/* ---- rooms */

/* Homeservers limit how fast rooms are made and people invited, by default to one in minutes: all else goes
 * on meanwhile. The next sync, half a minute later, tries again what may be tried. */
static uint32_t limited_steps(const MatrixSession *session)
{
        usec_t now_usec = time_now(CLOCK_MONOTONIC);
        uint32_t limited = 0;

        static_assert(ELEMENTSOF(session->limited_until_usec) == ROOM_STEPS_MAX);
        for (unsigned i = 0; i < ROOM_STEPS_MAX; i++)
                if (session->limited_until_usec[i] > now_usec)
                        limited |= UINT32_C(1) << i;
        return limited;
}

static int next_room_request(MatrixSession *session, SendItem *item)
{
        RoomRequest request;

        int r = room_queue_next(session->database, session->user_id, limited_steps(session), &request);
        if (r <= 0)
                return r;

        item->id = request.id;
        item->step = request.step;
        item->limited = true;
        item->method = request.method;
        item->target = request.target;
        item->body = request.body;
        return 1;
}

static int room_request_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        session->rooms_changed_usec = time_now(CLOCK_MONOTONIC);
        return room_queue_answered(session->database, session->user_id, id, reply);
}

/* ---- reactions, before they count */

static int next_check(MatrixSession *session, SendItem *item)
{
        item->method = "GET";
        return approval_next_check(session->database, &item->id, &item->target);
}

static int check_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        return approval_checked(session->database, id, reply);
}

/* ---- pins */

static int next_pin(MatrixSession *session, SendItem *item)
{
        if (limited_steps(session) & UINT32_C(1) << ROOM_STEP_PIN)
                return 0;
        item->step = ROOM_STEP_PIN;
        item->limited = true;
        item->method = "GET";
        return room_help_next_pin(session->database, &item->id, &item->target);
}

static int pin_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        SendItem *item = session->item;

        int r = item->again ? room_help_pinned(session->database, id, reply)
                            : room_help_pins_received(session->database, id, reply, &item->body);
        item->method = "PUT";
        item->again = r > 0;
        return MIN(r, 0);
}

/* ---- parts of timelines that a sync left out */

static int next_page(MatrixSession *session, SendItem *item)
{
        item->method = "GET";
        return gap_next(session->database, session->user_id, &item->id, &item->target);
}

static int page_received(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        const Timeline timeline = { session->database, session->e2ee, session->user_id, NULL };

        return timeline_receive_page(&timeline, id, reply);
}

/* ---- the outbox */

/* What is encrypted for those whom the last sync has shown cannot be read by who was just invited. */
static int waits_for_members(MatrixSession *session)
{
        usec_t changed_usec = session->rooms_changed_usec;

        if (changed_usec == 0 || time_now(CLOCK_MONOTONIC) >= changed_usec + INVITE_USEC)
                return 0;
        return room_queue_awaits_members(session->database);
}

/* The help of one room at a time: where the server limits messages, answers wait for one at most. */
static int first_event(MatrixSession *session, OutboxEvent *ret_event)
{
        int r = outbox_first(session->database, session->e2ee, wall_ms(), ret_event);
        if (r != OUTBOX_EMPTY)
                return r;
        r = room_help_add(session->database, wall_ms());
        if (r <= 0)
                return r < 0 ? r : OUTBOX_EMPTY;
        return outbox_first(session->database, session->e2ee, wall_ms(), ret_event);
}

static int next_event(MatrixSession *session, SendItem *item)
{
        static const struct {
                const char *type, *method, *format; /* with the room, the event that it is about, and the
                                                       transaction id, if it has one */
        } rows[] = {
                { "m.room.redaction", "PUT", API "/rooms/%/redact/%/%" },
                { "m.receipt", "POST", API "/rooms/%/receipt/m.read/%" },
                { "m.typing", "PUT", API "/rooms/%/typing/%" }, /* ourselves instead of an event */
                { NULL, "PUT", API "/rooms/%/send/%/%" },       /* the type instead of an event */
        };
        _cleanup_(outbox_event_done) OutboxEvent event = OUTBOX_EVENT_NULL;

        int r = waits_for_members(session);
        if (r != 0)
                return r < 0 ? r : SOURCE_WAIT;
        r = first_event(session, &event);
        if (r != 0)
                return r == OUTBOX_WAIT ? SOURCE_WAIT : MIN(r, 0);

        size_t i = 0;
        while (rows[i].type && !streq(rows[i].type, event.type))
                i++;
        item->id = event.seq;
        item->method = rows[i].method;
        item->body = TAKE_PTR(event.content);
        const char *about = streq(event.type, "m.typing") ? session->user_id : event.target;
        r = url_format(&item->target, rows[i].format, event.room_id, about ? about : event.type,
                       event.txn_id);
        return r < 0 ? r : 1;
}

/* What the server may know under no transaction id any more. */
static int next_doubtful(MatrixSession *session, SendItem *item)
{
        _cleanup_(freep) char *room_id = NULL, *text = NULL;
        _cleanup_(json_freep) cJSON *filter = NULL;

        int r = outbox_is_doubtful(session->database, wall_ms(), &item->id, &room_id);
        if (r <= 0)
                return r;
        r = json_pack(&filter, "{senders:[s],types:[s]}", session->user_id, "m.room.encrypted");
        if (r == 0)
                r = canonical_json(filter, false, &text);
        item->method = "GET";
        if (r == 0)
                r = url_format(&item->target, API "/rooms/%/messages?dir=b&limit=20&filter=%", room_id,
                               text);
        return r < 0 ? r : 1;
}

static int doubtful_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        _cleanup_(freep) char *event_id = NULL;

        int r = outbox_recognise(session->database, wall_ms(), id, object_array(reply->body, "chunk"),
                                 &event_id);
        return r <= 0 ? r : event_decided(session, id, event_id, NULL);
}

/* A reaction that is there already is as good as one that was sent. */
static int event_answered(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        if (matrix_reply_is_success(reply) || streq(matrix_reply_code(reply), "M_DUPLICATE_ANNOTATION"))
                return event_decided(session, id, object_string(reply->body, "event_id"), NULL);
        log_warning("The homeserver refuses an event with status %u", reply->status);
        return event_decided(session, id, NULL, matrix_reply_refusal(reply));
}

/* ---- files */

static int next_upload(MatrixSession *session, SendItem *item)
{
        int r = upload_next(session->database, wall_ms(), &item->id, &item->file_size);
        if (r != 1)
                return r == 2 ? SOURCE_WAIT : r;

        item->method = "POST";
        r = url_format(&item->target, "/_matrix/media/v3/upload");
        return r < 0 ? r : 1;
}

static ssize_t read_upload(void *userdata, size_t at, char *buffer, size_t size)
{
        MatrixSession *session = userdata;

        return upload_read(session->database, session->item->id, at, buffer, size);
}

static int upload_received(MatrixSession *session, int64_t id, const MatrixReply *reply)
{
        return upload_answered(session->database, wall_ms(), id, reply);
}

/* ---- the queue */

static const SendSource sources[] = {
        { next_request, request_answered }, { next_room_request, room_request_answered },
        { next_check, check_answered },     { next_pin, pin_answered },
        { next_page, page_received },       { next_doubtful, doubtful_answered },
        { next_event, event_answered },     { next_upload, upload_received },
};

static int next(MatrixSession *session, SendItem *item)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(sources); i++) {
                item->source = &sources[i];
                r = sources[i].next(session, item);
        }
        /* Encrypting may have asked for keys: those requests are first now. */
        if (r == SOURCE_WAIT) {
                item->source = &sources[0];
                r = sources[0].next(session, item);
                return r == 0 ? SOURCE_WAIT : r;
        }
        return r;
}

static int take_next(MatrixSession *session, SendItem *item)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(session->database, &transaction);
        if (r < 0)
                return r;
        int outcome = next(session, item);
        if (outcome < 0)
                return outcome;
        r = transaction_commit(&transaction);
        return r < 0 ? r : outcome;
}

static int answered(MatrixSession *session, const MatrixReply *reply)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(session->database, &transaction);
        if (r == 0)
                r = session->item->source->answered(session, session->item->id, reply);
        return r < 0 ? r : transaction_commit(&transaction);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        sender_start(userdata);
        return 0;
}

void sender_done(MatrixSession *session)
{
        session->send = matrix_call_free(session->send);
        item_free(TAKE_PTR(session->item));
}

static int start(MatrixSession *session, const SendItem *item);

static void on_answer(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        MatrixSession *session = userdata;
        bool undecided = matrix_reply_decides_nothing(reply);
        int r = 0;

        if (streq(matrix_reply_code(reply), "M_UNKNOWN_TOKEN"))
                return token_refused(session, reply);
        if (session->item->limited && undecided)
                session->limited_until_usec[session->item->step] =
                        time_now(CLOCK_MONOTONIC) + reply->retry_usec;
        else if (session->item->file_size > 0 || !undecided)
                r = answered(session, reply);
        if (r == 0 && !undecided && session->item->again) {
                session->send = matrix_call_free(session->send);
                r = start(session, session->item);
                if (r == 0)
                        return;
        }
        sender_done(session);
        if (r < 0) { /* it is sent again: the server knows its transaction id */
                (void) log_error_errno(r, "Cannot store an answer of the homeserver; trying again");
                return session_defer(session, &session->send_timer, on_timer);
        }
        sender_start(session);
        session_notify(session);
}

static int start(MatrixSession *session, const SendItem *item)
{
        bool is_file = item->file_size > 0;

        return matrix_call_start(&session->server,
                                 &(MatrixRequest){ .method = item->method,
                                                   .target = item->target,
                                                   .body = item->body,
                                                   .read_file = is_file ? read_upload : NULL,
                                                   .file_size = item->file_size,
                                                   .timeout_usec = is_file ? UPLOAD_USEC : SEND_USEC,
                                                   .repeat_usec = OUTBOX_REPEAT_MS * USEC_PER_MSEC,
                                                   .once = is_file || item->again,
                                                   .limited = item->limited },
                                 on_answer, session, &session->send);
}

static int send_item(MatrixSession *session, SendItem *item)
{
        int r = take_next(session, item);
        if (r != 1)
                return r;

        r = start(session, item);
        return r < 0 ? r : 1;
}

void sender_start(MatrixSession *session)
{
        if (session->send || session->refresh || session->state == SESSION_ENDED)
                return;

        SendItem *item = calloc(1, sizeof *item);
        int r = item ? send_item(session, item) : -ENOMEM;
        if (r == 1) {
                session->item = item;
                return;
        }
        item_free(item);
        if (r == 0)
                return;
        if (r < 0)
                (void) log_error_errno(r, "Cannot send to the homeserver; trying again");
        session_defer(session, &session->send_timer, on_timer);
}
