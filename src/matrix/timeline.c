/* SPDX-License-Identifier: MIT */
/* Timelines: from events to commands. */

#include "matrix/timeline.h"

#include <stdio.h>

#include "basic/time.h"
#include "e2ee/json.h"
#include "e2ee/message.h"
#include "e2ee/quarantine.h"
#include "e2ee/verification.h"
#include "matrix/answer.h"
#include "matrix/approval.h"
#include "matrix/arrival.h"
#include "matrix/command-journal.h"
#include "matrix/gap.h"
#include "matrix/message-content.h"
#include "matrix/outbox.h"
#include "matrix/people.h"
#include "matrix/room-queue.h"
#include "matrix/strangers.h"
#include "proto/error.h"

#define COMMAND_MAX             4096             /* bytes of a line */
#define VERIFICATION_AGE_MAX_MS (10 * 60 * 1000) /* as the specification */

/* An event whose sender wants to be heard. */
typedef struct Message {
        const char *room_id, *event_id, *sender, *line;
        const char *thread; /* NULL: none */
        int64_t sent_ms;
} Message;

/* ---- answers */

static int answer(const Timeline *timeline, const Message *message, const char *line)
{
        cJSON *content = NULL;

        int r = answer_make(
                &(Answer){ .line = line, .reply_to = message->event_id, .thread = message->thread },
                &content);
        return r < 0 ? r : outbox_add_take(timeline->database, message->room_id, "m.room.message", content);
}

static const char *objection_to_device(DeviceTrust trust)
{
        static const char *const sentences[_DEVICE_TRUST_MAX] = {
                [DEVICE_TRUST_UNKNOWN] =
                        "This session is not known here yet. Send the command again in a minute.",
                [DEVICE_TRUST_CHANGED] = "Your identity is not the one the operator has pinned: you are "
                                         "suspended until the operator "
                                         "compares it and pins it again with devboxctl person add.",
                [DEVICE_TRUST_UNSIGNED] =
                        "This session is not verified. In Element: Settings, Sessions, Verify; "
                        "then send the command again.",
                [DEVICE_TRUST_SIGNED] = "Your identity is pinned in no manifest. The operator adds you with "
                                        "devboxctl person add, then devboxctl manifest publish.",
        };

        return sentences[trust];
}

/* ---- commands */

/* Whoever wrote it sees that it is safe here now. */
static int read_receipt(const Timeline *timeline, const Message *message)
{
        cJSON *content = NULL;

        int r = json_pack(&content, "{thread_id:s}", message->thread ? message->thread : "main");
        return r < 0 ? r
                     : outbox_put_take(timeline->database,
                                       &(OutboxItem){ .room_id = message->room_id,
                                                      .type = "m.receipt",
                                                      .target = message->event_id },
                                       content);
}

/* 1: the room was, and the sender learns where to go. */
static int answer_in_upgraded_room(const Timeline *timeline, const Message *message)
{
        _cleanup_(freep) char *alias = NULL, *line = NULL;

        int r = room_queue_successor(timeline->database, message->room_id, &alias);
        if (r <= 0)
                return r;
        if (asprintf(&line, "This room was replaced, and the command was not run. Send it in #%s.", alias) <
            0)
                return -ENOMEM;
        r = answer(timeline, message, line);
        return r < 0 ? r : 1;
}

static int accept(const Timeline *timeline, const Message *message)
{
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);

        int r = answer_in_upgraded_room(timeline, message);
        if (r != 0)
                return MIN(r, 0);
        if (strlen(message->line) > COMMAND_MAX)
                return answer(timeline, message,
                              "This command is longer than 4096 bytes and was not run. Send it in parts, or "
                              "run it on the hub with devboxctl run.");
        if (message->sent_ms < now_ms - COMMAND_AGE_MAX_MS)
                return answer(timeline, message,
                              "This command is older than 15 minutes and was not run. Send it again.");
        r = arrival_is_later(timeline->database, message->room_id, message->sent_ms);
        if (r != 0)
                return r < 0 ? r
                             : answer(timeline, message,
                                      "This was written before this bot was in the room, and was not run. "
                                      "Send it again.");

        r = read_receipt(timeline, message);
        return r < 0 ? r
                     : command_journal_add(timeline->database,
                                           &(ReceivedCommand){ .event_id = message->event_id,
                                                               .room_id = message->room_id,
                                                               .sender = message->sender,
                                                               .line = message->line,
                                                               .thread = message->thread,
                                                               .received_ms = now_ms });
}

/* ---- verification */

/* `relation`: what the event had in clear; Element has all of it in clear, as its MACs need no other
 * protection. */
static int receive_verification(const Timeline *timeline, const Message *message, const char *type,
                                const cJSON *received, const cJSON *relation)
{
        _cleanup_(json_freep) cJSON *content = cJSON_Duplicate(received, true);
        int64_t now_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);

        if (message->sent_ms < now_ms - VERIFICATION_AGE_MAX_MS)
                return 0;
        int r = content ? 0 : -ENOMEM;
        if (r == 0 && relation)
                r = object_put(content, "m.relates_to", cJSON_Duplicate(relation, true));
        return r < 0 ? r
                     : e2ee_receive_verification(timeline->e2ee,
                                                 &(VerificationMessage){ message->sender, type,
                                                                         message->room_id, message->event_id,
                                                                         content });
}

/* ---- what is encrypted */

static int receive_decrypted(const Timeline *timeline, Message *message, const cJSON *event,
                             const DecryptedEvent *decrypted)
{
        const cJSON *relation = object_object(object_object(event, "content"), "m.relates_to");

        if (message_is_verification(strempty(decrypted->type), decrypted->content))
                return receive_verification(timeline, message, decrypted->type, decrypted->content,
                                            relation);
        if (object_has(relation, "rel_type", "m.thread"))
                message->thread = object_string(relation, "event_id");
        if (message_is_edit(event, decrypted->content))
                return strchr(strempty(object_string(decrypted->content, "body")), '!')
                               ? answer(timeline, message, "Edited commands are ignored. Send a new one.")
                               : 0;
        message->line = message_command(decrypted->type, decrypted->content);
        if (!message->line)
                return 0;
        int r = room_queue_is_retired(timeline->database, message->room_id);
        if (r != 0)
                return r < 0 ? r
                             : answer(timeline, message, devbox_error_sentence(DEVBOX_ERROR_PEER_REVOKED));
        if (decrypted->trust != DEVICE_TRUST_PINNED)
                return answer(timeline, message, objection_to_device(decrypted->trust));
        return accept(timeline, message);
}

static int receive_encrypted(const Timeline *timeline, Message *message, const cJSON *event)
{
        _cleanup_(decrypted_event_clear) DecryptedEvent decrypted = DECRYPTED_EVENT_NULL;

        int r = e2ee_decrypt(timeline->e2ee, message->room_id, event, &decrypted);
        if (r != 0)
                return MIN(r, 0); /* parked, or nothing to listen to */
        return decrypted.again ? 0 : receive_decrypted(timeline, message, event, &decrypted);
}

/* ---- reactions */

/* Reactions are in clear, and so are their relations in any event. */
static int receive_reaction(const Timeline *timeline, Message *message, const cJSON *event)
{
        const cJSON *relation = object_object(object_object(event, "content"), "m.relates_to");
        const Reaction reaction = { .room_id = message->room_id,
                                    .event_id = message->event_id,
                                    .sender = message->sender,
                                    .target = object_string(relation, "event_id"),
                                    .key = object_string(relation, "key") };

        if (!object_has(relation, "rel_type", "m.annotation") || !reaction.target || !reaction.key)
                return 0;

        int r = people_is_suspended(timeline->database, timeline->e2ee, message->sender);
        return r != 0 ? MIN(r, 0) : approval_react(timeline->database, &reaction);
}

/* Room versions have the redacted event in different places. */
static int receive_redaction(const Timeline *timeline, Message *message, const cJSON *event)
{
        const char *redacted = object_string(object_object(event, "content"), "redacts");

        if (!redacted)
                redacted = object_string(event, "redacts");
        if (!redacted)
                return 0;
        int r = approval_unreact(timeline->database, redacted);
        if (r == 0)
                r = command_journal_take_back(timeline->database, redacted, message->room_id);
        return r < 0 ? r : e2ee_forget_parked(timeline->e2ee, message->room_id, redacted);
}

/* ---- the whole */

static int receive_clear(const Timeline *timeline, Message *message, const cJSON *event)
{
        const cJSON *content = object_object(event, "content");
        const char *type = object_string(event, "type");

        if (message_is_verification(type, content))
                return receive_verification(timeline, message, type, content, NULL);
        if (!message_command(type, content))
                return 0;
        int r = arrival_is_later(timeline->database, message->room_id, message->sent_ms);
        return r != 0 ? MIN(r, 0)
                      : answer(timeline, message,
                               "Commands are accepted only encrypted. Send it again with an app that "
                               "encrypts, such as Element.");
}

/* Only who has the power to can upgrade a room. */
static int receive_tombstone(const Timeline *timeline, const char *room_id, const cJSON *event)
{
        const char *replacement = object_string(object_object(event, "content"), "replacement_room");

        if (!object_has(event, "type", "m.room.tombstone") || !object_has(event, "state_key", ""))
                return 0;
        return room_queue_replace(timeline->database, room_id, strempty(replacement));
}

typedef int EventReader(const Timeline *timeline, Message *message, const cJSON *event);

/* NULL: events of this type are nothing to us. */
static EventReader *find_reader(const char *type)
{
        static const struct {
                const char *type;
                EventReader *read;
        } rows[] = {
                { "m.room.encrypted", receive_encrypted },
                { "m.reaction", receive_reaction },
                { "m.room.redaction", receive_redaction },
                { "m.room.message", receive_clear },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(type, rows[i].type))
                        return rows[i].read;
        return startswith(type, "m.key.verification.") ? receive_clear : NULL;
}

/* NULL: it is no message to us. */
static EventReader *read_message(const Timeline *timeline, const E2eeGuarded *guarded, Message *ret_message)
{
        EventReader *read = find_reader(strempty(object_string(guarded->event, "type")));
        Message message = { .room_id = guarded->room_id,
                            .event_id = object_string(guarded->event, "event_id"),
                            .sender = object_string(guarded->event, "sender") };

        if (!read || !message.event_id || !message.sender || streq(message.sender, timeline->user_id) ||
            !object_integer(guarded->event, "origin_server_ts", 0, MATRIX_JSON_INTEGER, &message.sent_ms))
                return NULL;
        *ret_message = message;
        return read;
}

static int on_event(const E2eeGuarded *guarded, void *userdata)
{
        const Timeline *timeline = userdata;
        Message message;

        int r = receive_tombstone(timeline, guarded->room_id, guarded->event);
        if (r < 0)
                return r;
        EventReader *read = read_message(timeline, guarded, &message);
        if (!read)
                return 0;
        r = people_is_heard(timeline->database, message.room_id, message.sender);
        return r <= 0 ? r : read(timeline, &message, guarded->event);
}

/* 1: its sender is heard now, and wrote it while we were there. */
static int wants_answer(const Timeline *timeline, const Message *message)
{
        int r = people_is_heard(timeline->database, message->room_id, message->sender);
        if (r <= 0)
                return r;
        r = arrival_is_later(timeline->database, message->room_id, message->sent_ms);
        return r < 0 ? r : r == 0;
}

/* Nothing of its content is read again. */
static int explain_skipped(const E2eeGuarded *guarded, void *userdata)
{
        const Timeline *timeline = userdata;
        Message message;

        int r = read_message(timeline, guarded, &message) ? wants_answer(timeline, &message) : 0;
        return r <= 0 ? r
                      : answer(timeline, &message,
                               "This message cannot be processed here and was skipped. If it was a "
                               "command, it was not run. The journal of devbox-matrix names the error.");
}

static int receive_event(const Timeline *timeline, const char *room_id, const cJSON *event)
{
        const E2eeGuarded guarded = { "timeline", room_id, event, NULL },
                          notice = { "notice", room_id, event, NULL };

        int r = e2ee_guard(timeline->e2ee, &guarded, on_event, (void *) timeline);
        if (r == GUARD_SKIPPED)
                r = e2ee_guard(timeline->e2ee, &notice, explain_skipped, (void *) timeline);
        return MIN(r, 0);
}

static int receive_recovered(const Timeline *timeline)
{
        for (;;) {
                _cleanup_(json_freep) cJSON *event = NULL;
                _cleanup_(freep) char *room_id = NULL;

                int r = e2ee_next_recovered(timeline->e2ee, &room_id, &event);
                if (r > 0)
                        r = receive_event(timeline, room_id, event);
                else if (r == 0)
                        return 0;
                if (r < 0)
                        return r;
        }
}

/* Says why a message could not be read, instead of staying silent. */
static int explain_unreadable(const Timeline *timeline)
{
        for (;;) {
                _cleanup_(json_freep) cJSON *event = NULL;
                _cleanup_(freep) char *room_id = NULL, *code = NULL;

                int r = e2ee_next_unreadable(timeline->e2ee, &room_id, &event, &code);
                if (r <= 0)
                        return r;
                Message message = { .room_id = room_id,
                                    .event_id = object_string(event, "event_id"),
                                    .sender = object_string(event, "sender") };
                (void) object_integer(event, "origin_server_ts", 0, MATRIX_JSON_INTEGER, &message.sent_ms);
                r = wants_answer(timeline, &message);
                if (r == 0)
                        continue;
                if (r > 0)
                        r = answer(
                                timeline, &message,
                                streq(strempty(code), "m.unverified")
                                        ? "Your app does not send keys to this bot, because it counts it as "
                                          "unverified, so your message cannot be read here. In Element: "
                                          "open this bot's profile and verify it, or do not restrict "
                                          "messages to verified users; then send the command again."
                                        : "This message cannot be read here: your app has not sent its key. "
                                          "Send it again.");
                if (r < 0)
                        return r;
        }
}

/* After a long absence the server leaves out the older part. */
static int explain_gap(const Timeline *timeline, const char *room_id)
{
        const Message message = { .room_id = room_id };

        return answer(timeline, &message,
                      "Too much was written here while this bot was away: the older commands did not arrive "
                      "and were not run. Send them again.");
}

static bool has_create(const cJSON *events)
{
        const cJSON *event;

        cJSON_ArrayForEach(event, events)
                if (object_has(event, "type", "m.room.create"))
                        return true;
        return false;
}

/* The timeline of a room that is new to us begins anywhere. */
static bool has_gap(const Timeline *timeline, const cJSON *room)
{
        const cJSON *received = object_object(room, "timeline");

        return timeline->since && object_is_true(received, "limited") &&
               !has_create(object_array(received, "events")) &&
               !has_create(object_array(object_object(room, "state"), "events"));
}

static int open_gap(const Timeline *timeline, const cJSON *room)
{
        const char *token = object_string(object_object(room, "timeline"), "prev_batch");

        return token ? gap_open(timeline->database, room->string, token, timeline->since)
                     : explain_gap(timeline, room->string);
}

static int on_arrival(const E2eeGuarded *guarded, void *userdata)
{
        const Timeline *timeline = userdata;

        return arrival_note(timeline->database, timeline->user_id, guarded->room_id, guarded->event);
}

static int on_state(const E2eeGuarded *guarded, void *userdata)
{
        return receive_tombstone(userdata, guarded->room_id, guarded->event);
}

static int receive_room(const Timeline *timeline, const cJSON *room)
{
        const cJSON *received = object_object(room, "timeline"), *event;
        const cJSON *state = object_array(object_object(room, "state"), "events");
        const E2eeGuarded arrivals[] = { { "arrival", room->string, state, "state_key" },
                                         { "arrival", room->string, object_array(received, "events"),
                                           "state_key" } };
        const E2eeGuarded upgrades = { "upgrade", room->string, state, "state_key" };

        int r = strangers_report(timeline->database, timeline->user_id, room->string);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(arrivals); i++)
                r = e2ee_guard_each(timeline->e2ee, &arrivals[i], on_arrival, (void *) timeline);
        if (r == 0 && has_gap(timeline, room))
                r = open_gap(timeline, room);
        if (r == 0)
                r = e2ee_guard_each(timeline->e2ee, &upgrades, on_state, (void *) timeline);
        int waits = r < 0 ? r : gap_is_open(timeline->database, room->string);
        r = MIN(waits, 0);
        cJSON_ArrayForEach(event, object_array(received, "events"))
                if (r == 0)
                        r = waits ? gap_hold(timeline->database, room->string, event)
                                  : receive_event(timeline, room->string, event);
        return r;
}

int timeline_receive(const Timeline *timeline, const cJSON *joined)
{
        const cJSON *room;
        int r = 0;

        cJSON_ArrayForEach(room, joined)
                if (r == 0)
                        r = receive_room(timeline, room);
        if (r == 0)
                r = receive_recovered(timeline);
        return r < 0 ? r : explain_unreadable(timeline);
}

static int on_held(const char *room_id, const cJSON *event, void *userdata)
{
        return receive_event(userdata, room_id, event);
}

int timeline_receive_page(const Timeline *timeline, int64_t gap, const MatrixReply *reply)
{
        _cleanup_(freep) char *room_id = NULL;

        int outcome = gap_receive(timeline->database, gap, reply);
        if (outcome <= 0)
                return outcome;
        int r = gap_room(timeline->database, gap, &room_id);
        if (r == 0 && outcome == GAP_ABANDONED)
                r = explain_gap(timeline, room_id);
        return r < 0 ? r : gap_release(timeline->database, gap, on_held, (void *) timeline);
}
