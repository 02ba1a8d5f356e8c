/* SPDX-License-Identifier: MIT */
/* Making rooms: what is asked of the server, for each way it may answer. */

#include "matrix/room-queue.h"

#include "e2ee/json.h"
#include "matrix/invitations.h"
#include "room-exchange.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

/* The state of a room: its creator, and what its creation says. */
#define ENCRYPTION "{\"type\":\"m.room.encryption\",\"state_key\":\"\",\"content\":{}}"
#define STATE(creator, content, event)                                                                      \
        "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"" creator "\",\"content\":" content   \
        "}," event "]"

static void expect_room(TestStore *store, RoomKind kind, const char *name, const char *room_id)
{
        _cleanup_(freep) char *found = NULL;

        assert_int_equal(assert_ok(room_queue_find(store->database, kind, name, &found)), room_id ? 1 : 0);
        if (room_id)
                assert_string_equal(found, room_id);
}

static void test_created(void **state)
{
        static const Exchange exchanges[] = {
                { "POST", API "/createRoom", "\"type\":\"m.space\"", 200, "{\"room_id\":\"!space\"}" },
                { "POST", API "/createRoom", "\"room_alias_name\":\"operator-approvals\"", 200,
                  "{\"room_id\":\"!approvals\"}" },
                { "POST", API "/createRoom", "m.megolm.v1.aes-sha2", 200, "{\"room_id\":\"!home\"}" },
                { "POST", API "/rooms/%21home/invite", "\"user_id\":\"@ana:x\"", 200, "{}" },
                { "POST", API "/rooms/%21home/invite", "@ben:x", 403, "{\"errcode\":\"M_FORBIDDEN\"}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21approvals", "{\"via\":[\"x\"]}", 200,
                  "{}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21home", "{\"via\":[\"x\"]}", 200, "{}" },
        };
        TestStore *store = *state;

        for (int i = 0; i < 2; i++) { /* nothing is wanted twice */
                assert_ok(room_queue_want(store->database, ROOM_SPACE, ""));
                assert_ok(room_queue_want(store->database, ROOM_APPROVALS, ""));
                assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
                assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ana:x"));
                assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ben:x"));
        }
        for (size_t i = 0; i < ELEMENTSOF(exchanges); i++)
                exchange(store, &exchanges[i]);
        finished(store);
        expect_room(store, ROOM_SPACE, "", "!space");
        expect_room(store, ROOM_DEVICE, "home", "!home");
        expect_room(store, ROOM_DEVICE, "other", NULL);
}

/* What a room is from its first event on, also when it is made anew after an upgrade. */
static void test_made(void **state)
{
        static const char *const topics[] = { "The machines of this network", "What waits for a person",
                                              "Commands for home" };
        static const char *const parts[] = { "\"history_visibility\":\"invited\"", "\"m.federate\":false",
                                             "\"guest_access\":\"forbidden\"", "{\"invite\":100}" };

        for (size_t i = 0; i < 2 * ELEMENTSOF(topics); i++) {
                RoomKind kind = (RoomKind) (i / 2);
                RoomRequest request;
                TestStore store;

                test_store_init(&store);
                assert_ok(room_queue_want(store.database, kind, kind == ROOM_DEVICE ? "home" : ""));
                if (i % 2)
                        assert_ok(database_run(store.database, "UPDATE chat_room SET room_id = '!old'"));
                assert_ok(room_queue_replace(store.database, "!old", ""));
                assert_int_equal(assert_ok(room_queue_next(store.database, BOT, 0, &request)), 1);
                assert_non_null(strstr(request.body, topics[kind]));
                for (size_t j = 0; j < ELEMENTSOF(parts); j++)
                        assert_non_null(strstr(request.body, parts[j]));
                assert_int_equal(!strstr(request.body, "m.megolm.v1.aes-sha2"), kind == ROOM_SPACE);
                free(request.target);
                free(request.body);
                test_store_done(&store);
        }
}

/* The alias is taken: by a room of ours, whose creation was not acknowledged, or by that of another user. */
static void test_adopted(void **state)
{
        static const Exchange taken[] = {
                { "POST", API "/createRoom", "\"room_alias_name\":\"dev-home\"", 400,
                  "{\"errcode\":\"M_ROOM_IN_USE\"}" },
                { "GET", API "/directory/room/%23dev-home%3Ax", NULL, 200, "{\"room_id\":\"!old\"}" },
        };
        static const struct {
                unsigned status;
                const char *answer, *room_id;
        } rows[] = {
                { 200, STATE("@bot:x", "{}", ENCRYPTION), "!old" },
                { 200, STATE("@eve:x", "{}", ENCRYPTION), NULL },
                { 200, STATE("@bot:x", "{}", "{}"), NULL },
                { 200, "{}", NULL },
                { 403, "{\"errcode\":\"M_FORBIDDEN\"}", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Exchange creator = { "GET", API "/rooms/%21old/state", NULL, rows[i].status,
                                           rows[i].answer };
                void *own = NULL;

                (void) test_store_up(&own);
                assert_ok(room_queue_want(((TestStore *) own)->database, ROOM_DEVICE, "home"));
                exchange(own, &taken[0]);
                exchange(own, &taken[1]);
                exchange(own, &creator);
                finished(own);
                expect_room(own, ROOM_DEVICE, "home", rows[i].room_id);
                (void) test_store_down(&own);
        }
}

/* A room that was upgraded: its replacement is taken if it is ours, encrypted and made for that; else the
 * room is made anew, under its alias. */
static void test_upgraded(void **state)
{
        static const char alias[] = API "/directory/room/%23dev-home%3Ax", create[] = API "/createRoom";
        static const Exchange again = { "POST", create, "dev-home", 200, "{\"room_id\":\"!new\"}" };
        static const Exchange in_use[] = {
                { "POST", create, "dev-home", 400, "{\"errcode\":\"M_ROOM_IN_USE\"}" },
                { "GET", alias, NULL, 200, "{\"room_id\":\"!old\"}" },
                { "DELETE", alias, NULL, 200, "{}" },
        };
        static const Exchange invite = { "POST", API "/rooms/%21new/invite", "@ana:x", 200, "{}" };
        static const struct {
                const char *replacement, *state; /* state NULL: it is not looked at */
                unsigned status;
                bool adopted;
        } rows[] = {
                { "!new", STATE("@bot:x", "{\"predecessor\":{\"room_id\":\"!old\"}}", ENCRYPTION), 200,
                  true },
                { "!new", STATE("@eve:x", "{\"predecessor\":{\"room_id\":\"!old\"}}", ENCRYPTION), 200,
                  false },
                { "!new", STATE("@bot:x", "{\"predecessor\":{\"room_id\":\"!more\"}}", ENCRYPTION), 200,
                  false },
                { "!new", STATE("@bot:x", "{}", ENCRYPTION), 200, false },
                { "!new", STATE("@bot:x", "{\"predecessor\":{\"room_id\":\"!old\"}}", "{}"), 200, false },
                { "!new", "{\"errcode\":\"M_FORBIDDEN\"}", 403, false },
                { "", NULL, 0, false },
                { "!old", NULL, 0, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Exchange look = { "GET", API "/rooms/%21new/state", NULL, rows[i].status,
                                        rows[i].state };
                _cleanup_(freep) char *successor = NULL;
                TestStore store;

                test_store_init(&store);
                assert_ok(room_queue_want(store.database, ROOM_DEVICE, "home"));
                assert_ok(room_queue_invite(store.database, ROOM_DEVICE, "home", "@ana:x"));
                assert_ok(query_run(store.database, "UPDATE chat_room SET room_id = '!old'", ""));
                assert_ok(query_run(store.database, "UPDATE chat_member SET state = 1", ""));
                assert_ok(room_queue_replace(store.database, "!other", "!new"));
                finished(&store);
                assert_ok(room_queue_replace(store.database, "!old", rows[i].replacement));
                if (rows[i].state)
                        exchange(&store, &look);
                for (size_t j = 0; !rows[i].adopted && j < ELEMENTSOF(in_use); j++)
                        exchange(&store, &in_use[j]);
                if (!rows[i].adopted)
                        exchange(&store, &again);
                exchange(&store, &invite);
                finished(&store);
                expect_room(&store, ROOM_DEVICE, "home", "!new");
                assert_int_equal(assert_ok(room_queue_successor(store.database, "!old", &successor)), 1);
                assert_string_equal(successor, "dev-home");
                assert_ok(room_queue_replace(store.database, "!old", "!third")); /* seen twice */
                finished(&store);
                test_store_done(&store);
        }
}

/* The space has the replacement, and no longer what it replaced. */
static void test_upgraded_in_the_space(void **state)
{
        static const Exchange before[] = {
                { "POST", API "/createRoom", "m.space", 200, "{\"room_id\":\"!space\"}" },
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!old\"}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21old", "{\"via\":[\"x\"]}", 200, "{}" },
        };
        static const Exchange after[] = {
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!new\"}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21old", "{}", 200, "{}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21new", "{\"via\":[\"x\"]}", 200, "{}" },
        };
        TestStore *store = *state;

        assert_ok(room_queue_want(store->database, ROOM_SPACE, ""));
        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        for (size_t i = 0; i < ELEMENTSOF(before); i++)
                exchange(store, &before[i]);
        finished(store);
        assert_ok(room_queue_replace(store->database, "!old", ""));
        for (size_t i = 0; i < ELEMENTSOF(after); i++)
                exchange(store, &after[i]);
        finished(store);
}

static void test_refused(void **state)
{
        static const Exchange refused = { "POST", API "/createRoom", "dev-home", 403,
                                          "{\"errcode\":\"M_FORBIDDEN\"}" };
        TestStore *store = *state;

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        exchange(store, &refused);
        finished(store);
        expect_room(store, ROOM_DEVICE, "home", NULL);
}

/* What the server puts off holds up nothing else. */
static void test_limited(void **state)
{
        static const Exchange created = { "POST", API "/createRoom", "dev-home", 200,
                                          "{\"room_id\":\"!home\"}" };
        TestStore *store = *state;
        RoomRequest request;

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        exchange(store, &created);
        assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ana:x"));
        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "work"));
        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 1);
        assert_string_equal(request.target, API "/createRoom");
        uint32_t skipped = UINT32_C(1) << request.step;
        free(request.target);
        free(request.body);

        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, skipped, &request)), 1);
        assert_string_equal(request.target, API "/rooms/%21home/invite");
        skipped |= UINT32_C(1) << request.step;
        free(request.target);
        free(request.body);
        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, skipped, &request)), 0);
}

static void test_removed(void **state)
{
        static const Exchange created = { "POST", API "/createRoom", "dev-home", 200,
                                          "{\"room_id\":\"!home\"}" },
                              invited = { "POST", API "/rooms/%21home/invite", "@ana:x", 200, "{}" },
                              kicked = { "POST", API "/rooms/%21home/kick", "@ana:x", 200, "{}" },
                              gone = { "POST", API "/rooms/%21home/kick", "@ana:x", 403,
                                       "{\"errcode\":\"M_FORBIDDEN\"}" };
        TestStore *store = *state;

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ana:x"));
        exchange(store, &created);
        exchange(store, &invited);
        for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) /* once */
                        assert_ok(room_queue_remove(store->database, ROOM_DEVICE, "home", "@ana:x"));
                exchange(store, i == 0 ? &kicked : &gone);
                finished(store);
                assert_err(query_exists(store->database, "SELECT 1 FROM chat_member", ""), i == 0);
                assert_ok(room_queue_remove(store->database, ROOM_DEVICE, "home", "@ana:x"));
                finished(store);

                assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ana:x"));
                exchange(store, &invited);
                finished(store);
        }
}

/* Whatever was asked for when the decision changes, the last one counts. */
static void test_changed_minds(void **state)
{
        static const Exchange created = { "POST", API "/createRoom", "dev-home", 200,
                                          "{\"room_id\":\"!home\"}" },
                              invited = { "POST", API "/rooms/%21home/invite", "@ana:x", 200, "{}" },
                              kicked = { "POST", API "/rooms/%21home/kick", "@ana:x", 200, "{}" };
        const MatrixReply success = { .status = 200 };
        TestStore *store = *state;
        RoomRequest request;

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        assert_ok(room_queue_invite(store->database, ROOM_DEVICE, "home", "@ana:x"));
        exchange(store, &created);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 1);
                assert_ok((i == 0 ? room_queue_remove : room_queue_invite)(store->database, ROOM_DEVICE,
                                                                           "home", "@ana:x"));
                assert_ok(room_queue_answered(store->database, BOT, request.id, &success));
                free(request.target);
                free(request.body);
                if (i == 0) /* the invitation was under way */
                        assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 1);
                if (i == 0) {
                        assert_string_equal(request.target, kicked.target);
                        free(request.target);
                        free(request.body);
                }
        }
        exchange(store, &invited);
        finished(store);
}

static void test_invitations(void **state)
{
        static const Exchange joined = { "POST", API "/rooms/%21dm/join", "{}", 200, "{}" },
                              left = { "POST", API "/rooms/%21spam/leave", "{}", 404,
                                       "{\"errcode\":\"M_NOT_FOUND\"}" };
        static const char invited[] =
                "{\"!dm\":{\"invite_state\":{\"events\":[{\"type\":\"m.room.name\",\"sender\":\"@eve:x\"},"
                "{\"type\":\"m.room.member\",\"state_key\":\"@bot:x\",\"sender\":\"@ana:x\"}]}},"
                "\"!spam\":{\"invite_state\":{\"events\":["
                "{\"type\":\"m.room.member\",\"state_key\":\"@ana:x\",\"sender\":\"@ana:x\"},"
                "{\"type\":\"m.room.member\",\"state_key\":\"@bot:x\",\"sender\":\"@eve:x\"}]}}}";
        _cleanup_(json_freep) cJSON *rooms = NULL;
        TestStore *store = *state;
        const cJSON *room;

        assert_ok(query_run(store->database, "INSERT INTO person(device, user_id) VALUES ('home', '@ana:x')",
                            ""));
        assert_ok(matrix_json_parse(bytes_of_string(invited), SIZE_MAX, &rooms));
        for (int i = 0; i < 2; i++)
                cJSON_ArrayForEach(room, rooms)
                        assert_ok(invitation_receive(store->database, BOT, room));
        exchange(store, &joined);
        exchange(store, &left);
        finished(store);
}

static void test_retired(void **state)
{
        static const Exchange exchanges[] = {
                { "POST", API "/createRoom", "m.space", 200, "{\"room_id\":\"!space\"}" },
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!home\"}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21home", "{\"via\":[\"x\"]}", 200, "{}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21home", "{}", 200, "{}" },
                { "PUT", API "/rooms/%21space/state/m.space.child/%21home", "{\"via\":[\"x\"]}", 200, "{}" },
        };
        _cleanup_(freep) char *room_id = NULL;
        TestStore *store = *state;
        size_t i = 0;

        assert_ok(room_queue_want(store->database, ROOM_SPACE, ""));
        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        for (; i < 3; i++)
                exchange(store, &exchanges[i]);
        finished(store);

        assert_int_equal(assert_ok(room_queue_retire(store->database, ROOM_DEVICE, "home", &room_id)), 1);
        assert_string_equal(room_id, "!home");
        assert_err(room_queue_retire(store->database, ROOM_DEVICE, "home", &room_id), 0);
        exchange(store, &exchanges[i++]); /* and nothing that keeps its members from writing */
        finished(store);

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        exchange(store, &exchanges[i]);
        finished(store);

        /* A room that was never made is not made any more. */
        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "work"));
        free(TAKE_PTR(room_id));
        assert_int_equal(assert_ok(room_queue_retire(store->database, ROOM_DEVICE, "work", &room_id)), 1);
        assert_null(room_id);
        finished(store);
}

/* Nothing is announced that no person could read. */
static void test_announcements(void **state)
{
        static const struct {
                const char *change; /* NULL: none */
                int found, awaited;
        } rows[] = {
                { NULL, 1, 0 },
                { "UPDATE chat_room SET room_id = NULL", 0, 0 },
                { "DELETE FROM room", 0, 0 },
                { "UPDATE room SET encrypted = 0", 0, 0 },
                { "DELETE FROM member", 0, 1 },
                { "UPDATE member SET membership = 'leave'", 0, 0 },
                { "UPDATE member SET membership = 'invite'", 1, 0 },
                { "UPDATE member SET room_id = '!other'", 0, 1 },
                { "UPDATE member SET user_id = '@eve:x'", 0, 1 },
                { "UPDATE chat_member SET user_id = '@eve:x'", 0, 1 },
                { "UPDATE identity SET pinned = NULL", 0, 0 },
                { "UPDATE identity SET master = NULL, dirty = 1", 0, 0 },
                { "UPDATE identity SET master = 'other', dirty = 1", 0, 0 },
                { "UPDATE identity SET master = 'other'", 1, 0 }, /* of which an alert is raised */
                { "UPDATE identity SET dirty = 1", 1, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *room_id = NULL;
                TestStore store;

                test_store_init(&store);
                assert_err(room_queue_find_announcements(store.database, &room_id), 0);
                test_store_add_approvals(&store);
                if (rows[i].change)
                        assert_ok(database_run(store.database, rows[i].change));
                assert_err(room_queue_find_announcements(store.database, &room_id), rows[i].found);
                assert_err(room_queue_awaits_members(store.database), rows[i].awaited);
                test_store_done(&store);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_created, test_store_up, test_store_down),
                cmocka_unit_test(test_made),
                cmocka_unit_test(test_adopted),
                cmocka_unit_test(test_upgraded),
                cmocka_unit_test(test_announcements),
                cmocka_unit_test_setup_teardown(test_refused, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_upgraded_in_the_space, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_limited, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_removed, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_changed_minds, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_retired, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_invitations, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
