/* SPDX-License-Identifier: MIT */
/* The real ledger on a private bus: its interface, authorisation, and what it keeps when it is killed. */

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "introspect.h"
#include "ledger-world.h"
#include "trust/permit.h"
#include "trust/worker-end.h"

static void test_introspects_as_promised(void **state)
{
        const LedgerBus *world = *state;

        assert_introspects(world->bus, LEDGER, LEDGER);
        assert_introspects(world->bus, LEDGER, "org.devbox.Component1");
}

static void test_before_enrolment_every_request_is_rejected(void **state)
{
        LedgerBus *world = *state;
        sd_bus_message *call;

        sd_bus_message_unref(finish_call(world->client, new_call(world, "BeginSession"), "NotEnrolled"));
        sd_bus_message_unref(finish_call(world->client, new_call(world, "AcceptClock"), "NotEnrolled"));
        call_text(world, "InstallManifest", "{}", "NotEnrolled");
        call_text(world, "InstallRoot", "{}", "NotEnrolled");
        call_text(world, "RecordCosignature", "{}", "NotEnrolled");
        call = new_call(world, "Accept");
        assert_ok(sd_bus_message_append(call, "ssas", "{}", "{}", 0));
        sd_bus_message_unref(finish_call(world->client, call, "NotEnrolled"));
        call = new_call(world, "Checkpoint");
        assert_ok(sd_bus_message_append(call, "t", (uint64_t) 0));
        sd_bus_message_unref(finish_call(world->client, call, "NotEnrolled"));

        call = new_call(world, "SignClaim");
        assert_ok(sd_bus_message_append(call, "ay", 1, 1));
        sd_bus_message_unref(finish_call(world->client, call, "BadEnvelope"));

        enroll(world, "Not a name", "BadRequest");
        enroll(world, "dev-a", NULL);
        enroll(world, "dev-a", NULL);
        enroll(world, "dev-b", "EnrolledOtherwise");
        assert_int_equal(chain_size(world), 3);
        verify_chain(world);
}

/* A worker: the key that it made, and the one that its permit gave it. */
typedef struct Worker {
        PermitWorker key;
        Secret *secret, *end_key;
        Sha256 request_sha256;
} Worker;

static void worker_done(Worker *worker)
{
        secret_free(worker->secret);
        secret_free(worker->end_key);
}

static void worker_start(LedgerBus *world, const char *request, const char *wanted, Worker *ret_worker)
{
        sd_bus_message *call = new_call(world, "Started");
        Permit *permit = NULL;
        const char *text;

        assert_ok(x25519_generate(&ret_worker->secret, ret_worker->key.key));
        ret_worker->key.secret = ret_worker->secret;
        assert_ok(sd_bus_message_append(call, "s", request));
        assert_ok(sd_bus_message_append_array(call, 'y', ret_worker->key.key, X25519_SIZE));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, wanted);
        if (wanted)
                return;

        assert_ok(sd_bus_message_read(reply, "s", &text));
        assert_int_equal(permit_open(bytes_of_string(text), key_pair_public(world_key(KEY_DEVICE)),
                                     &ret_worker->key, &permit, &ret_worker->end_key),
                         0);
        ret_worker->request_sha256 = permit->request_sha256;
        permit_free(permit);
}

static void append_bytes(sd_bus_message *call, const char *key, Bytes bytes)
{
        assert_ok(sd_bus_message_open_container(call, 'e', "sv"));
        assert_ok(sd_bus_message_append(call, "s", key));
        assert_ok(sd_bus_message_open_container(call, 'v', "ay"));
        assert_ok(sd_bus_message_append_array(call, 'y', bytes.data, bytes.size));
        assert_ok(sd_bus_message_close_container(call));
        assert_ok(sd_bus_message_close_container(call));
}

/* What the agent passes on of a worker that printed "hi". */
static sd_bus_message *finish_worker(LedgerBus *world, const Worker *worker, const char *out,
                                     const char *wanted)
{
        WorkerEnd end = { .status = RESULT_FINISHED, .out = { .size = 2, .beginning_size = 2 } };
        uint8_t bytes[WORKER_END_SIZE_MAX];
        sd_bus_message *call = new_call(world, "Finish");

        sha256(bytes_of_string("hi"), &end.out.sha256);
        sha256(BYTES_NULL, &end.err.sha256);
        end.out.beginning_sha256 = end.out.sha256;
        end.err.beginning_sha256 = end.err.sha256;
        size_t size = worker_end_seal(&end, worker->end_key, &worker->request_sha256, bytes);
        assert_ok(sd_bus_message_append(call, "s", WORLD_ID));
        assert_ok(sd_bus_message_open_container(call, 'a', "{sv}"));
        append_bytes(call, "end", BYTES(bytes, size));
        append_bytes(call, "stdout", bytes_of_string(out));
        assert_ok(sd_bus_message_close_container(call));
        return finish_call(world->client, call, wanted);
}

static void test_a_request_from_start_to_end(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(worker_done) Worker worker = { 0 }, second = { 0 }, third = { 0 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        KeySet keys = { "device", key_pair_public(world_key(KEY_DEVICE)), 1, 1 };
        const char *text;

        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        worker_start(world, WORLD_ID, NULL, &worker);
        worker_start(world, WORLD_ID, "RequestState", &second);
        worker_start(world, "01K75A3Q000000000000000002", "RequestUnknown", &third);
        sd_bus_message_unref(finish_worker(world, &worker, "ho", "BadSig"));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_worker(world, &worker, "hi", NULL);
        assert_ok(sd_bus_message_read(reply, "s", &text));
        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        assert_int_equal(envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL), 0);
        assert_string_equal(judge(world, &(Case){ 0 }), "known:finished");
        verify_chain(world);
}

static void test_attacks(void **state)
{
        static const struct {
                const char *reason;
                int entries;
                Case given;
        } rows[] = {
                { "unknown_key", 0, { .request_key = KEY_STRANGER } },
                { "bad_schema", 1, { .request = { { "\"args\"", "\"sudo\":true,\"args\"" } } } },
                { "wrong_device", 1, { .request = { { "dev-a", "dev-b" } } } },
                { "session_mismatch",
                  1,
                  { .delivery = { { "53535353535353535353535353535353",
                                    "52525252525252525252525252525252" } } } },
                { "not_yet_valid", 1, { .request = { { "1760000000000", "1760000045000" } } } },
                { "expired",
                  1,
                  { .request = { { "1760000000000", "1759999970000" },
                                 { "1760000060000", "1759999975000" } } } },
                { "stale_manifest", 1, { .request = { { "\"version\":7", "\"version\":6" } } } },
                { "approval_missing", 1, { .request = WRITE } },
                { "approval_denied",
                  1,
                  { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@ana" } } } },
                { "unknown_capability", 1, { .request = { KIND("shell.Exec") } } },
        };
        LedgerBus *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t size = chain_size(world);
                const char *reason = judge(world, &rows[i].given);

                if (!streq(reason, rows[i].reason))
                        fail_msg("%s instead of %s", reason, rows[i].reason);
                assert_int_equal(chain_size(world) - size, rows[i].entries);
        }
        verify_chain(world);
}

static void test_what_is_not_of_the_form_is_refused(void **state)
{
        LedgerBus *world = *state;
        sd_bus_message *call = new_call(world, "Accept");

        assert_ok(sd_bus_message_append(call, "ssas", "{}", "{}", 5, "", "", "", "", ""));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Finish");
        assert_ok(sd_bus_message_append(call, "sa{sv}", WORLD_ID, 1, "sudo", "b", true));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Finish");
        assert_ok(sd_bus_message_append(call, "sa{sv}", WORLD_ID, 2, "status", "s", "failed", "status", "s",
                                        "failed"));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Finish");
        assert_ok(sd_bus_message_append(call, "sa{sv}", WORLD_ID, 1, "status", "t", (uint64_t) 1));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Pin");
        assert_ok(sd_bus_message_append(call, "sayay", "dev-b", 1, 0, 1, 0));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call_text(world, "GetReplica", "dev-b", "PeerUnknown");
}

/* Other users may read; what changes anything is for the users of its method. */
static void test_strangers_may_only_look(void **state)
{
        LedgerBus *world = *state;
        static const char *const members[] = { "BeginSession", "AcceptClock", "Reload" };

        if (geteuid() != 0)
                skip(); /* only root can be another user */

        assert_int_equal(chmod(world->bus->directory, 0711), 0);
        assert_int_equal(seteuid(65534), 0);
        sd_bus *stranger = test_bus_connect(world->bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        assert_ok(sd_bus_message_new_method_call(stranger, &call, LEDGER, LEDGER_PATH, LEDGER, "GetStatus"));
        sd_bus_message_unref(finish_call(stranger, TAKE_PTR(call), NULL));
        assert_int_equal(seteuid(0), 0);

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                assert_ok(sd_bus_message_new_method_call(stranger, &call, LEDGER, LEDGER_PATH, LEDGER,
                                                         members[i]));
                sd_bus_message_unref(finish_call(stranger, TAKE_PTR(call), "AccessDenied"));
        }
        assert_ok(sd_bus_message_new_method_call(stranger, &call, LEDGER, LEDGER_PATH, LEDGER, "Accept"));
        assert_ok(sd_bus_message_append(call, "ssas", "{}", "{}", 0));
        sd_bus_message_unref(finish_call(stranger, TAKE_PTR(call), "AccessDenied"));
        sd_bus_flush_close_unref(stranger);
}

static void kill_ledger(LedgerBus *world)
{
        test_daemon_signal(world->daemon, SIGKILL);
        assert_int_equal(test_daemon_wait(world->daemon), 128 + SIGKILL);
        world->daemon = test_daemon_free(world->daemon);
}

static void test_39_a_kill_loses_nothing_acknowledged(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(worker_done) Worker worker = { 0 };
        Sibling sibling;

        sibling_init(&sibling, 1);
        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        assert_string_equal(judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }),
                            "accepted");
        worker_start(world, WORLD_ID, NULL, &worker);
        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        uint64_t size = chain_size(world);

        kill_ledger(world);
        world->daemon = start_ledger(world, false);
        assert_int_equal(chain_size(world) - size, 2);
        sd_bus_message *reply = put(world, &bundle);
        assert_string_equal(dictionary_text(reply, "reason"), "session_mismatch");
        sd_bus_message_unref(reply);
        begin_session(world);
        assert_string_equal(judge(world, &(Case){ 0 }), "known:interrupted_unknown");
        assert_string_equal(judge(world, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } }),
                            "known:interrupted");
        verify_chain(world);
}

static int on_checkpoint(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        KeySet keys = { "device", key_pair_public(world_key(KEY_DEVICE)), 1, 1 };
        const char *text;

        assert_ok(sd_bus_message_read(message, "s", &text));
        assert_int_equal(envelope_parse(bytes_of_string(text), 1024, &envelope), 0);
        assert_int_equal(envelope_verify(envelope, ENVELOPE_CHECKPOINT, &keys, NULL), 0);
        *(bool *) userdata = true;
        return 0;
}

static bool is_true(void *userdata)
{
        return *(bool *) userdata;
}

static void test_a_stop_emits_a_checkpoint(void **state)
{
        LedgerBus *world = *state;
        bool emitted = false;

        assert_ok(sd_bus_match_signal(world->client, NULL, NULL, LEDGER_PATH, LEDGER, "CheckpointMade",
                                      on_checkpoint, &emitted));
        assert_string_equal(judge(world, &(Case){ .request_key = KEY_STRANGER }), "unknown_key");
        uint64_t size = chain_size(world);
        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_bus_process_until(world->client, is_true, &emitted);
        world->daemon = test_daemon_free(world->daemon);

        world->daemon = start_ledger(world, false);
        assert_int_equal(chain_size(world) - size, 1); /* what was only counted was written */
        verify_chain(world);
        sd_bus_message_unref(test_call(world->client, LEDGER, "org.devbox.Component1.Restart"));
        assert_int_equal(test_daemon_wait(world->daemon), 75);
}

static void test_every_64_entries_there_is_a_checkpoint(void **state)
{
        LedgerBus *world = *state;
        bool emitted = false;

        assert_ok(sd_bus_match_signal(world->client, NULL, NULL, LEDGER_PATH, LEDGER, "CheckpointMade",
                                      on_checkpoint, &emitted));
        for (int i = 0; i < 64; i++)
                begin_session(world);
        test_bus_process_until(world->client, is_true, &emitted);
}

static void test_there_is_one_ledger_per_directory(void **state)
{
        LedgerBus *world = *state;
        TestDaemon *second = start_ledger(world, true);

        assert_int_equal(test_daemon_wait(second), EXIT_FAILURE);
        test_daemon_free(second);
        verify_chain(world);
}

typedef enum Damage { DATABASE_IS_A_FOLDER, DATABASE_IS_TEXT, IDENTITY_IS_READABLE, _DAMAGE_MAX } Damage;

static void state_path(const LedgerBus *world, const char *name, char ret_path[static 256])
{
        (void) snprintf(ret_path, 256, "%s/%s", world->directory, name);
}

static void damage_or_repair(const LedgerBus *world, Damage damage, bool repair)
{
        char database[256], aside[256], identity[256];

        state_path(world, "ledger.db", database);
        state_path(world, "aside.db", aside);
        state_path(world, "identity", identity);
        if (damage == IDENTITY_IS_READABLE) {
                assert_int_equal(chmod(identity, repair ? 0600 : 0644), 0);
                return;
        }

        if (repair) {
                assert_int_equal(remove(database), 0);
                assert_int_equal(rename(aside, database), 0);
                return;
        }

        assert_int_equal(rename(database, aside), 0);
        if (damage == DATABASE_IS_TEXT)
                write_state_file(world, "ledger.db", "not a database, but long enough to be read as one");
        else
                assert_int_equal(mkdir(database, 0700), 0);
}

/* Callers get an answer, not the deadline of a name without an owner. */
static void test_without_its_database_it_answers(void **state)
{
        LedgerBus *world = *state;

        for (Damage damage = 0; damage < _DAMAGE_MAX; damage++) {
                assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
                test_daemon_free(world->daemon);
                damage_or_repair(world, damage, false);
                world->daemon = start_ledger(world, false);
                sd_bus_message_unref(
                        finish_call(world->client, new_call(world, "GetStatus"), "AuditUnavailable"));
                sd_bus_message_unref(
                        finish_call(world->client, new_call(world, "BeginSession"), "AuditUnavailable"));
                call_text(world, "InstallManifest", "{}", "AuditUnavailable");
                assert_false(is_healthy(world));
                assert_true(test_metric(world->client, LEDGER, "calls_total") == 3);

                damage_or_repair(world, damage, true);
                test_daemon_signal(world->daemon, SIGHUP);
                while (!is_healthy(world))
                        ;
                verify_chain(world);
                begin_session(world);
        }
}

/* It does not end, to be started again each second, and opens its database as soon as it can. */
static void test_while_another_process_has_its_database(void **state)
{
        LedgerBus *world = *state;
        static const char problem[] = "another process has it open; run: fuser -v ";

        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_daemon_free(world->daemon);
        _cleanup_(fd_closep) int fd = open(world->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_ok(flock(fd, LOCK_EX | LOCK_NB));
        world->daemon = start_ledger(world, false);
        sd_bus_message_unref(
                finish_call(world->client, new_call(world, "BeginSession"), "AuditUnavailable"));
        assert_false(is_healthy(world));
        sd_bus_message_unref(finish_call(world->client, new_call(world, "Reload"), "AuditUnavailable"));

        assert_ok(flock(fd, LOCK_UN));
        while (!is_healthy(world))
                ;
        begin_session(world);
        _cleanup_(freep) char *log = test_bus_read_log(world->bus, LEDGER);
        const char *first = strstr(log, problem);
        assert_non_null(first);
        assert_null(strstr(first + 1, problem)); /* each failure of several is not logged */
}

/* The checkpoint that it signed when it ended proves the length. */
static void test_39_a_cut_tail_is_noticed(void **state)
{
        LedgerBus *world = *state;
        sqlite3 *database = NULL;
        char path[160];

        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        world->daemon = test_daemon_free(world->daemon);
        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database,
                                      "DROP TRIGGER audit_no_delete;"
                                      "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_close(database), SQLITE_OK);
        world->daemon = start_ledger(world, false);
        test_bus_wait_log(world->bus, LEDGER, "audit chain is invalid");
        sd_bus_message_unref(
                finish_call(world->client, new_call(world, "BeginSession"), "AuditUnavailable"));
}

static void test_manifests(void **state)
{
        LedgerBus *world = *state;
        const Edit older[] = { { "\"version\":7", "\"version\":6" } };
        const Edit other[] = { { "1759900000000", "1759900000001" } };
        _cleanup_(freep) char *forged = signed_manifest(&world->made, NULL, 0, KEY_DISPATCHER);
        _cleanup_(freep) char *old = signed_manifest(&world->made, older, 1, KEY_MANIFEST);
        _cleanup_(freep) char *fork = signed_manifest(&world->made, other, 1, KEY_MANIFEST);
        _cleanup_(freep) char *same = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);

        call_text(world, "InstallManifest", forged, "ManifestInvalidSignature");
        call_text(world, "InstallManifest", old, "ManifestRollback");
        call_text(world, "InstallManifest", fork, "ManifestFork");
        call_text(world, "InstallManifest", same, NULL);

        write_state_file(world, "ceiling.yaml", "v: 1\ncapabilities: [fs.read]\nread: [/home]\n");
        test_daemon_signal(world->daemon, SIGHUP);
        test_bus_wait_log(world->bus, LEDGER, "were read again");
        assert_string_equal(judge(world, &(Case){ 0 }), "manifest_ceiling");
        write_state_file(world, "ceiling.yaml", "v: 1\nprograms: bash\n");
        test_daemon_signal(world->daemon, SIGHUP);
        test_bus_wait_log(world->bus, LEDGER, "ceiling.yaml:2: programs");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test_empty(test_introspects_as_promised),
                ledger_test_empty(test_before_enrolment_every_request_is_rejected),
                ledger_test(test_a_request_from_start_to_end),
                ledger_test(test_attacks),
                ledger_test(test_what_is_not_of_the_form_is_refused),
                ledger_test(test_strangers_may_only_look),
                ledger_test(test_39_a_kill_loses_nothing_acknowledged),
                ledger_test(test_a_stop_emits_a_checkpoint),
                ledger_test(test_every_64_entries_there_is_a_checkpoint),
                ledger_test(test_there_is_one_ledger_per_directory),
                ledger_test(test_without_its_database_it_answers),
                ledger_test(test_while_another_process_has_its_database),
                ledger_test(test_39_a_cut_tail_is_noticed),
                ledger_test(test_manifests),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
