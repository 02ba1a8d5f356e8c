/* SPDX-License-Identifier: MIT */
/* The schema of manifests, which of them a device accepts, and what its machine's ceiling allows. */

#include "trust/manifest.h"

#include "proto/error.h"
#include "trust/ceiling.h"

#include "world.h"

static const char ceiling_text[] = "{\"v\":1,\"capabilities\":[\"shell.exec\",\"fs.read\",\"fs.write\","
                                   "\"service.restart\",\"docker.exec\"],"
                                   "\"programs\":[\"/usr/bin/ls\",\"/usr/bin/df\"],\"read\":[\"/home\",\"/"
                                   "var/log\"],\"write\":[\"/srv\"],"
                                   "\"containers\":[\"web\"],\"units\":[\"nginx.service\"]}";

typedef struct Judged {
        World world;
        Ceiling *ceiling;
        ManifestJudge judge;
} Judged;

static void judged_init(Judged *judged)
{
        world_init(&judged->world, NULL, 0);
        assert_int_equal(ceiling_parse(bytes_of_string(ceiling_text), &judged->ceiling, NULL), 0);
        judged->judge = (ManifestJudge){ .root = judged->world.root,
                                         .device = "dev-a",
                                         .device_key = key_pair_public(world_key(KEY_DEVICE)),
                                         .ceiling = judged->ceiling,
                                         .now_ms = WORLD_NOW };
}

static void judged_done(Judged *judged)
{
        ceiling_free(judged->ceiling);
        world_done(&judged->world);
}

static int judge(const Judged *judged, const Edit *edits, size_t n, WorldKey key,
                 ManifestVerdict *ret_verdict)
{
        _cleanup_(freep) char *text = world_text(world_manifest, edits, n);
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_MANIFEST, text, key);

        return manifest_accept(&judged->judge, envelope, ret_verdict);
}

static const struct {
        const char *what;
        Edit edits[3];
} invalid[] = {
        { "an unknown key", { { "\"roots\"", "\"rights\":1,\"roots\"" } } },
        { "a key that its kind does not know",
          { { "\"id\":\"df\"", "\"id\":\"df\",\"units\":[\"a.service\"]" } } },
        { "a kind there is not", { { "fs.read", "fs.reed" } } },
        { "two entries of one id", { { "\"id\":\"df\"", "\"id\":\"ls-home\"" } } },
        { "a root it does not define", { { "\"name\":\"home\"", "\"name\":\"hume\"" } } },
        { "two roots of one name", { { "\"name\":\"srv\"", "\"name\":\"home\"" } } },
        { "an approver twice", { { "@eve", "@bob" } } },
        { "an operator twice", { { "@ana", "@bob" } } },
        { "3: a dispatcher's key of zeros",
          { { "@dispatcher@", "0000000000000000000000000000000000000000000000000000000000000000" } } },
        { "3: an approver's key of small order",
          { { "\"pub\":\"@bob@\"",
              "\"pub\":\"0100000000000000000000000000000000000000000000000000000000000000\"" } } },
        { "a dispatcher for nothing it has",
          { { "1762000000000}],\"att", "1762000000000,\"capabilities\":[\"x\"]}],\"att" } } },
        { "a dispatcher with an empty list of capabilities",
          { { "1762000000000}],\"att", "1762000000000,\"capabilities\":[]}],\"att" } } },
        { "an empty list of containers",
          { { "\"name\":\"fs.read\",\"id\":\"read-home\",\"approval\":\"none\",\"roots\":[\"home\"]",
              "\"name\":\"docker.list\",\"id\":\"list\",\"approval\":\"none\",\"containers\":["
              "]" } } },
        { "two approvers with one key",
          { { "{\"mxid\":\"@eve:hs.example\"}", "{\"mxid\":\"@eve:hs.example\",\"pub\":\"@bob@\"}" } } },
        { "a dispatcher twice, with different scopes",
          { { "\"dispatchers\":[", "\"dispatchers\":[{\"pub\":\"@dispatcher@\",\"not_after\":"
                                   "1762000000000,\"capabilities\":[\"df\"]}," } } },
        { "an attester twice",
          { { "\"attesters\":[", "\"attesters\":[{\"pub\":\"@attester@\",\"not_after\":1}," } } },
        { "a dispatcher that is also an attester", { { "\"@attester@\"", "\"@dispatcher@\"" } } },
        { "an attester that is also an approver", { { "\"@attester@\"", "\"@bob@\"" } } },
        { "a dispatcher that is the device", { { "\"@dispatcher@\"", "\"@device@\"" } } },
        { "an operator's key that is also a dispatcher's",
          { { "{\"mxid\":\"@ana:hs.example\"}",
              "{\"mxid\":\"@ana:hs.example\",\"msk\":\"@dispatcher@\"}" } } },
        { "a person without a domain", { { "@ana:hs.example", "ana" } } },
        { "a local operator with the identity of a Matrix user",
          { { "{\"mxid\":\"@ana:hs.example\"}", "{\"mxid\":\"local:ana\",\"msk\":\"@bob@\"}" } } },
        { "a local approver with the identity of a Matrix user",
          { { "{\"mxid\":\"@eve:hs.example\"}", "{\"mxid\":\"local:eve\",\"msk\":\"@witness@\"}" } } },
        { "an approver's identity that is also another's key",
          { { "{\"mxid\":\"@eve:hs.example\"}", "{\"mxid\":\"@eve:hs.example\",\"msk\":\"@bob@\"}" } } },
        { "an approver with another identity than the same operator",
          { { "{\"mxid\":\"@ana:hs.example\"}],\"disp",
              "{\"mxid\":\"@ana:hs.example\",\"msk\":\"@witness@\"}],\"disp" } } },
        { "a principal of two persons",
          { { "{\"mxid\":\"@ana:hs.example\"},{",
              "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\"},{" } } },
        { "an expiry of two years", { { "1762000000000", "1822900000000" } } },
        { "an expiry before its issue",
          { { "\"expires_at\":1762000000000", "\"expires_at\":1759900000000" } } },
        { "a tombstone that allows something", { { "\"version\":7", "\"version\":2147483647" } } },
        { "a relative program", { { "/usr/bin/ls", "usr/bin/ls" } } },
        { "a program with dots", { { "/usr/bin/ls", "/usr/../bin/ls" } } },
        { "an environment that loads",
          { { "\"id\":\"df\"", "\"id\":\"df\",\"env\":{\"LD_PRELOAD\":\"x\"}" } } },
        { "an environment that pages", { { "\"id\":\"df\"", "\"id\":\"df\",\"env\":{\"PAGER\":\"sh\"}" } } },
        { "hours that end before they begin", { { "00:00-24:00", "18:00-06:00" } } },
        { "a day that is none", { { "1-7", "1-8" } } },
        { "a container's program that is not written out",
          { { "\"argv\":[{\"lit\":\"ps\"}]", "\"argv\":[{\"word\":{\"class\":\"a-z\",\"max\":9}}]" } } },
        { "too much output", { { "\"id\":\"df\"", "\"id\":\"df\",\"max_output\":67108865" } } },
        { "no approval tier", { { "\"approval\":\"none\",", "" } } },
        { "redacts what is not there",
          { { "\"id\":\"df\"", "\"id\":\"df\",\"redact\":[\"content_b64\"]" } } },
};

static void test_invalid_manifests(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++) {
                _cleanup_(freep) char *text =
                        world_text(world_manifest, invalid[i].edits, ELEMENTSOF(invalid[i].edits));
                Manifest *manifest = NULL;
                SchemaFault fault = { 0 };

                if (manifest_parse(bytes_of_string(text), &manifest, &fault) != DEVBOX_ERROR_BAD_SCHEMA)
                        fail_msg("%s: was accepted", invalid[i].what);
                assert_non_null(fault.why);
        }
}

static void test_faults_have_a_path(void **state)
{
        _cleanup_(freep) char *text = world_text(
                world_manifest, (Edit[]){ { "{\"lit\":\"-h\"}", "{\"lit\":\"-h\",\"x\":1}" } }, 1);
        Manifest *manifest = NULL;
        SchemaFault fault = { 0 };

        assert_err(manifest_parse(bytes_of_string(text), &manifest, &fault), DEVBOX_ERROR_BAD_SCHEMA);
        assert_string_equal(fault.path, "capabilities[1].argv[0].x");
        assert_string_equal(fault.why, "is an unknown key");
}

static void test_round_trip(void **state)
{
        _cleanup_(freep) char *text = world_text(world_manifest, NULL, 0), *again = NULL, *third = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *second = NULL;

        assert_err(manifest_parse(bytes_of_string(text), &manifest, NULL), 0);
        assert_err(manifest_format(manifest, &again, NULL), 0);
        assert_err(manifest_parse(bytes_of_string(again), &second, NULL), 0);
        assert_err(manifest_format(second, &third, NULL), 0);
        assert_string_equal(again, third);
        assert_int_equal(second->capabilities.items[0].argv.items[0].repeat, CONSTRAINT_OPTIONAL);
        assert_int_equal(second->capabilities.items[0].timeout_s, 10);
        assert_int_equal(second->limits.skew_s, 30);
}

static void test_accepted_versions(void **state)
{
        static const Edit v6[] = { { "\"version\":7", "\"version\":6" } },
                          v8[] = { { "\"version\":7", "\"version\":8" } };
        static const Edit epoch2[] = { { "\"epoch\":1", "\"epoch\":2" },
                                       { "\"version\":7", "\"version\":1" } };
        static const Edit other[] = { { "\"id\":\"df\"", "\"id\":\"dg\"" } };
        ManifestVerdict verdict;
        Judged judged;

        judged_init(&judged);
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), 0);
        assert_false(verdict.unchanged);
        assert_false(verdict.gap);
        judged.judge.floor = (ManifestFloor){ 1, 7, verdict.digest };
        manifest_verdict_done(&verdict);

        /* 15: never back, never two of one version; the same is no news. */
        assert_err(judge(&judged, v6, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_ROLLBACK);
        assert_err(judge(&judged, other, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_FORK);
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), 0);
        assert_true(verdict.unchanged);
        manifest_verdict_done(&verdict);
        assert_err(judge(&judged, v8, 1, KEY_MANIFEST, &verdict), 0);
        assert_true(verdict.gap);
        manifest_verdict_done(&verdict);

        /* A new epoch begins at any version, but not before the root has it; then the old one is over. */
        assert_err(judge(&judged, epoch2, 2, KEY_MANIFEST, &verdict), DEVBOX_ERROR_ROOT_NEEDED);
        judged.world.root->epoch = 2;
        assert_err(judge(&judged, epoch2, 2, KEY_MANIFEST, &verdict), 0);
        manifest_verdict_done(&verdict);
        assert_err(judge(&judged, v8, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_ROLLBACK);
        judged_done(&judged);
}

static void test_accepted_signers(void **state)
{
        static const Edit dev_b[] = { { "dev-a", "dev-b" } }, key_b[] = { { "@device@", "@witness@" } };
        ManifestVerdict verdict;
        Judged judged;

        judged_init(&judged);

        /* 16: by an unknown key, by the dispatcher, for another device or another key of it. */
        assert_err(judge(&judged, NULL, 0, KEY_STRANGER, &verdict), DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
        assert_err(judge(&judged, NULL, 0, KEY_DISPATCHER, &verdict),
                   DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
        assert_err(judge(&judged, NULL, 0, KEY_ROOT_A, &verdict), DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
        assert_err(judge(&judged, dev_b, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_WRONG_DEVICE);
        assert_err(judge(&judged, key_b, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_WRONG_DEVICE);

        judged.judge.now_ms = 1762000000000;
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_EXPIRED);
        judged.judge.now_ms = WORLD_NOW;
        judged.judge.time_floor_ms = 1762000000000;
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_EXPIRED);
        judged.judge.time_floor_ms = 0;
        judged.judge.now_ms = 1790000000000;
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), DEVBOX_ERROR_ROOT_EXPIRED);
        judged_done(&judged);
}

/* No more than the skew ahead of the device's clock, whatever the floor of time is. */
static void test_manifests_dated_ahead(void **state)
{
        static const Edit skewed[] = { { "1759900000000", "1760000040000" } };
        static const Edit ahead[] = { { "1759900000000", "1760000040001" } };
        static const Edit far[] = { { "1759900000000", "95000000000000" },
                                    { "\"expires_at\":1762000000000", "\"expires_at\":95001000000000" } };
        ManifestVerdict verdict;
        Judged judged;

        judged_init(&judged);
        assert_err(judge(&judged, skewed, 1, KEY_MANIFEST, &verdict), 0);
        manifest_verdict_done(&verdict);
        assert_err(judge(&judged, ahead, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_NOT_YET_VALID);
        assert_err(judge(&judged, far, 2, KEY_MANIFEST, &verdict), DEVBOX_ERROR_NOT_YET_VALID);
        judged.judge.time_floor_ms = WORLD_NOW + 1000;
        assert_err(judge(&judged, ahead, 1, KEY_MANIFEST, &verdict), DEVBOX_ERROR_NOT_YET_VALID);
        judged_done(&judged);
}

static void test_ceiling_limits_every_kind(void **state)
{
        static const Edit rows[][2] = {
                { { "/usr/bin/df", "/usr/bin/du" } },
                { { "\"id\":\"df\"", "\"id\":\"df\",\"cwd\":\"/etc\"" } },
                { { "\"path\":\"/home\"", "\"path\":\"/etc\"" } },
                { { "\"path\":\"/home\"", "\"path\":\"/\"" } },
                { { "\"path\":\"/home\"", "\"path\":\"/homes\"" } },
                { { "\"path\":\"/srv/share\"", "\"path\":\"/home/share\"" } },
                { { "nginx.service", "ssh.service" } },
                { { "\"web\"", "\"db\"" } },
                { { "\"name\":\"fs.read\"", "\"name\":\"fs.list\"" } },
        };
        ManifestVerdict verdict = { 0 };
        Judged judged;

        judged_init(&judged);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(judge(&judged, rows[i], 2, KEY_MANIFEST, &verdict),
                           DEVBOX_ERROR_MANIFEST_CEILING);
        assert_string_equal(verdict.fault.path, "capabilities[2] (read-home)");

        judged.judge.ceiling = NULL;
        assert_err(judge(&judged, NULL, 0, KEY_MANIFEST, &verdict), DEVBOX_ERROR_MANIFEST_CEILING);
        judged_done(&judged);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_invalid_manifests),
                cmocka_unit_test(test_faults_have_a_path),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_accepted_versions),
                cmocka_unit_test(test_accepted_signers),
                cmocka_unit_test(test_manifests_dated_ahead),
                cmocka_unit_test(test_ceiling_limits_every_kind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
