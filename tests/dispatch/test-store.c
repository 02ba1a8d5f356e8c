/* SPDX-License-Identifier: MIT */
/* Requests on the disk: what was written is there after a restart, and with it what the hub's chain is still
 * to be given. */

#include "dispatch/store.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "test.h"

#define ID "01K75A3Q000000000000000001"

typedef struct World {
        char directory[32];
        DispatchStore *store;
} World;

static void reopen(World *world)
{
        dispatch_store_close(world->store);
        assert_ok(dispatch_store_open(world->directory, &world->store));
}

static int up(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        (void) snprintf(world->directory, sizeof world->directory, "/tmp/test-store-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
        reopen(world);
        *state = world;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int down(void **state)
{
        World *world = *state;

        dispatch_store_close(world->store);
        assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

static StoredRequest make_request(bool self_may_approve, bool may_wait)
{
        StoredRequest request = { .device = (char *) "dev-a",
                                  .capability = (char *) "fs.write",
                                  .subject = (char *) "fs.write",
                                  .principal = (char *) "local:ana",
                                  .envelope = (char *) "{}",
                                  .state = DISPATCH_APPROVING,
                                  .created_ms = 1,
                                  .expires_ms = 2,
                                  .tier = APPROVAL_MESSAGE,
                                  .needed = 2,
                                  .exit_code = -1,
                                  .self_may_approve = self_may_approve,
                                  .may_wait = may_wait };

        memcpy(request.id, ID, sizeof request.id);
        return request;
}

static void test_flags_survive(void **state)
{
        World *world = *state;

        for (int flags = 0; flags < 4; flags++) {
                StoredRequest written = make_request(flags & 1, flags & 2);
                _cleanup_(stored_request_done) StoredRequest read = { .n_approvals = 0 };

                written.id[25] = (char) ('1' + flags);
                written.sent = flags & 1;
                written.cancelled = flags & 2;
                assert_ok(dispatch_store_insert(world->store, &written, NULL));
                reopen(world);
                assert_int_equal(dispatch_store_find(world->store, written.id, &read), 0);
                assert_int_equal(read.self_may_approve, flags & 1);
                assert_int_equal(read.may_wait, (flags & 2) >> 1);
                assert_int_equal(read.sent, flags & 1);
                assert_int_equal(read.cancelled, (flags & 2) >> 1);
                assert_int_equal(read.tier, APPROVAL_MESSAGE);
                assert_int_equal(read.exit_code, -1);
        }
}

/* Also that there is none: a database of the version before had no such column. */
static void test_description_survives(void **state)
{
        World *world = *state;
        StoredRequest request = make_request(false, false);

        request.description = (char *) "fs.write /srv/x";
        assert_ok(dispatch_store_insert(world->store, &request, NULL));
        for (int version = 7; version >= 6; version--) {
                _cleanup_(stored_request_done) StoredRequest read = { .n_approvals = 0 };

                reopen(world);
                assert_int_equal(dispatch_store_find(world->store, request.id, &read), 0);
                assert_string_equal(read.subject, "fs.write");
                assert_string_equal(strempty(read.description), version == 7 ? "fs.write /srv/x" : "");
                assert_ok(database_run(
                        *dispatch_store_database(world->store),
                        "ALTER TABLE request DROP COLUMN description; PRAGMA user_version = 6"));
        }
}

static int64_t count(const World *world, const char *sql)
{
        int64_t n = -1;

        assert_int_equal(query_integer(*dispatch_store_database(world->store), &n, sql, ""), 1);
        return n;
}

/* Each with the change that it reports: a change that fails reports nothing. */
static void test_events_survive(void **state)
{
        World *world = *state;
        StoredRequest request = make_request(false, false);
        const StoredEvent asked = { .kind = AUDIT_EVENT_APPROVAL_REQUESTED, .tier = APPROVAL_MESSAGE };
        const StoredEvent approved = { .kind = AUDIT_EVENT_APPROVED,
                                       .principal = "local:bob",
                                       .message_id = "$message",
                                       .tier = APPROVAL_MESSAGE };
        const StoredEvent denied = { .kind = AUDIT_EVENT_APPROVAL_DENIED,
                                     .principal = "local:eve",
                                     .reason = DEVBOX_ERROR_APPROVAL_DENIED };

        assert_ok(dispatch_store_insert(world->store, &request, &asked));
        assert_ok(dispatch_store_add_approval(world->store, &request, "{}", &approved));
        assert_err(dispatch_store_add_approval(world->store, &request, "{}", &approved), -EEXIST);
        request.state = DISPATCH_DENIED;
        assert_ok(dispatch_store_update(world->store, &request, &denied));
        reopen(world);
        assert_int_equal(count(world, "SELECT count(*) FROM outbox"), 3);
        assert_int_equal(count(world, "SELECT count(DISTINCT id) FROM outbox WHERE request = '" ID "'"), 3);
        assert_int_equal(count(world, "SELECT seq FROM outbox WHERE kind = 'approval_requested'"), 1);
        assert_int_equal(count(world, "SELECT seq FROM outbox WHERE kind = 'approved' AND tier = 'message'"
                                      " AND principal = 'local:bob' AND approval_msg_id = '$message'"
                                      " AND status IS NULL"),
                         2);
        assert_int_equal(count(world, "SELECT seq FROM outbox WHERE kind = 'approval_denied'"
                                      " AND status = 'rejected_approval' AND reason = 'approval_denied'"
                                      " AND approval_msg_id IS NULL"),
                         3);
}

static void test_an_approval_is_removed(void **state)
{
        World *world = *state;
        _cleanup_(stored_request_done) StoredRequest read = { .n_approvals = 0 };
        StoredRequest request = make_request(false, false);
        const StoredEvent by_bob = { .kind = AUDIT_EVENT_APPROVED, .principal = "local:bob" },
                          by_eve = { .kind = AUDIT_EVENT_APPROVED, .principal = "local:eve" };

        assert_ok(dispatch_store_insert(world->store, &request, NULL));
        assert_ok(dispatch_store_add_approval(world->store, &request, "{\"by\":1}", &by_bob));
        assert_ok(dispatch_store_add_approval(world->store, &request, "{\"by\":2}", &by_eve));
        assert_ok(dispatch_store_remove_approval(world->store, &request, &by_bob));
        assert_ok(dispatch_store_add_approval(world->store, &request, "{\"by\":3}", &by_bob));
        assert_int_equal(dispatch_store_find(world->store, ID, &read), 0);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(read.n_approvals, 2);
                assert_string_equal(read.approvals[0], "{\"by\":2}");
                assert_string_equal(read.approvals[1], "{\"by\":3}");
                assert_ok(dispatch_store_read_approvals(world->store, &read));
        }
        assert_int_equal(count(world, "SELECT count(*) FROM outbox"), 4);
}

static int append_id(StoredRequest *request, void *userdata)
{
        char *ids = userdata;

        (void) snprintf(ids + strlen(ids), 32, "%s%c ", request->device, request->id[25]);
        return 0;
}

/* Of each device the newest that succeeded, whatever ended after it. */
static void test_listings(void **state)
{
        static const struct {
                const char *device, *capability;
                DispatchState state;
                int64_t exit_code;
        } rows[] = {
                { "dev-b", "docker.list", DISPATCH_FINISHED, 0 },
                { "dev-a", "docker.list", DISPATCH_FINISHED, 0 },
                { "dev-a", "docker.list", DISPATCH_FINISHED, 0 },
                { "dev-a", "docker.list", DISPATCH_FINISHED, 1 },
                { "dev-a", "docker.list", DISPATCH_REJECTED, -1 },
                { "dev-a", "docker.logs", DISPATCH_FINISHED, 0 },
                { "dev-c", "docker.list", DISPATCH_FAILED, -1 },
        };
        World *world = *state;
        char ids[256] = "";

        assert_ok(dispatch_store_each_listing(world->store, append_id, ids));
        assert_string_equal(ids, "");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                StoredRequest request = make_request(false, false);

                request.id[25] = (char) ('1' + i);
                request.device = (char *) rows[i].device;
                request.capability = (char *) rows[i].capability;
                request.state = rows[i].state;
                request.exit_code = rows[i].exit_code;
                request.ended_ms = 3;
                assert_ok(dispatch_store_insert(world->store, &request, NULL));
        }
        assert_ok(dispatch_store_each_listing(world->store, append_id, ids));
        assert_string_equal(ids, "dev-a3 dev-b1 ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_flags_survive, up, down),
                cmocka_unit_test_setup_teardown(test_description_survives, up, down),
                cmocka_unit_test_setup_teardown(test_events_survive, up, down),
                cmocka_unit_test_setup_teardown(test_an_approval_is_removed, up, down),
                cmocka_unit_test_setup_teardown(test_listings, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
