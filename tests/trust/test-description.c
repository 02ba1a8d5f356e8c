/* SPDX-License-Identifier: MIT */
/* The line that people decide on, of each capability. */

#include "trust/description.h"

#include "test.h"

#define HELLO "sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define ONES  "sha256 0101010101010101010101010101010101010101010101010101010101010101"

#define WORDS(...)                                                                                          \
        {                                                                                                   \
                (char *[]){ __VA_ARGS__ }, ELEMENTSOF(((char *[]){ __VA_ARGS__ }))                          \
        }
#define T(text)             (char *) (text)
#define FILE_(root_, path_) .root = T(root_), .path = T(path_)

static PathRoot roots[] = { { T("inbox"), T("/home/ana/inbox") }, { T("all"), T("/") } };

static void expect(const Request *request, const char *line)
{
        _cleanup_(freep) char *text = NULL;

        assert_ok(request_describe(request, &(PathRoots){ roots, ELEMENTSOF(roots) }, &text));
        assert_string_equal(text, line);
}

static void test_kinds(void **state)
{
        static uint8_t hello[] = "hello";
        const SchemaBlob content = { hello, 5 };
        Sha256 ones;
        memset(&ones, 1, sizeof ones);
        const struct {
                CapabilityKind kind;
                Arguments arguments;
                const char *line;
        } rows[] = {
                { CAPABILITY_SHELL_EXEC,
                  { .argv = WORDS(T("/usr/bin/rm"), T("-rf"), T("/")) },
                  "shell.exec /usr/bin/rm -rf /" },
                { CAPABILITY_SHELL_EXEC,
                  { .argv = WORDS(T("/usr/bin/rm"), T("-rf /"), T("")) },
                  "shell.exec /usr/bin/rm '-rf /' ''" },
                { CAPABILITY_SHELL_EXEC,
                  { .argv = WORDS(T("/bin/echo"), T("a\xe2\x80\xae"
                                                    "b\n(5 bytes)")) },
                  "shell.exec /bin/echo $'a\\u202eb\\n(5 bytes)'" },
                { CAPABILITY_FS_LIST, { FILE_("inbox", NULL) }, "fs.list /home/ana/inbox" },
                { CAPABILITY_FS_LIST, { FILE_("all", NULL) }, "fs.list /" },
                { CAPABILITY_FS_READ, { FILE_("all", "etc/motd") }, "fs.read /etc/motd" },
                { CAPABILITY_FS_READ, { FILE_("none", "etc/shadow") }, "fs.read /etc/shadow" },
                { CAPABILITY_FS_READ, { FILE_("gone", "x y") }, "fs.read 'gone:x y'" },
                { CAPABILITY_FS_READ,
                  { FILE_("inbox", "a b"), .offset = 9 },
                  "fs.read '/home/ana/inbox/a b' (from byte 9)" },
                { CAPABILITY_FS_READ,
                  { FILE_("inbox", "x"), .length = 20 },
                  "fs.read /home/ana/inbox/x (20 bytes)" },
                { CAPABILITY_FS_READ,
                  { FILE_("inbox", "x"), .offset = 9, .length = 20 },
                  "fs.read /home/ana/inbox/x (20 bytes from byte 9)" },
                { CAPABILITY_FS_WRITE,
                  { FILE_("inbox", "x"), .content = content },
                  "fs.write /home/ana/inbox/x (5 bytes, a new file, " HELLO ")" },
                { CAPABILITY_FS_WRITE,
                  { FILE_("inbox", "x"), .write_mode = WRITE_REPLACE, .content = content },
                  "fs.write /home/ana/inbox/x (5 bytes, also over a file, " HELLO ")" },
                { CAPABILITY_FS_WRITE,
                  { FILE_("inbox", "x"), .write_mode = WRITE_REPLACE, .expect_sha256 = ones,
                    .content = content },
                  "fs.write /home/ana/inbox/x (5 bytes, also over a file with " ONES ", " HELLO ")" },
                { CAPABILITY_DOCKER_LIST, { .root = NULL }, "docker.list" },
                { CAPABILITY_DOCKER_LOGS,
                  { .container = T("web"), .tail = 100 },
                  "docker.logs web (100 lines)" },
                { CAPABILITY_DOCKER_LOGS,
                  { .container = T("web"), .tail = 1, .since_s = 1764356400 },
                  "docker.logs web (1 lines since @1764356400)" },
                { CAPABILITY_DOCKER_EXEC,
                  { .container = T("web"), .argv = WORDS(T("ps"), T("it's")) },
                  "docker.exec web ps 'it'\\''s'" },
                { CAPABILITY_SENSORS_READ,
                  { .sensors = WORDS(T("cpu"), T("gpu")) },
                  "sensors.read cpu gpu" },
                { CAPABILITY_SERVICE_STATUS,
                  { .unit = T("getty@tty1.service") },
                  "service.status getty@tty1.service" },
                { CAPABILITY_SERVICE_RESTART,
                  { .unit = T("nginx.service") },
                  "service.restart nginx.service" },
                { CAPABILITY_CAMERA_SNAPSHOT,
                  { .device = T("/dev/video0"), .width = 640, .height = 480 },
                  "camera.snapshot /dev/video0 (640 x 480)" },
        };
        unsigned kinds = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                expect(&(Request){ .capability = T(capability_kind_name(rows[i].kind)),
                                   .kind = rows[i].kind,
                                   .arguments = rows[i].arguments },
                       rows[i].line);
                kinds |= 1u << rows[i].kind;
        }
        assert_int_equal(kinds, (1u << _CAPABILITY_KIND_MAX) - 1);
}

static void test_unknown(void **state)
{
        expect(&(Request){ .capability = T("robot dance"),
                           .kind = _CAPABILITY_KIND_INVALID,
                           .unknown_arguments = T("{\"argv\":[\"x\"]}") },
               "'robot dance' '{\"argv\":[\"x\"]}'");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
