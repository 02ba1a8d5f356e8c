/* SPDX-License-Identifier: MIT */
/* An example of each capability is a command that its entry allows. */

#include "ctl/manifest/example.h"

#include <stdio.h>

#include "test.h"

#define KEY_A "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
#define KEY_B "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1"
#define KEY   "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

static const char document[] =
        "{\"v\":1,\"device\":\"laptop\",\"dev_pub\":\"" KEY "\",\"epoch\":1,\"version\":1,"
        "\"prev_sha256\":\"" KEY "\",\"issued_at\":1760000000000,\"expires_at\":1770000000000,"
        "\"operators\":[{\"mxid\":\"local:ana\"}],\"approvers\":[{\"mxid\":\"local:ana\"}],"
        "\"dispatchers\":[{\"pub\":\"" KEY_A "\",\"not_after\":1770000000000}],"
        "\"attesters\":[{\"pub\":\"" KEY_B "\",\"not_after\":1770000000000}],\"limits\":{},"
        "\"roots\":[{\"name\":\"home\",\"path\":\"/home\"},{\"name\":\"all\",\"path\":\"/\"},"
        "{\"name\":\"odd\",\"path\":\"/srv/Ana's files\"}],"
        "\"capabilities\":[{\"id\":\"it\",\"approval\":\"none\",%s}%s]}";

#define EXEC(argv) "\"name\":\"shell.exec\",\"bin\":\"/usr/bin/it\",\"argv\":[" argv "]"

static const struct {
        const char *capability, *others, *example;
} rows[] = {
        { EXEC(""), "", "it" },
        { EXEC("{\"lit\":\"-l\"},{\"insert\":\"--\"},{\"path\":{\"root\":\"home\"}}"), "", "it -l /home" },
        { EXEC("{\"enum\":[\"a b\",\"c\"]},{\"int\":[3,9]}"), "", "it 'a b' 3" },
        { EXEC("{\"word\":{\"class\":\"A-Za-z0-9_.-\",\"max\":64}}"), "", "it name" },
        { EXEC("{\"word\":{\"class\":\"x-z\",\"max\":64}}"), "", "it x" },
        { EXEC("{\"opt\":{\"lit\":\"-l\"}},{\"many\":{\"of\":{\"lit\":\"a\"},\"min\":2,\"max\":8}}"), "",
          "it a a" },
        { EXEC("{\"path\":{\"root\":\"all\",\"kind\":\"file\"}}"), "", "it /FILE" },
        { EXEC(""),
          ",{\"id\":\"o\",\"approval\":\"none\",\"name\":\"shell.exec\",\"bin\":\"/opt/it\",\"argv\":[]}",
          "/usr/bin/it" },
        { "\"name\":\"fs.list\",\"roots\":[\"home\"]", "", "--list /home" },
        { "\"name\":\"fs.read\",\"roots\":[\"odd\"]", "", "--read '/srv/Ana'\\''s files/FILE'" },
        { "\"name\":\"fs.write\",\"roots\":[\"home\"]", "", "--write /home/FILE < FILE" },
        { "\"name\":\"docker.list\"", "", "docker.list" },
        { "\"name\":\"docker.logs\",\"containers\":[\"web\"]", "", "docker.logs web 100" },
        { "\"name\":\"docker.exec\",\"containers\":[\"web\"],\"argv\":[{\"lit\":\"ps\"}]", "",
          "docker.exec web ps" },
        { "\"name\":\"sensors.read\",\"sensors\":[\"bat0\"]", "", "sensors.read bat0" },
        { "\"name\":\"service.status\",\"units\":[\"a.service\"]", "", "service.status a.service" },
        { "\"name\":\"service.restart\",\"units\":[\"a.service\"]", "", "service.restart a.service" },
        { "\"name\":\"camera.snapshot\",\"cameras\":[\"/dev/video0\"]", "", "camera.snapshot /dev/video0" },
};

static void test_examples(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(manifest_freep) Manifest *manifest = NULL;
                _cleanup_(freep) char *text = NULL, *line = NULL, *wanted = NULL;
                SchemaFault fault = { .why = "" };

                assert_true(asprintf(&text, document, rows[i].capability, rows[i].others) > 0);
                assert_true(asprintf(&wanted, "devboxctl run laptop %s", rows[i].example) > 0);
                if (manifest_parse(bytes_of_string(text), &manifest, &fault) != 0)
                        fail_msg("%s: %s %s", rows[i].capability, fault.path, fault.why);
                assert_ok(manifest_example(manifest, &manifest->capabilities.items[0], &line));
                assert_string_equal(line, wanted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
