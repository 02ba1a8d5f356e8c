/* SPDX-License-Identifier: MIT */
/* The short form of capabilities: what each line expands to, and what is rejected and why. */

#include <stdio.h>

#include "template-world.h"

#include "test.h"

#define PATH(root, kind) "{\"path\":{\"root\":\"" root "\",\"kind\":\"" kind "\"}}"
#define ANY(root)        "{\"path\":{\"root\":\"" root "\"}}"
#define WORD             "{\"word\":{\"class\":\"A-Za-z0-9_.-\",\"max\":64}}"
#define INSERT           "{\"insert\":\"--\"}"
#define RUN(id, bin, argv)                                                                                  \
        "{\"name\":\"shell.exec\",\"id\":\"" id "\",\"approval\":\"none\",\"bin\":\"" bin                   \
        "\",\"argv\":[" argv "]}"

static const struct {
        const char *line, *entries;
} golden[] = {
        { "run: df -h", RUN("df", "/usr/bin/df", "{\"lit\":\"-h\"}") },
        { "run: ls", RUN("ls", "/usr/bin/ls", "") },
        { "run: /usr/sbin/smartctl -H /dev/sda",
          RUN("smartctl", "/usr/sbin/smartctl", "{\"lit\":\"-H\"},{\"lit\":\"/dev/sda\"}") },
        { "run: df|uptime", RUN("df", "/usr/bin/df", "") "," RUN("uptime", "/usr/bin/uptime", "") },
        { "run: ls [-l|-la] DIR in home",
          RUN("ls", "/usr/bin/ls",
              "{\"opt\":{\"enum\":[\"-l\",\"-la\"]}}," INSERT "," PATH("home", "dir")) },
        { "run: tail -n 1..500 FILE in /var/log",
          RUN("tail", "/usr/bin/tail",
              "{\"lit\":\"-n\"},{\"int\":[1,500]}," INSERT "," PATH("var-log", "file")) },
        { "run: wc [-l] FILE in home...", RUN("wc", "/usr/bin/wc",
                                              "{\"opt\":{\"lit\":\"-l\"}}," INSERT
                                              ",{\"many\":{\"of\":" PATH("home", "file") ",\"min\":1,"
                                                                                         "\"max\":8}}") },
        { "run: du [PATH in home...]",
          RUN("du", "/usr/bin/du", INSERT ",{\"many\":{\"of\":" ANY("home") ",\"max\":8}}") },
        { "run: ps -eo pid,comm,args",
          RUN("ps", "/usr/bin/ps", "{\"lit\":\"-eo\"},{\"lit\":\"pid,comm,args\"}") },
        { "run: id WORD", RUN("id", "/usr/bin/id", INSERT "," WORD) },
        { "run: id WORD of a-z0-9",
          RUN("id", "/usr/bin/id", INSERT ",{\"word\":{\"class\":\"a-z0-9\",\"max\":64}}") },

        /* A word after an option may belong to it; options after a word end where "--" is. */
        { "run: journalctl -u WORD -n 1..100",
          RUN("journalctl", "/usr/bin/journalctl",
              "{\"lit\":\"-u\"}," WORD ",{\"lit\":\"-n\"},{\"int\":[1,100]}") },
        { "run: ls -l DIR in home", RUN("ls", "/usr/bin/ls", "{\"lit\":\"-l\"}," PATH("home", "dir")) },
        { "run: ls -l -- DIR in home",
          RUN("ls", "/usr/bin/ls", "{\"lit\":\"-l\"}," INSERT "," PATH("home", "dir")) },
        { "run: grep WORD FILE in home",
          RUN("grep", "/usr/bin/grep", INSERT "," WORD "," PATH("home", "file")) },
        { "run: grep -e WORD FILE in home",
          RUN("grep", "/usr/bin/grep", "{\"lit\":\"-e\"}," WORD "," INSERT "," PATH("home", "file")) },

        /* A quoted word is itself. */
        { "run: echo \"DIR\" \"a b\" \"--\" \"in\" \"a;b\"",
          RUN("echo", "/usr/bin/echo",
              "{\"lit\":\"DIR\"},{\"lit\":\"a b\"},{\"lit\":\"--\"},{\"lit\":\"in\"},{\"lit\":\"a;b\"}") },
        { "run: uptime, ask", "{\"name\":\"shell.exec\",\"id\":\"uptime\",\"approval\":\"message\",\"max_"
                              "age_s\":300,\"bin\":\"/usr/bin/uptime\","
                              "\"argv\":[]}" },

        { "read: home, /var/log",
          "{\"name\":\"fs.read\",\"id\":\"read\",\"approval\":\"none\",\"roots\":[\"home\",\"var-log\"]}" },
        { "list: /home",
          "{\"name\":\"fs.list\",\"id\":\"list\",\"approval\":\"none\",\"roots\":[\"home\"]}" },
        { "write: inbox, ask", "{\"name\":\"fs.write\",\"id\":\"write\",\"approval\":\"message\",\"max_age_"
                               "s\":300,\"roots\":[\"inbox\"]}" },
        { "write: inbox, ask(reaction)", "{\"name\":\"fs.write\",\"id\":\"write\",\"approval\":\"reaction\","
                                         "\"max_age_s\":300,\"roots\":[\"inbox\"]}" },

        { "docker: list", "{\"name\":\"docker.list\",\"id\":\"containers\",\"approval\":\"none\"}" },
        { "docker: list, logs, exec ps|top in web|db",
          "{\"name\":\"docker.list\",\"id\":\"containers\",\"approval\":\"none\",\"containers\":[\"web\","
          "\"db\"]},"
          "{\"name\":\"docker.logs\",\"id\":\"logs\",\"approval\":\"none\",\"containers\":[\"web\",\"db\"]},"
          "{\"name\":\"docker.exec\",\"id\":\"ps\",\"approval\":\"none\",\"containers\":[\"web\",\"db\"],"
          "\"argv\":[{\"lit\":\"ps\"}],\"exec_kill\":\"timeout\"},"
          "{\"name\":\"docker.exec\",\"id\":\"top\",\"approval\":\"none\",\"containers\":[\"web\",\"db\"],"
          "\"argv\":[{\"lit\":\"top\"}],\"exec_kill\":\"timeout\"}" },
        { "docker: exec nginx -s reload in web, ask(signed)",
          "{\"name\":\"docker.exec\",\"id\":\"nginx\",\"approval\":\"signed\",\"max_age_s\":300,"
          "\"containers\":[\"web\"],"
          "\"argv\":[{\"lit\":\"nginx\"},{\"lit\":\"-s\"},{\"lit\":\"reload\"}],\"exec_kill\":"
          "\"timeout\"}" },

        { "service: devbox-api, NetworkManager.service, apt-daily.timer",
          "{\"name\":\"service.status\",\"id\":\"service\",\"approval\":\"none\",\"units\":[\"devbox-api."
          "service\",\"NetworkManager.service\",\"apt-daily.timer\"]}" },
        { "restart: nginx, ask", "{\"name\":\"service.restart\",\"id\":\"restart\",\"approval\":\"message\","
                                 "\"max_age_s\":300,\"units\":[\"nginx."
                                 "service\"]}" },
        { "sensors: thermal_zone0, bat0", "{\"name\":\"sensors.read\",\"id\":\"sensors\",\"approval\":"
                                          "\"none\",\"sensors\":[\"thermal_zone0\","
                                          "\"bat0\"]}" },
        { "camera: /dev/video0, ask(signed)", "{\"name\":\"camera.snapshot\",\"id\":\"camera\",\"approval\":"
                                              "\"signed\",\"max_age_s\":300,\"cameras\":[\"/dev/"
                                              "video0\"]}" },

        /* What stands beside the line. */
        { "run: df -h\n    timeout_s: 60\n    id: disks\n    rate: {n: 3, per_s: 60}",
          "{\"name\":\"shell.exec\",\"id\":\"disks\",\"approval\":\"none\",\"timeout_s\":60,\"rate\":{\"n\":"
          "3,"
          "\"per_s\":60},\"bin\":\"/usr/bin/df\",\"argv\":[{\"lit\":\"-h\"}]}" },
        { "write: inbox\n    approval: signed\n    replace: true",
          "{\"name\":\"fs.write\",\"id\":\"write\",\"approval\":\"signed\",\"max_age_s\":300,\"roots\":["
          "\"inbox\"],"
          "\"replace\":"
          "true}" },
        { "docker: exec ps in web\n    exec_kill: none",
          "{\"name\":\"docker.exec\",\"id\":\"ps\",\"approval\":\"none\",\"containers\":[\"web\"],\"argv\":["
          "{"
          "\"lit\":\"ps\"}],\"exec_kill\":\"none\"}" },

        /* Ids are numbered around those that are written; long entries stand beside lines. */
        { "run: ls\n  - run: ls -l\n  - {run: ls -a, id: ls-2}",
          RUN("ls", "/usr/bin/ls", "") "," RUN("ls-3", "/usr/bin/ls", "{\"lit\":\"-l\"}") "," RUN(
                  "ls-2", "/usr/bin/ls", "{\"lit\":\"-a\"}") },
        { "{name: fs.list, id: list, approval: none, roots: [home]}\n  - list: inbox",
          "{\"name\":\"fs.list\",\"id\":\"list\",\"approval\":\"none\",\"roots\":[\"home\"]},"
          "{\"name\":\"fs.list\",\"id\":\"list-2\",\"approval\":\"none\",\"roots\":[\"inbox\"]}" },
};

static void test_lines(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(golden); i++) {
                char text[1024], expected[2048];

                (void) snprintf(text, sizeof text, TEMPLATE_HEAD "  - %s\n", golden[i].line);
                (void) snprintf(expected, sizeof expected, "[%s]", golden[i].entries);
                _cleanup_(freep) char *entries = template_part(text, "capabilities");
                if (!streq(entries, expected))
                        fail_msg("%s:\n%s\nexpected:\n%s", golden[i].line, entries, expected);
        }
}

/* What is wrong with a line, at its place; "…" in `why` is not compared. */
static const struct {
        const char *line;
        unsigned at;
        const char *why;
} bad[] = {
        { "run: ls > x", 4, "run: there is no shell: put > in double quotes" },
        { "run: ls; rm", 4, "run: there is no shell: put ; in double quotes" },
        { "run: ls *", 4, "run: there is no shell: put * in double quotes" },
        { "run: echo $HOME", 4, "run: there is no shell: put $ in double quotes" },
        { "run: ls | grep x", 4, "run: write alternatives without blanks: a|b" },
        { "run: ls |grep", 4, "run: write alternatives without blanks: a|b" },
        { "run: ls a| b", 4, "run: write alternatives without blanks: a|b" },
        { "run: '\"\"'", 4, "bin must be an absolute path" },
        { "run:", 4, "run: a program is expected here" },
        { "run: '[ls]'", 4, "run: a program is expected here" },
        { "run: ../ls", 4, "bin must be an absolute path" },
        { "run: ls DIR", 4, "run: DIR needs its directory: DIR in /home" },
        { "run: ls DIR in", 4, "run: a directory is expected here" },
        { "run: ls DIR in hom", 4,
          "run: no directory has the name hom; add it to roots, or write its path" },
        { "run: ls DIR in /home/", 4, "run: /home/ has '.', '..', '//' or a slash at its end" },
        { "run: ls [-l -a]", 4, "run: brackets hold one argument each" },
        { "run: ls [-l", 4, "run: brackets hold one argument each" },
        { "run: ls []", 4, "run: an argument is expected here" },
        { "run: ls [[-l]]", 4, "run: an argument is expected here" },
        { "run: ls [--]", 4, "argv[0].opt is no constraint that opt or many may repeat" },
        { "run: tail 5..1", 4, "argv[0].int must be [lowest, highest]" },
        { "run: id WORD of", 4, "run: `of` is followed by characters" },
        { "run: id WORD of a/b", 4, "argv[1].word.class " },
        { "run: echo \"a", 4, "run: a quote is not closed" },
        { "run: ls, df", 4, "run: nothing but `, ask`" },
        { "run: ls, ask, ask", 4, "run: nothing but `, ask`" },
        { "run: ls, ask(none)", 4, "run: ask takes a tier: ask(reaction), ask(message) or ask(signed)" },
        { "run: ls, ask(message", 4, "run: a ) is missing" },
        { "run: [ls, -l]", 4, "run: one line is expected here" },
        { "read:", 4, "read: a directory is expected here" },
        { "read: home,", 4, "read: a directory is expected here" },
        { "read: home,inbox", 4, "read: no directory has the name home,inbox" },
        { "read: home inbox", 4, "read: nothing but `, ask`" },
        { "read: /..", 4, "read: /.. has '.'" },
        { "docker: logs", 4, "docker: name the containers at the end: in web|db" },
        { "docker: exec ps", 4, "docker: name the containers at the end: in web|db" },
        { "docker: ps in web", 4, "docker: docker is followed by list, logs or exec COMMAND" },
        { "docker: logs in", 4, "docker: `in` is followed by containers: in web|db" },
        { "docker: logs in web, exec ps", 4, "docker: nothing but `, ask`" },
        { "docker: logs in web/1", 4, "containers[0] must be letters, digits" },
        { "service: a b", 4, "service: nothing but `, ask`" },
        { "service: a/b", 4, "units[0] must be the name of a unit" },
        { "sensors: A", 4, "sensors[0] must be a-z, 0-9" },
        { "camera: video0", 4, "cameras[0] must be an absolute path" },
        { "ran: df", 4, "a capability has one of run, list, read" },
        { "df -h", 4, "a capability has one of run, list, read" },
        { "{run: df, read: home}", 4, "run and read are two capabilities" },
        { "run: df\n    timeout: 5", 5, "unknown key 'timeout'; did you mean 'timeout_s'?" },
        { "run: df\n    timeout_s: 0", 5, "timeout_s is out of range" },
        { "run: df\n    timeout_s: a", 5, "timeout_s must be a whole number" },
        { "run: df\n    bin: /bin/sh", 5, "the line already says bin" },
        { "run: df, ask\n    approval: none", 5, "the line already says approval" },
        { "run: df\n    roots: [home]", 5, "unknown key 'roots'" },
        { "docker: list, logs in web\n    id: a", 4, "an id names one capability, and this line gives 2" },
        { "docker: list\n    user: root", 5, "user is an unknown key" },
        { "{name: fs.list, id: list, roots: [home]}", 4, "approval is missing" },
        { "{name: fs.lost, id: list}", 4, "this names no known capability" },
        { "{name: fs.list, id: list, approval: none, roots: [hame]}", 0,
          "the manifest has a capability on a root" },
        { "{run: ls, id: a}\n  - {run: df, id: a}", 0, "the manifest has two capabilities of one id" },
};

static void test_bad_lines(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char text[1024];
                Parsed parsed;

                (void) snprintf(text, sizeof text, TEMPLATE_HEAD "  - %s\n", bad[i].line);
                assert_err(parsed_init(&parsed, text), -EBADMSG);
                const YamlProblem *problem = &parsed.problems.items[0];
                if ((bad[i].at > 0 && problem->line != bad[i].at) ||
                    !startswith(problem->reason, bad[i].why))
                        fail_msg("%s: line %u: %s", bad[i].line, problem->line, problem->reason);
                parsed_done(&parsed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_bad_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
