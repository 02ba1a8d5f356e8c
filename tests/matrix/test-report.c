/* SPDX-License-Identifier: MIT */
/* What people are answered who ask about devices and requests. */

#include "matrix/report.h"

#include <stdio.h>

#include "matrix/command.h"
#include "test.h"

#define NOW_MS INT64_C(1765000000000)
#define KEY_A  "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
#define KEY_B  "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1"
#define KEY    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

static const char document[] =
        "{\"v\":1,\"device\":\"home-wsl\",\"dev_pub\":\"" KEY "\",\"epoch\":1,\"version\":1,"
        "\"prev_sha256\":\"" KEY "\",\"issued_at\":1760000000000,\"expires_at\":1770000000000,"
        "\"operators\":[{\"mxid\":\"local:ana\"}],\"approvers\":[{\"mxid\":\"local:ana\"}],"
        "\"dispatchers\":[{\"pub\":\"" KEY_A "\",\"not_after\":1770000000000}],"
        "\"attesters\":[{\"pub\":\"" KEY_B "\",\"not_after\":1770000000000}],\"limits\":{},"
        "\"roots\":[{\"name\":\"home\",\"path\":\"/home\"},{\"name\":\"odd\",\"path\":\"/srv/Ana's files\"},"
        "{\"name\":\"both\",\"path\":\"/srv/Ana's \\\"files\\\"\"}],"
        "\"capabilities\":[{\"id\":\"it\",\"approval\":\"%s\",%s}]}";

static Manifest *parse(const char *approval, const char *capability)
{
        _cleanup_(freep) char *text = NULL;
        SchemaFault fault = { .why = "" };
        Manifest *manifest = NULL;

        assert_true(asprintf(&text, document, approval, capability) > 0);
        if (manifest_parse(bytes_of_string(text), &manifest, &fault) != 0)
                fail_msg("%s: %s %s", capability, fault.path, fault.why);
        return manifest;
}

/* The text of an answer: the line, and below it the block. */
static void expect(Report *report, const char *wanted)
{
        char text[2048];
        Answer answer;

        assert_ok(report_answer(report, &answer));
        (void) snprintf(text, sizeof text, "%s%s%.*s", answer.line, answer.output.size > 0 ? "\n" : "",
                        (int) answer.output.size, (const char *) answer.output.data);
        assert_string_equal(text, wanted);
        report_done(report);
        *report = REPORT_NULL;
}

/* Each line of the help is a command of that capability, with these words. */
static void test_capabilities(void **state)
{
        static const struct {
                const char *capability, *approval, *line, *kind, *last_word;
        } rows[] = {
                { "\"name\":\"shell.exec\",\"bin\":\"/usr/bin/"
                  "ls\",\"argv\":[{\"path\":{\"root\":\"home\"}}]",
                  "none", "!exec ls /home", "shell.exec", "/home" },
                { "\"name\":\"fs.list\",\"roots\":[\"odd\"]", "none", "!ls \"/srv/Ana's files\"", "fs.list",
                  "/srv/Ana's files" },
                { "\"name\":\"fs.list\",\"roots\":[\"both\"]", "none",
                  "!ls \"/srv/Ana's \"'\"'\"files\"'\"'\"\"", "fs.list", "/srv/Ana's \"files\"" },
                { "\"name\":\"fs.read\",\"roots\":[\"home\"]", "none", "!fs.read /home/FILE", "fs.read",
                  "/home/FILE" },
                { "\"name\":\"fs.write\",\"roots\":[\"home\"]", "reaction", "!fs.write /home/FILE TEXT  🔒",
                  "fs.write", "🔒" },
                { "\"name\":\"docker.list\"", "none", "!docker list", "docker.list", NULL },
                { "\"name\":\"docker.logs\",\"containers\":[\"web\"]", "none", "!docker logs web 100",
                  "docker.logs", "100" },
                { "\"name\":\"docker.exec\",\"containers\":[\"web\"],\"argv\":[{\"lit\":\"ps\"}]", "none",
                  "!docker exec web ps", "docker.exec", "ps" },
                { "\"name\":\"service.status\",\"units\":[\"a.service\"]", "none", "!status a.service",
                  "service.status", "a.service" },
                { "\"name\":\"camera.snapshot\",\"cameras\":[\"/dev/video0\"]", "message",
                  "!camera.snapshot /dev/video0  🔒 with !approve, not 👍", "camera.snapshot", "👍" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(manifest_freep) Manifest *manifest = parse(rows[i].approval, rows[i].capability);
                _cleanup_(command_done) Command command = COMMAND_NULL;
                _cleanup_(report_done) Report report = REPORT_NULL;
                _cleanup_(freep) char *line = NULL;
                const char *why;
                Answer answer;

                report_capabilities(&report, manifest, NOW_MS);
                assert_ok(report_answer(&report, &answer));
                assert_string_equal(answer.line, "home-wsl can:");
                line = strndup(report.block.data, strcspn(report.block.data, "\n"));
                assert_string_equal(line, rows[i].line);
                assert_int_equal(strstr(report.block.data, "#operator-approvals") != NULL,
                                 !streq(rows[i].approval, "none"));

                assert_err(command_parse(line, &command, &why), 0);
                assert_int_equal(command.kind, COMMAND_REQUEST);
                assert_string_equal(command.capability, rows[i].kind);
                if (rows[i].last_word)
                        assert_string_equal(command.line.words[command.line.n - 1], rows[i].last_word);
        }
}

static void test_no_capabilities(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = parse("none", "\"name\":\"docker.list\"");
        Report report = REPORT_NULL;

        report_capabilities(&report, NULL, NOW_MS);
        expect(&report,
               "This device has no manifest, so it does nothing. On the hub: devboxctl manifest publish");
        report_capabilities(&report, manifest, INT64_C(1770000000000));
        expect(&report,
               "The manifest of home-wsl has expired, so it does nothing. The operator signs it again: "
               "devboxctl manifest publish");
}

static void test_devices(void **state)
{
        static const ReportDevice devices[] = {
                { "home-wsl", "active", "online", NULL, NULL, NOW_MS - 5000, 2, NOW_MS + 1, 1, 0, 2 },
                { "pc-aurgi", "active", "stale", NULL, "It lacks X.", NOW_MS - 26 * 3600 * 1000, 2,
                  NOW_MS + 1, 0, 3, 0 },
                { "old", "revoked", "offline", "witness_fork", NULL, 0, 2, NOW_MS, 0, 0, 0 },
                { "new", "active", "offline", NULL, NULL, 0, 0, 0, 0, 0, 0 },
        };
        Report report = REPORT_NULL;

        report_devices(&report, devices, ELEMENTSOF(devices), NOW_MS);
        expect(&report, "4 devices:\n"
                        "home-wsl: online · 1 approving · 2 running\n"
                        "pc-aurgi: stale, seen 26 h ago · 3 queued · manifest rejected\n"
                        "old: revoked · manifest expired · QUARANTINE: witness_fork\n"
                        "new: offline · no manifest\n");
        report_devices(&report, NULL, 0, NOW_MS);
        expect(&report, "There are no devices. On the hub, add one with: devboxctl invite NAME");
        report_device(&report, &devices[1], NOW_MS);
        expect(&report, "pc-aurgi: stale, seen 26 h ago · 3 queued · manifest rejected\nIt lacks X.");
}

static void test_requests(void **state)
{
        static const ReportRequest requests[] = {
                { "01JDQ0000000000000007KQ2PD", "home-wsl", "shell.exec.ls", "@ana:x", "finished",
                  NOW_MS - 90000, 0, 0 },
                { "01JDQ0000000000000007KQ2PE", "pc-aurgi", "fs.write.inbox", "@ben:x", "approving",
                  NOW_MS - 200000, -1, 0 },
                { "01JDQ0000000000000007KQ2PF", "home-wsl", "shell.exec.ls", "@ana:x", "timeout", 0, -1, 9 },
        };
        Report report = REPORT_NULL;

        report_requests(&report, requests, 2, NULL, NOW_MS);
        expect(&report, "The last requests:\n"
                        "7KQ2PD  home-wsl  shell.exec.ls  finished, exit 0  @ana:x  90 s ago\n"
                        "7KQ2PE  pc-aurgi  fs.write.inbox  approving  @ben:x  3 min ago\n");
        report_requests(&report, requests, 3, "home-wsl", NOW_MS);
        expect(&report, "The last requests:\n"
                        "7KQ2PD  shell.exec.ls  finished, exit 0  @ana:x  90 s ago\n"
                        "7KQ2PF  shell.exec.ls  timeout, signal 9  @ana:x  20428 d ago\n");
        report_requests(&report, requests, 3, "other", NOW_MS);
        expect(&report, "Nothing was asked yet; !help shows what can be.");
}

static void test_commands(void **state)
{
        Report report = REPORT_NULL;

        report_commands(&report);
        assert_non_null(strstr(report.block.data, "!approve ID"));
        report_done(&report);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_capabilities),
                                            cmocka_unit_test(test_no_capabilities),
                                            cmocka_unit_test(test_devices), cmocka_unit_test(test_requests),
                                            cmocka_unit_test(test_commands) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
