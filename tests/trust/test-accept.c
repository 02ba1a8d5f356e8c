/* SPDX-License-Identifier: MIT */
/* Whether a device acts on a request: the attacks as rows, each with the exact reason of its rejection. */

#include "trust/accept.h"

#include "proto/error.h"

#include "world.h"

#define WITHDRAWS                                                                                           \
        {                                                                                                   \
                "\"ctr\":1", "\"withdraws\":true,\"ctr\":1"                                                 \
        }

static void test_allowed_requests(void **state)
{
        static const Row rows[] = {
                { "ls", 0, { .n_approvals = 0 } },
                { "ls with the option",
                  0,
                  { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"-l\",\"--\",\"/home/ana\"]}") } } },
                { "df", 0, { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } } },
                { "read",
                  0,
                  { .request = { KIND("fs.read"), ARGS("{\"root\":\"home\",\"path\":\"ana/notes\"}") } } },
                { "write, approved", 0, { .request = WRITE, .n_approvals = 1 } },
                { "write, approved in a message",
                  0,
                  { .request = WRITE, .n_approvals = 1, .approval = { { "reaction\"", "message\"" } } } },
                { "restart, approved by two",
                  0,
                  { .request = RESTART,
                    .n_approvals = 2,
                    .approval = { { "\"reaction\"", "\"message\"" } },
                    .second = { { "\"reaction\"", "\"message\"" }, { "@bob", "@eve" } } } },
                { "docker, approved with the approver's own key",
                  0,
                  { .request = DOCKER,
                    .n_approvals = 1,
                    .approval = { { "\"reaction\"", "\"signed\"" } },
                    .approval_key = KEY_BOB } },
        };
        World world;

        world_init(&world, NULL, 0);
        world_judge_rows(&world, rows, ELEMENTSOF(rows));
        world_done(&world);
}

static const Row request_rows[] = {
        { "2: signed as a manifest would be, by an unknown key",
          DEVBOX_ERROR_UNKNOWN_KEY,
          { .request_key = KEY_STRANGER } },
        { "the manifest's key signs no requests",
          DEVBOX_ERROR_UNKNOWN_KEY,
          { .request_key = KEY_MANIFEST } },
        { "a delivery by an unknown key", DEVBOX_ERROR_UNKNOWN_KEY, { .delivery_key = KEY_STRANGER } },
        { "4: a key twice",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "\"args\"", "\"capability\":\"fs.read\",\"args\"" } } } },
        { "4: a key twice, escaped",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "\"args\"", "\"c\\u0061pability\":\"shell.exec\",\"args\"" } } } },
        { "5: an unknown field",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "\"args\"", "\"sudo\":true,\"args\"" } } } },
        { "5: a float", DEVBOX_ERROR_BAD_SCHEMA, { .request = { { "1760000000000", "1760000000000.0" } } } },
        { "5: an exponent", DEVBOX_ERROR_BAD_SCHEMA, { .request = { { "1760000000000", "176e10" } } } },
        { "5: depth 9", DEVBOX_ERROR_BAD_SCHEMA, { .request = { ARGS("{\"argv\":[[[[[[[\"x\"]]]]]]]}") } } },
        { "5: 2^53", DEVBOX_ERROR_BAD_SCHEMA, { .request = { { "1760000060000", "9007199254740992" } } } },
        { "5: NUL in a text",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "\"/home\"", "\"/home\\u0000x\"" } } } },
        { "24: a line end in an argument",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "\"/home\"", "\"/home\\u000aid\"" } } } },
        { "no origin",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { ",\"origin\":{\"mxid\":\"@ana:hs.example\"}", "" } } } },
        { "expires before it was issued",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { { "1760000060000", "1759999999999" } } } },
        { "7: for another device", DEVBOX_ERROR_WRONG_DEVICE, { .request = { { "dev-a", "dev-b" } } } },
        { "7: delivered for another device",
          DEVBOX_ERROR_WRONG_DEVICE,
          { .delivery = { { "dev-a", "dev-b" } } } },
        { "9: an old session", DEVBOX_ERROR_SESSION_MISMATCH, { .delivery = { { "5353", "5252" } } } },
        { "a delivery of another request",
          DEVBOX_ERROR_SESSION_MISMATCH,
          { .delivery = { { "@@request@@", "00000000000000000000000000000000000000000000000000000000"
                                           "000000aa" } } } },
        { "14: issued 31 s ahead",
          DEVBOX_ERROR_NOT_YET_VALID,
          { .request = { { "1760000000000", "1760000041000" } } } },
        { "issued 30 s ahead", 0, { .request = { { "1760000000000", "1760000040000" } } } },
        { "14: expired 31 s ago",
          DEVBOX_ERROR_EXPIRED,
          { .request = { { "1760000000000", "1759999970000" }, { "1760000060000", "1759999979000" } } } },
        { "expired 30 s ago",
          0,
          { .request = { { "1760000000000", "1759999970000" }, { "1760000060000", "1759999980000" } } } },
        { "older than the entry allows, whatever its own expiry",
          DEVBOX_ERROR_EXPIRED,
          { .request = { { "1760000000000", "1759999850000" } } } },
        { "made for an older manifest",
          DEVBOX_ERROR_STALE_MANIFEST,
          { .request = { { "\"version\":7", "\"version\":6" } } } },
        { "made for a newer manifest",
          DEVBOX_ERROR_MANIFEST_NEEDED,
          { .request = { { "\"version\":7", "\"version\":8" } } } },
        { "made for a newer epoch",
          DEVBOX_ERROR_MANIFEST_NEEDED,
          { .request = { { "\"epoch\":1", "\"epoch\":2" } } } },
        { "made for another manifest of this version",
          DEVBOX_ERROR_MANIFEST_FORK,
          { .request = { { "@@manifest@@", "00000000000000000000000000000000000000000000000000000000"
                                           "000000aa" } } } },
        { "not an operator", DEVBOX_ERROR_OPERATOR_UNKNOWN, { .request = { { "@ana", "@eve" } } } },
        { "withdrawn", DEVBOX_ERROR_REQUEST_WITHDRAWN, { .delivery = { WITHDRAWS } } },
        { "withdrawn, and expired",
          DEVBOX_ERROR_REQUEST_WITHDRAWN,
          { .request = { { "\"expires_at\":1760000060000", "\"expires_at\":1760000000001" } },
            .delivery = { WITHDRAWS } } },
};

static void test_request_attacks(void **state)
{
        World world;

        world_init(&world, NULL, 0);
        world_judge_rows(&world, request_rows, ELEMENTSOF(request_rows));
        world_done(&world);
}

static const Row capability_rows[] = {
        { "19: not in the manifest",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          { .request = { KIND("camera.snapshot"),
                         ARGS("{\"device\":\"/dev/video0\",\"w\":640,\"h\":480}") } } },
        { "19: of no kind there is",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          { .request = { KIND("shell.sudo") } } },
        { "19: another case", DEVBOX_ERROR_UNKNOWN_CAPABILITY, { .request = { KIND("shell.Exec") } } },
        { "19: with an invisible space",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          { .request = { KIND("shell.exec\\u200b") } } },
        { "another program",
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/rm\",\"-rf\",\"/\"]}") } } },
        { "20: a path around",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { ARGS("{\"argv\":[\"/bin/../usr/bin/ls\",\"--\",\"/home\"]}") } } },
        { "a name without a path",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { ARGS("{\"argv\":[\"ls\",\"--\",\"/home\"]}") } } },
        { "21: an option that is not in the manifest",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--color=always\",\"--\",\"/home\"]}") } } },
        { "21: one path more",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home\",\"/etc/shadow\"]}") } } },
        { "21: two arguments in one",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home /etc/shadow\"]}") } } },
        { "a path beside the root",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home2\"]}") } } },
        { "a path out of the root",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home/../etc\"]}") } } },
        { "24: $(id)",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"$(id)\"]}") } } },
        { "24: ;id",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\";id\"]}") } } },
        { "24: `id`",
          DEVBOX_ERROR_ARGS_DENIED,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"`id`\"]}") } } },
        { "25: out of the root",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { KIND("fs.read"), ARGS("{\"root\":\"home\",\"path\":\"../../etc/shadow\"}") } } },
        { "25: absolute",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = { KIND("fs.read"), ARGS("{\"root\":\"home\",\"path\":\"/etc/shadow\"}") } } },
        { "a root of another capability",
          DEVBOX_ERROR_PATH_DENIED,
          { .request = { KIND("fs.read"), ARGS("{\"root\":\"srv\",\"path\":\"x\"}") } } },
        { "a unit that is not listed",
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          { .request = { KIND("service.restart"), ARGS("{\"unit\":\"ssh.service\"}") } } },
        { "another container",
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          { .request = { KIND("docker.exec"), ARGS("{\"name\":\"db\",\"argv\":[\"ps\"]}") } } },
};

static void test_capability_attacks(void **state)
{
        World world;

        world_init(&world, NULL, 0);
        world_judge_rows(&world, capability_rows, ELEMENTSOF(capability_rows));
        world_done(&world);
}

/* 8 to 11 and 31: what the ledger stores. */
static void test_replays(void **state)
{
        static const uint8_t nonce[REQUEST_NONCE_SIZE] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                                           8, 9, 10, 11, 12, 13, 14, 15 };
        AcceptVerdict verdict;
        World world;

        world_init(&world, NULL, 0);
        assert_err(world_judge_verdict(&world, &(Case){ 0 }, &verdict), 0);
        assert_int_equal(verdict.counter, 1);
        world.known_id = "01K75A3Q000000000000000001";
        world.known_digest = verdict.digest;
        world.known_nonce = nonce;
        assert_true(public_key_equal(&verdict.dispatcher, key_pair_public(world_key(KEY_DISPATCHER))));
        PublicKey dispatcher = verdict.dispatcher;
        accept_verdict_done(&verdict);

        /* 8: the same request in a fresh delivery gives what is stored, also after it expired. */
        assert_ok(delivery_counters_use(&world.counters, &dispatcher, 1, false));
        world.device.now_ms += 86400000;
        assert_err(world_judge_verdict(&world, &(Case){ .delivery = { { "\"ctr\":1", "\"ctr\":2" } } },
                                       &verdict),
                   0);
        assert_true(verdict.known);
        assert_null(verdict.capability);
        accept_verdict_done(&verdict);

        /* Also where it is withdrawn. */
        assert_err(world_judge_verdict(&world,
                                       &(Case){ .delivery = { WITHDRAWS, { "\"ctr\":1", "\"ctr\":2" } } },
                                       &verdict),
                   0);
        assert_true(verdict.known);
        accept_verdict_done(&verdict);
        world.device.now_ms = WORLD_NOW;

        /* 8: the same bytes in the same session. */
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_SESSION_MISMATCH);
        world.counters.n = 0;

        /* 11: the id with other arguments; 10: the nonce with another id. */
        assert_err(
                world_judge(&world, &(Case){ .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } }),
                DEVBOX_ERROR_REQUEST_ID_CONFLICT);
        assert_err(world_judge(&world, &(Case){ .request = { { "000000000001", "000000000002" } } }),
                   DEVBOX_ERROR_NONCE_REPLAY);
        assert_string_equal(devbox_error_audit_status(DEVBOX_ERROR_NONCE_REPLAY), "rejected_nonce");
        world_done(&world);

        /* 31: an approval that was used. */
        world_init(&world, NULL, 0);
        world.approval_used = true;
        assert_err(world_judge(&world, &(Case){ .request = WRITE, .n_approvals = 1 }),
                   DEVBOX_ERROR_APPROVAL_REUSED);
        world_done(&world);
}

static void test_state_of_the_device(void **state)
{
        static const Case write = { .request = WRITE, .n_approvals = 1 };
        static const Case df = { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } };
        World world;

        world_init(&world, NULL, 0);

        world.device.revoked = true;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_PEER_REVOKED);
        world.device.revoked = false;

        world.device.manifest = NULL;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_MISSING);
        world.device.manifest = world.manifest;

        /* 13: the clock stepped back, and the request's row was pruned meanwhile. */
        world.device.time_floor_ms = WORLD_NOW + 3600000;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_CLOCK_ROLLBACK);
        world.device.time_floor_ms = WORLD_NOW;

        /* 13: the clock was accepted as it is, so requests issued before may have been pruned. */
        world.device.issued_floor_ms = UINT64_C(1760000000000) - 30000;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_EXPIRED);
        world.device.issued_floor_ms--;
        assert_err(world_judge(&world, &(Case){ 0 }), 0);
        world.device.issued_floor_ms = 0;

        /* 18: an expired manifest; and one that a new epoch made void. */
        world.manifest->expires_at_ms = WORLD_NOW;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_EXPIRED);
        world.manifest->expires_at_ms = WORLD_NOW + 1;
        world.root->epoch = 2;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_MISSING);
        world.root->epoch = 1;

        /* One that was installed while the clock ran ahead. */
        world.manifest->issued_at_ms = WORLD_NOW + 30001;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_NOT_YET_VALID);
        world.manifest->issued_at_ms--;
        assert_err(world_judge(&world, &(Case){ 0 }), 0);

        world.device.clock_synchronised = false;
        assert_err(world_judge(&world, &write), DEVBOX_ERROR_CLOCK_UNSYNCED);
        assert_err(world_judge(&world, &(Case){ .request = { KIND("fs.read"),
                                                             ARGS("{\"root\":\"home\",\"path\":\"a\"}") } }),
                   0);
        world.device.clock_synchronised = true;

        world.rate_reached = true;
        assert_err(world_judge(&world, &df), DEVBOX_ERROR_RATE_LIMITED);
        world.rate_reached = false;

        world.broken = true;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_AUDIT_UNAVAILABLE);
        world.broken = false;

        world.manifest->dispatchers.items[0].not_after_ms = WORLD_NOW - 1;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_UNKNOWN_KEY);
        world_done(&world);
}

/* A clock that stepped back by less than the skew denies nothing, but it revives nothing either. */
static void test_expiry_at_the_time_floor(void **state)
{
        static const Edit strict[] = { { "\"id\":\"df\",", "\"id\":\"df\",\"strict\":true," } };
        static const Case df = { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } };
        static const Case write = { .request = WRITE, .n_approvals = 1 };
        static const Case approved_shortly = { .request = WRITE,
                                               .n_approvals = 1,
                                               .approval = { { "1760000065000", "1760000005001" } } };
        World world;

        world_init(&world, strict, 1);
        world.device.time_floor_ms = WORLD_NOW + 25001;
        assert_err(world_judge(&world, &approved_shortly), 0);
        world.device.time_floor_ms++;
        assert_err(world_judge(&world, &approved_shortly), DEVBOX_ERROR_APPROVAL_EXPIRED);
        world.device.time_floor_ms = WORLD_NOW + 1000;
        assert_err(world_judge(&world, &df), 0);
        assert_err(world_judge(&world, &write), 0);

        world.device.manifest_confirmed_at_ms = WORLD_NOW + 999 - 86400000;
        assert_err(world_judge(&world, &df), DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        world.manifest->attesters.items[0].not_after_ms = WORLD_NOW + 999;
        assert_err(world_judge(&world, &write), DEVBOX_ERROR_APPROVAL_DENIED);
        world.manifest->expires_at_ms = WORLD_NOW + 1000;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_EXPIRED);
        world.manifest->dispatchers.items[0].not_after_ms = WORLD_NOW + 999;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_UNKNOWN_KEY);
        world_done(&world);
}

/* The last moment of being accepted is that of being started. */
static void test_start_deadline(void **state)
{
        static const struct {
                uint64_t until_ms;
                Case given;
        } rows[] = {
                { UINT64_C(1760000090000), { .n_approvals = 0 } },
                { UINT64_C(1760000150000), { .request = { { "1760000060000", "1760009999000" } } } },
        };
        AcceptVerdict verdict;
        World world;

        world_init(&world, NULL, 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world.device.now_ms = rows[i].until_ms;
                assert_err(world_judge_verdict(&world, &rows[i].given, &verdict), 0);
                assert_true(verdict.start_until_ms == rows[i].until_ms);
                accept_verdict_done(&verdict);
                world.device.now_ms++;
                assert_err(world_judge(&world, &rows[i].given), DEVBOX_ERROR_EXPIRED);

                world.device.time_floor_ms =
                        rows[i].until_ms + 1; /* nor after the clock stepped back a little */
                world.device.now_ms = rows[i].until_ms - 29000;
                assert_err(world_judge(&world, &rows[i].given), DEVBOX_ERROR_EXPIRED);
                if (i == 0) /* which is checked before the capability */
                        assert_err(world_judge(&world, &(Case){ .request = { KIND("shell.sudo") } }),
                                   DEVBOX_ERROR_EXPIRED);
                world.device.time_floor_ms = 0;
        }
        world_done(&world);
}

static void test_limits_of_an_entry(void **state)
{
        static const Case df = { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } };
        static const Edit evening[] = { { "\"days\":\"1-7\",\"utc\":\"00:00-24:00\"",
                                          "\"utc\":\"18:00-24:00\"" } };
        static const Edit scope[] = { { "\"not_after\":1762000000000}],\"att",
                                        "\"not_after\":1762000000000,\"capabilities\":[\"df\"]}],\"att" } };
        static const Edit strict[] = { { "\"id\":\"df\",", "\"id\":\"df\",\"strict\":true," } };
        World world;

        world_init(&world, evening, 1); /* the world's time is 08:53 on a Thursday */
        assert_err(world_judge(&world, &df), DEVBOX_ERROR_OUTSIDE_WINDOW);
        world_done(&world);

        world_init(&world, scope, 1);
        assert_err(world_judge(&world, &df), 0);
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_DISPATCHER_SCOPE);
        world_done(&world);

        world_init(&world, strict, 1);
        world.device.manifest_confirmed_at_ms = WORLD_NOW - 86400001;
        assert_err(world_judge(&world, &df), DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        world.device.manifest_confirmed_at_ms = WORLD_NOW + 30001;
        assert_err(world_judge(&world, &df), DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        world.device.manifest_confirmed_at_ms--;
        assert_err(world_judge(&world, &df), 0);
        world.device.manifest_confirmed_at_ms = 0;
        assert_err(world_judge(&world, &(Case){ 0 }), 0);
        world_done(&world);
}

/* The sentences that the first documents fixed. */
static void test_rejections_name_their_subject(void **state)
{
        AcceptVerdict verdict;
        char sentence[200];
        World world;

        world_init(&world, NULL, 0);
        assert_err(world_judge_verdict(
                           &world,
                           &(Case){ .request = { ARGS("{\"argv\":[\"/usr/bin/rm\",\"-rf\",\"/\"]}") } },
                           &verdict),
                   DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        devbox_error_sentence_about(verdict.error, verdict.subject, sentence, sizeof sentence);
        assert_string_equal(sentence, "capability rejected: shell.exec.rm not in manifest");
        assert_string_equal(devbox_error_audit_status(verdict.error), "rejected_capability");
        assert_false(verdict.counted);
        accept_verdict_done(&verdict);

        assert_string_equal(devbox_error_sentence(DEVBOX_ERROR_UNKNOWN_CAPABILITY),
                            "capability not in manifest");

        assert_err(world_judge_verdict(&world, &(Case){ .request_key = KEY_STRANGER }, &verdict),
                   DEVBOX_ERROR_UNKNOWN_KEY);
        assert_true(verdict.counted);
        assert_null(verdict.request);
        accept_verdict_done(&verdict);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_allowed_requests),
                cmocka_unit_test(test_request_attacks),
                cmocka_unit_test(test_capability_attacks),
                cmocka_unit_test(test_replays),
                cmocka_unit_test(test_state_of_the_device),
                cmocka_unit_test(test_expiry_at_the_time_floor),
                cmocka_unit_test(test_start_deadline),
                cmocka_unit_test(test_limits_of_an_entry),
                cmocka_unit_test(test_rejections_name_their_subject),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
