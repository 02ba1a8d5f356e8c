/* SPDX-License-Identifier: MIT */
/* Events that end the process, that fail, and that only seem to. */

#include "e2ee/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "e2ee/e2ee-internal.h"
#include "homeserver.h"
#include "store/query.h"

#include "test.h"

#define SKIPPED "SELECT count(*) FROM poison"
#define HEARD   "SELECT count(*) FROM heard"

typedef struct World {
        Homeserver *server;
        Peer *bot;
        int error;  /* of the handler */
        bool kills; /* it does, instead */
} World;

static int up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->server = homeserver_new(3);
        world->bot = peer_new(world->server, "@bot:x", "BOT");
        *state = world;
        return 0;
}

static int down(void **state)
{
        World *world = *state;

        homeserver_free(world->server);
        free(world);
        return 0;
}

static void reopen(World *world)
{
        peer_close(world->bot);
        peer_open(world->bot);
}

/* Stores the event; what is bad does then what is wanted. */
static int on_event(const E2eeGuarded *guarded, void *userdata)
{
        const World *world = userdata;
        const char *id = object_string(guarded->event, "event_id");

        int r = query_run(world->bot->database,
                          "INSERT INTO heard(event_id, body) VALUES (coalesce(?, hex(randomblob(8))), ?)",
                          "tt", id, object_string(guarded->event, "body"));
        if (r < 0 || (!streq(strempty(id), "$bad") && !object_has(guarded->event, "body", "bad")))
                return r;
        if (world->kills)
                abort();
        return world->error;
}

static int receive(World *world, const char *events)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *tree = tree_parse(events);

        assert_ok(transaction_begin(world->bot->database, &transaction));
        int r = e2ee_guard_each(world->bot->e2ee, &(E2eeGuarded){ "test", "!r:x", tree, NULL }, on_event,
                                world);
        return r < 0 ? r : transaction_commit(&transaction);
}

static const char three[] =
        "[{\"event_id\":\"$one\"},{\"event_id\":\"$bad\",\"age\":1},{\"event_id\":\"$two\"}]";

static int64_t count(World *world, const char *sql)
{
        return peer_count(world->bot, sql);
}

/* Receives in a process of its own, and returns how it ended. */
static int receive_and_die(World *world, const char *events)
{
        int status;

        peer_close(world->bot);
        pid_t pid = assert_ok(fork());
        if (pid == 0) {
                const struct rlimit none = { 0, 0 };

                (void) setrlimit(RLIMIT_CORE, &none);
                (void) signal(SIGABRT, SIG_DFL);
                peer_open(world->bot);
                _exit(receive(world, events) < 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        peer_open(world->bot);
        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Two processes die of it, and the third skips it; nothing of the others is lost or done twice. */
static void test_killer(void **state)
{
        World *world = *state;

        world->kills = true;
        for (int i = 1; i <= 2; i++) {
                assert_int_equal(receive_and_die(world, three), SIGABRT);
                assert_int_equal(count(world, HEARD), 0);
                assert_int_equal(count(world, "SELECT deaths FROM suspect"), i);
                reopen(world); /* not another death */
                assert_int_equal(count(world, "SELECT deaths FROM suspect"), i);
        }
        assert_int_equal(receive_and_die(world, three), 0);
        assert_int_equal(count(world, HEARD " WHERE event_id IN ('$one', '$two')"), 2);
        assert_int_equal(count(world, HEARD), 2);
        assert_int_equal(count(world, SKIPPED " WHERE part = 'test' AND room_id = '!r:x' AND"
                                              " event_id = '$bad' AND error = 0"),
                         1);
        assert_int_equal(count(world, SKIPPED), 1);

        /* elsewhere, and beside others, it is the same; recorded once */
        assert_int_equal(receive_and_die(world, "[{\"age\":2,\"event_id\":\"$bad\"}]"), 0);
        assert_int_equal(count(world, SKIPPED), 1);
        world->kills = false;
        assert_ok(receive(world, "[{\"event_id\":\"$bad\"}]"));
        assert_int_equal(count(world, HEARD), 2);
}

/* Without an id it is recognised by its content. */
static void test_killer_without_an_id(void **state)
{
        static const char events[] = "[{\"body\":\"one\"},{\"body\":\"bad\"},{\"body\":\"two\"}]";
        World *world = *state;

        world->kills = true;
        for (int i = 0; i < 2; i++)
                assert_int_equal(receive_and_die(world, events), SIGABRT);
        assert_int_equal(receive_and_die(world, events), 0);
        assert_int_equal(count(world, HEARD " WHERE body IN ('one', 'two')"), 2);
        assert_int_equal(count(world, HEARD), 2);
        assert_int_equal(count(world, SKIPPED), 1);
}

/* A process that died of something else, such as a kill from outside, at an event. */
static void test_one_death(void **state)
{
        World *world = *state;

        world->kills = true;
        assert_int_equal(receive_and_die(world, three), SIGABRT);
        world->kills = false;
        assert_ok(receive(world, three));
        assert_int_equal(count(world, HEARD), 3);
        assert_int_equal(count(world, SKIPPED), 0);
        assert_int_equal(count(world, "SELECT count(*) FROM suspect"), 0);
        reopen(world);
        assert_int_equal(count(world, "SELECT count(*) FROM suspect"), 0);
}

static unsigned n_reported;

static void on_skipped(const E2eeGuarded *guarded, int error, void *userdata)
{
        n_reported++;
}

/* What the event's own processing brings; nothing of it stays. */
static void test_failure(void **state)
{
        static const int errors[] = { -EEXIST, -EFBIG, -EBADMSG, -EINVAL };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                assert_ok(database_run(world->bot->database, "DELETE FROM heard; DELETE FROM poison"));
                world->error = errors[i];
                world->bot->e2ee->on_skipped = on_skipped;
                for (int n = 0; n < 2; n++) {
                        assert_ok(receive(world, n == 0 ? three : "[{\"event_id\":\"$bad\"}]"));
                        assert_int_equal(count(world, HEARD), 2);
                        assert_int_equal(count(world, HEARD " WHERE event_id = '$bad'"), 0);
                        assert_int_equal(count(world, SKIPPED), 1);
                        assert_int_equal(count(world, "SELECT error FROM poison"), errors[i]);
                        assert_int_equal(n_reported, i + 1);
                }
        }
}

/* The machine's errors are never the event's, however often it is tried, and in however many processes. */
static void test_machine(void **state)
{
        static const int errors[] = { -ENOMEM, -ENOSPC, -EIO, -EBUSY, -EROFS, -EACCES, -EMFILE };
        World *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                assert_ok(database_run(world->bot->database, "DELETE FROM heard"));
                for (int n = 0; n < 5; n++) {
                        world->error = errors[i];
                        assert_err(receive(world, three), errors[i]);
                        assert_int_equal(receive_and_die(world, three), 1);
                        assert_int_equal(count(world, HEARD), 0);
                }
                world->error = 0;
                assert_ok(receive(world, three));
                assert_int_equal(count(world, HEARD), 3);
                assert_int_equal(count(world, SKIPPED), 0);
                assert_int_equal(count(world, "SELECT count(*) FROM suspect"), 0);
        }
}

/* A disk that is full until it is not. */
static void test_full(void **state)
{
        _cleanup_(freep) char *events = NULL;
        char body[20000], sql[64];
        World *world = *state;

        memset(body, 'x', sizeof body - 1);
        body[sizeof body - 1] = '\0';
        assert_true(asprintf(&events, "[{\"event_id\":\"$one\",\"body\":\"%s\"}]", body) > 0);
        (void) snprintf(sql, sizeof sql, "PRAGMA max_page_count=%d",
                        (int) count(world, "SELECT page_count + 1 FROM pragma_page_count"));
        (void) database_run(world->bot->database, sql);
        for (int i = 0; i < 5; i++)
                assert_err(receive(world, events), -ENOSPC);
        reopen(world);
        assert_ok(receive(world, events));
        assert_int_equal(count(world, HEARD), 1);
        assert_int_equal(count(world, SKIPPED), 0);
}

/* Overwrites the root page of a table that nothing here reads. */
static void damage(World *world)
{
        const uint8_t garbage[4096] = { 0xff, 0xff, 0xff, 0xff };

        int64_t page = count(world, "SELECT rootpage FROM sqlite_schema WHERE name = 'withheld'");
        peer_close(world->bot); /* and with it, the log */
        _cleanup_(fd_closep) int fd = open(world->bot->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, garbage, sizeof garbage, (page - 1) * (off_t) sizeof garbage),
                         sizeof garbage);
        peer_open(world->bot);
}

/* Damage and bad input have the same error: no event is skipped because of a damaged database. */
static void test_damaged(void **state)
{
        World *world = *state;

        damage(world);
        assert_err(database_check(world->bot->database), -EBADMSG);
        world->error = -EBADMSG;
        for (int i = 0; i < 5; i++)
                assert_err(receive(world, three), -EBADMSG);
        assert_int_equal(count(world, SKIPPED), 0);
}

/* Whatever the ids are, and how many events, what is recorded has a limit. */
static void test_limits(void **state)
{
        enum { HUGE = 5 * 1024 * 1024 }; /* more than a value of the database may have */
        _cleanup_(json_freep) cJSON *event = cJSON_CreateObject();
        _cleanup_(freep) char *text = malloc(HUGE);
        World *world = *state;

        memset(text, 'x', HUGE - 1);
        text[HUGE - 1] = '\0';
        assert_ok(database_run(world->bot->database,
                               "INSERT INTO poison(at_ms, event, error) WITH RECURSIVE n(i) AS"
                               " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
                               " SELECT i, '{}', 0 FROM n"));
        assert_ok(object_put_string(event, "event_id", text));
        for (int i = 0; i < 2; i++)
                assert_int_equal(e2ee_guard(world->bot->e2ee, &(E2eeGuarded){ "test", text, event, NULL },
                                            on_event, world),
                                 i == 0 ? GUARD_SKIPPED : GUARD_SKIPPED_BEFORE);
        assert_int_equal(count(world, SKIPPED), 1000); /* the newest */
        assert_int_equal(count(world, SKIPPED " WHERE room_id IS NULL AND event_id IS NULL AND error < 0"
                                              " AND length(event) = 4096"),
                         1);
        assert_int_equal(count(world, "SELECT max(id) FROM poison"), 1501);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, up, down)
        const struct CMUnitTest tests[] = {
                TEST(test_killer),    TEST(test_killer_without_an_id),
                TEST(test_one_death), TEST(test_failure),
                TEST(test_machine),   TEST(test_full),
                TEST(test_damaged),   TEST(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
