/* SPDX-License-Identifier: MIT */
/* The second alias of rooms with containers. */

#include "matrix/room-alias.h"

#include "room-exchange.h"

static void test_put_and_deleted(void **state)
{
        static const Exchange exchanges[] = {
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!home\"}" },
                { "PUT", API "/directory/room/%23host-home%3Ax", "{\"room_id\":\"!home\"}", 409,
                  "{\"errcode\":\"M_UNKNOWN\"}" },
                { "DELETE", API "/directory/room/%23host-home%3Ax", NULL, 200, "{}" },
        };
        TestStore *store = *state;

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        assert_ok(room_alias_want(store->database, "home", true));
        exchange(store, &exchanges[0]);
        exchange(store, &exchanges[1]);
        finished(store);
        assert_ok(room_alias_want(store->database, "home", false));
        exchange(store, &exchanges[2]);
        finished(store);
}

/* The alias follows the room to its successor, whichever of them has it: from one that we made anew it is
 * taken, one that the homeserver has moved or removed is none any more. */
static void test_successor(void **state)
{
        static const Exchange before[] = {
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!home\"}" },
                { "PUT", API "/directory/room/%23host-home%3Ax", "{\"room_id\":\"!home\"}", 200, "{}" },
        };
        static const Exchange after[] = {
                { "POST", API "/createRoom", "dev-home", 200, "{\"room_id\":\"!new\"}" },
                { "DELETE", API "/directory/room/%23host-home%3Ax", NULL, 200, "{}" },
                { "PUT", API "/directory/room/%23host-home%3Ax", "{\"room_id\":\"!new\"}", 200, "{}" },
        };
        static const struct {
                unsigned status; /* of the DELETE */
                size_t n_before;
                bool under_way; /* the PUT for the room before, when it is replaced */
        } rows[] = { { 200, 2, false }, { 404, 2, false }, { 200, 1, true }, { 404, 1, false } };
        const MatrixReply success = { .status = 200 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                RoomRequest request = { .id = 0 };
                TestStore store;

                test_store_init(&store);
                assert_ok(room_queue_want(store.database, ROOM_DEVICE, "home"));
                assert_ok(room_alias_want(store.database, "home", true));
                for (size_t j = 0; j < rows[i].n_before; j++)
                        exchange(&store, &before[j]);
                if (rows[i].under_way)
                        assert_err(room_queue_next(store.database, BOT, 0, &request), 1);
                assert_ok(room_queue_replace(store.database, "!home", ""));
                if (rows[i].under_way)
                        assert_ok(room_queue_answered(store.database, BOT, request.id, &success));
                free(request.target);
                free(request.body);
                for (size_t j = 0; j < ELEMENTSOF(after); j++) {
                        Exchange it = after[j];

                        it.status = streq(it.method, "DELETE") ? rows[i].status : it.status;
                        exchange(&store, &it);
                }
                finished(&store);
                test_store_done(&store);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_put_and_deleted, test_store_up, test_store_down),
                cmocka_unit_test(test_successor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
