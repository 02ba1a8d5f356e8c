/* SPDX-License-Identifier: MIT */
#pragma once

/* The rooms that there should be, made and adopted idempotently: one space, #operator-approvals, and
 * #dev-NAME for each device; and who is in them. Nothing is remembered but what the server has
 * answered, so that a step whose answer was lost is repeated: a room that exists already is recognised by
 * its alias, and adopted if it is ours.
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "matrix/call.h"
#include "store/database.h"

typedef enum RoomKind {
        ROOM_SPACE,
        ROOM_APPROVALS,
        ROOM_DEVICE, /* has the name of a device */
        _ROOM_KIND_MAX,
} RoomKind;

typedef enum MemberState {
        MEMBER_WANTED,
        MEMBER_INVITED,
        MEMBER_UNWANTED,
        MEMBER_REMOVED, /* until a sync has shown that they are gone */
} MemberState;

/* `name` is "" but for ROOM_DEVICE. The space and the approvals are wanted with the first device. A retired
 * room is opened again. */
int room_queue_want(Database *database, RoomKind kind, const char *name);

/* The room is taken out of the space. Its members stay: they can read what was written, and what they write
 * is answered.
 * 1: it was in use, and its id, NULL if it has none, is the caller's to free; 0: it was not. */
int room_queue_retire(Database *database, RoomKind kind, const char *name, char **ret_room_id);

/* 1: the room is one of ours, and retired. */
int room_queue_is_retired(Database *database, const char *room_id);

/* The user belongs in the room, and is invited once; again if they have left it, or declined. */
int room_queue_invite(Database *database, RoomKind kind, const char *name, const char *user_id);

/* The user belongs in the room no longer: their membership, or invitation, is withdrawn once. */
int room_queue_remove(Database *database, RoomKind kind, const char *name, const char *user_id);

/* 1: the room exists; the caller frees the id. */
int room_queue_find(Database *database, RoomKind kind, const char *name, char **ret_room_id);

/* As room_queue_find() of #operator-approvals, but 0 as long as no person could read what is written there:
 * a sync must have shown that the room is encrypted, and that someone is in it, or invited, whose identity
 * is pinned and was asked for. */
int room_queue_find_announcements(Database *database, char **ret_room_id);

/* 1: a member was invited, and no sync has shown it yet: what is encrypted now, they cannot read.
 * Those whose invitation was refused count as well. */
int room_queue_awaits_members(Database *database);

/* The room was upgraded: its replacement ("": none) takes its place if it is ours, encrypted, and made for
 * that; else the room is made anew. Who was in it is invited again, and its aliases follow. */
int room_queue_replace(Database *database, const char *room_id, const char *replacement);

/* 1: the room was upgraded, and the caller frees the alias of what it became. */
int room_queue_successor(Database *database, const char *room_id, char **ret_alias);

/* For people; borrowed. */
typedef struct RoomRow {
        const char *kind, *device, *room_id, *alias, *state, *error; /* NULL: none */
} RoomRow;

/* Calls the handler with each room that there should be. Stops at what it returns if that is not 0, and
 * returns it. */
int room_queue_each(Database *database, int (*on_room)(const RoomRow *row, void *userdata), void *userdata);

#define ROOM_STEPS_MAX 16
#define ROOM_STEP_PIN  (ROOM_STEPS_MAX - 1) /* of room-help.h */

typedef struct RoomRequest {
        int64_t id;
        unsigned step; /* what kind of request it is: each has its own limit at the server */
        const char *method;
        char *target, *body; /* owned; no body: NULL */
} RoomRequest;

/* The next request of a step that is not in `skipped`, a set of bits; `user_id` is ours. 1: there is one. */
int room_queue_next(Database *database, const char *user_id, uint32_t skipped, RoomRequest *ret_request);
int room_queue_answered(Database *database, const char *user_id, int64_t id, const MatrixReply *reply);
