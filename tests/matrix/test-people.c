/* SPDX-License-Identifier: MIT */
/* Manifests of two devices, and whom they pin and invite. */

#include "matrix/people.h"

#include "codec/binary-text.h"
#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define ANA "@ana:x"
#define BEN "@ben:x"

static const char *const aliases[] = { "devbox", "operator-approvals", "dev-home", "dev-work" };

typedef struct World {
        TestStore store;
        Database *database; /* of the store */
        Secret *key;
        E2ee *e2ee;
        PublicKey masters[2];
} World;

static int64_t now_ms(void *userdata)
{
        return 1;
}

static int up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        test_store_init(&world->store);
        world->database = world->store.database;
        assert_ok(secret_new_random(32, &world->key));
        assert_ok(e2ee_open(&(E2eeOptions){ .database = world->database,
                                            .pickle_key = world->key,
                                            .user_id = "@bot:x",
                                            .device_id = "BOT",
                                            .now_ms = now_ms },
                            &world->e2ee));
        for (size_t i = 0; i < ELEMENTSOF(world->masters); i++) {
                _cleanup_(key_pair_freep) KeyPair *pair = NULL;

                assert_ok(key_pair_generate(&pair));
                world->masters[i] = *key_pair_public(pair);
        }
        *state = world;
        return 0;
}

static int down(void **state)
{
        World *world = *state;

        world->e2ee = e2ee_close(world->e2ee);
        test_store_done(&world->store);
        secret_free(world->key);
        free(world);
        return 0;
}

/* Operator `who` with the identity of that number (-1: none), and an approver without one. NULL: no
 * manifest. */
static void receive(World *world, const char *device, const char *who, int master)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        ManifestOperator operators[] = {
                { .principal = (char *) who, .master_key = world->masters[MAX(master, 0)] },
                { .principal = (char *) "local:root" },
        };
        ManifestApprover approver = { .principal = (char *) BEN };
        const Manifest manifest = { .operators = { operators, 2 }, .approvers = { &approver, 1 } };

        if (master < 0)
                operators[0].master_key = (PublicKey){ { 0 } };
        assert_ok(transaction_begin(world->database, &transaction));
        assert_ok(people_receive(world->database, world->e2ee, device, who ? &manifest : NULL));
        assert_ok(transaction_commit(&transaction));
}

static void expect_pin(World *world, const char *user_id, int master)
{
        _cleanup_(freep) char *pinned = NULL;
        char wanted[BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE)];

        int r = assert_ok(query_text(world->database, &pinned,
                                     "SELECT pinned FROM identity WHERE user_id = ?", "t", user_id));
        assert_int_equal(r, master < 0 ? 0 : 1);
        if (master >= 0) {
                base64_unpadded_format(BYTES_OF(world->masters[master].bytes), wanted);
                assert_string_equal(pinned, wanted);
        }
}

static void test_pins(void **state)
{
        World *world = *state;

        receive(world, "home", ANA, 0);
        expect_pin(world, ANA, 0);
        expect_pin(world, BEN, -1); /* the approver's entry has none */

        receive(world, "work", ANA, 0);
        expect_pin(world, ANA, 0);
        receive(world, "work", ANA, 1); /* they disagree */
        expect_pin(world, ANA, -1);
        receive(world, "home", ANA, 1); /* they agree again */
        expect_pin(world, ANA, 1);
        receive(world, "home", ANA, -1);
        expect_pin(world, ANA, 1); /* the other one still says so */

        receive(world, "work", NULL, -1); /* revoked */
        expect_pin(world, ANA, -1);
        receive(world, "home", BEN, 0);
        expect_pin(world, BEN, 0);
        receive(world, "home", NULL, -1);
        expect_pin(world, BEN, -1);
        assert_err(query_exists(world->database, "SELECT 1 FROM person", ""), 0);
}

/* The server has no identity of Ana: not the one that is pinned. */
/* Who only approves is pinned by their own entry. */
static void test_pins_an_approver(void **state)
{
        World *world = *state;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        ManifestApprover approver = { .principal = (char *) BEN, .master_key = world->masters[1] };
        const Manifest manifest = { .approvers = { &approver, 1 } };

        assert_ok(transaction_begin(world->database, &transaction));
        assert_ok(people_receive(world->database, world->e2ee, "home", &manifest));
        assert_ok(transaction_commit(&transaction));
        expect_pin(world, BEN, 1);
}

static void test_suspended(void **state)
{
        World *world = *state;

        receive(world, "home", ANA, -1);
        assert_err(people_is_suspended(world->database, world->e2ee, ANA), 0);
        receive(world, "home", ANA, 0);
        assert_err(people_is_suspended(world->database, world->e2ee, ANA), 1);
        assert_err(people_is_suspended(world->database, world->e2ee, BEN), 0);
}

static void test_rooms(void **state)
{
        static const struct {
                const char *alias, *user_id;
        } rows[] = {
                { "devbox", ANA },
                { "devbox", BEN },
                { "operator-approvals", ANA },
                { "operator-approvals", BEN },
                { "dev-home", ANA },
        };
        World *world = *state;
        int64_t n = 0;

        receive(world, "home", ANA, 0);
        receive(world, "home", ANA, 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(query_exists(world->database,
                                        "SELECT 1 FROM chat_member AS m JOIN chat_room AS r ON r.id = m.room"
                                        " WHERE alias = ? AND user_id = ?",
                                        "tt", rows[i].alias, rows[i].user_id),
                           1);
        assert_int_equal(
                assert_ok(query_integer(world->database, &n, "SELECT count(*) FROM chat_member", "")), 1);
        assert_int_equal(n, ELEMENTSOF(rows));
}

/* -1: they have nothing to do with the room. */
static void expect_member(World *world, const char *alias, const char *user_id, int state)
{
        int64_t found = -1;

        (void) assert_ok(
                query_integer(world->database, &found,
                              "SELECT state FROM chat_member AS m JOIN chat_room AS r ON r.id = m.room"
                              " WHERE alias = ? AND user_id = ?",
                              "tt", alias, user_id));
        assert_int_equal(found, state);
}

static void test_removed(void **state)
{
        World *world = *state;

        receive(world, "home", ANA, 0);
        receive(world, "work", ANA, 0);
        receive(world, "home", BEN, 0); /* the other manifest still names Ana */
        expect_member(world, "dev-home", ANA, MEMBER_UNWANTED);
        expect_member(world, "dev-work", ANA, MEMBER_WANTED);
        expect_member(world, "devbox", ANA, MEMBER_WANTED);
        expect_member(world, "operator-approvals", ANA, MEMBER_WANTED);

        receive(world, "work", NULL, -1);
        for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
                expect_member(world, aliases[i], ANA, MEMBER_UNWANTED);
        expect_member(world, "devbox", BEN, MEMBER_WANTED);
        expect_member(world, "dev-home", BEN, MEMBER_WANTED);
        expect_member(world, "dev-work", BEN, -1); /* an approver is in no device's room */

        receive(world, "home", ANA, 0);
        expect_member(world, "dev-home", ANA, MEMBER_WANTED);
        expect_member(world, "dev-work", ANA, MEMBER_UNWANTED);
        expect_member(world, "dev-home", BEN, MEMBER_UNWANTED);
        expect_member(world, "devbox", BEN, MEMBER_WANTED);
}

static void expect_outsider(World *world, const char *wanted)
{
        _cleanup_(freep) char *found = NULL;

        assert_int_equal(assert_ok(people_find_outsider(world->database, "@bot:x", &found)), wanted ? 1 : 0);
        if (wanted)
                assert_string_equal(found, wanted);
}

/* Whoever is on another homeserver, and was invited, but is not seen in the rooms. */
static void test_outsider(void **state)
{
        static const char far[] = "@ana:y:8448";
        World *world = *state;

        receive(world, "home", far, 0);
        expect_outsider(world, NULL);
        assert_ok(database_run(world->database, "UPDATE chat_room SET room_id = '!' || alias"));
        expect_outsider(world, NULL);
        assert_ok(database_run(world->database, "UPDATE chat_member SET state = 1"));
        expect_outsider(world, far); /* and not Ben, who is not seen either */

        assert_ok(query_run(world->database,
                            "INSERT INTO member(room_id, user_id, membership) SELECT room_id, ?, 'invite'"
                            " FROM chat_room WHERE alias != 'dev-home'",
                            "t", far));
        expect_outsider(world, far);
        assert_ok(
                database_run(world->database, "UPDATE chat_room SET retired = 1 WHERE alias = 'dev-home'"));
        expect_outsider(world, NULL);
        assert_ok(database_run(world->database, "DELETE FROM member"));
        expect_outsider(world, far);
        receive(world, "home", ANA, 0);
        expect_outsider(world, NULL);
}

static void revoke_device(World *world, const char *device)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        assert_ok(transaction_begin(world->database, &transaction));
        assert_ok(people_revoke(world->database, world->e2ee, device, "revoked at noon, asked by root"));
        assert_ok(transaction_commit(&transaction));
}

static int64_t count(World *world, const char *sql)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        assert_ok(query(world->database, &rows, sql, ""));
        assert_int_equal(assert_ok(statement_step(rows)), 1);
        return statement_integer(rows, 0);
}

/* The people of a revoked device lose all that a manifest gave them, but can read that it is revoked. */
static void test_revoked(void **state)
{
        World *world = *state;

        receive(world, "home", ANA, 0);
        assert_ok(query_run(world->database, "UPDATE chat_room SET room_id = '!' || alias", ""));
        for (int i = 0; i < 2; i++)
                revoke_device(world, "home");
        revoke_device(world, "unknown");
        assert_int_equal(count(world, "SELECT count(*) FROM outbox WHERE room_id = '!dev-home'"
                                      " AND content LIKE '%revoked at noon, asked by root%'"),
                         1);
        assert_int_equal(count(world, "SELECT count(*) FROM outbox"), 1);
        assert_int_equal(count(world, "SELECT count(*) FROM chat_room WHERE retired AND alias = 'dev-home'"),
                         1);
        expect_member(world, "dev-home", ANA, MEMBER_WANTED);
        expect_member(world, "devbox", ANA, MEMBER_UNWANTED);
        expect_member(world, "operator-approvals", ANA, MEMBER_UNWANTED);
        expect_pin(world, ANA, 0);
        assert_err(people_is_heard(world->database, "!elsewhere", ANA), 0);

        receive(world, "home", ANA, 0);
        assert_int_equal(count(world, "SELECT count(*) FROM chat_room WHERE retired"), 0);
        expect_member(world, "devbox", ANA, MEMBER_WANTED);
}

static void test_heard(void **state)
{
        static const struct {
                const char *room_id, *user_id;
                int heard;
        } rows[] = {
                { "!dev-home", ANA, 1 },    { "!dev-home", BEN, 0 },  { "!devbox", BEN, 1 },
                { "!devbox", "@eve:x", 0 }, { "!elsewhere", BEN, 1 }, { "!elsewhere", "@eve:x", 0 },
        };
        World *world = *state;

        receive(world, "home", ANA, 0);
        assert_ok(query_run(world->database, "UPDATE chat_room SET room_id = '!' || alias", ""));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(people_is_heard(world->database, rows[i].room_id, rows[i].user_id),
                           rows[i].heard);
        receive(world, "home", BEN, 0);
        assert_err(people_is_heard(world->database, "!dev-home", ANA), 0);
        assert_err(people_is_heard(world->database, "!elsewhere", ANA), 0);
}

/* Who has left a room, or declined, is invited again with the next manifest: only the account can invite.
 * Who was banned is not. */
static void test_left(void **state)
{
        static const struct {
                const char *membership; /* NULL: no sync has shown any */
                int again;
        } rows[] = { { NULL, 0 }, { "join", 0 }, { "invite", 0 }, { "leave", 1 }, { "ban", 0 } };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                receive(world, "home", ANA, 0);
                assert_ok(query_run(world->database, "UPDATE chat_room SET room_id = '!' || alias", ""));
                assert_ok(query_run(world->database, "UPDATE chat_member SET state = ?", "i",
                                    (int64_t) MEMBER_INVITED));
                assert_ok(query_run(world->database, "DELETE FROM member", ""));
                if (rows[i].membership)
                        assert_ok(query_run(world->database,
                                            "INSERT INTO member(room_id, user_id, membership)"
                                            " VALUES ('!dev-home', ?, ?)",
                                            "tt", ANA, rows[i].membership));
                receive(world, "home", ANA, 0);
                assert_err(query_exists(world->database,
                                        "SELECT 1 FROM chat_member JOIN chat_room AS r ON r.id = room"
                                        " WHERE user_id = ? AND alias = 'dev-home' AND state = ?",
                                        "ti", ANA, (int64_t) MEMBER_WANTED),
                           rows[i].again);
                assert_err(query_exists(world->database,
                                        "SELECT 1 FROM chat_member WHERE state = ?"
                                        " LIMIT 1 OFFSET 1",
                                        "i", (int64_t) MEMBER_WANTED),
                           0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pins, up, down),
                cmocka_unit_test_setup_teardown(test_pins_an_approver, up, down),
                cmocka_unit_test_setup_teardown(test_suspended, up, down),
                cmocka_unit_test_setup_teardown(test_rooms, up, down),
                cmocka_unit_test_setup_teardown(test_removed, up, down),
                cmocka_unit_test_setup_teardown(test_outsider, up, down),
                cmocka_unit_test_setup_teardown(test_revoked, up, down),
                cmocka_unit_test_setup_teardown(test_heard, up, down),
                cmocka_unit_test_setup_teardown(test_left, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
