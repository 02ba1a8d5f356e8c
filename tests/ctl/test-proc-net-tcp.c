/* SPDX-License-Identifier: MIT */
#include "ctl/status/proc-net-tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

#define HEAD                                                                                                \
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "       \
        "inode\n"
#define REST  " 00000000:00000000 00:00000000 00000000 "
#define TAIL  "        0 24106 1 0000000000000000 100 0 0 10 0\n"
#define NONE4 " 00000000:0000 "
#define NONE6 " 00000000000000000000000000000000:0000 "

/* Port 0x1F90 is 8080. The second is another user's, the third a connection. */
static const char tcp[] = HEAD "   0: %08X:1F90" NONE4 "0A" REST "    0" TAIL "   1: %08X:1F91" NONE4
                               "0A" REST " 1000" TAIL "   2: %08X:1F92 0100007F:9C40 01" REST "    0" TAIL;
static const char tcp6[] = HEAD "   0: 000000000000000000000000%08X:1F90" NONE6 "0A" REST "    0" TAIL;

static void write_at(int fd, const char *name, const char *text)
{
        _cleanup_(fd_closep) int file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_int_equal(write(file, text, strlen(text)), strlen(text));
}

static void test_addresses(void **state)
{
        static const struct {
                const char *address;
                int result;
        } rows[] = {
                { "127.0.0.1:8080", 1 },  { "127.0.0.1:8081", 0 },
                { "127.0.0.1:8082", 0 },  { "127.0.0.1:808", 0 },
                { "127.0.0.2:8080", 0 },  { "0.0.0.0:8080", 0 },
                { "[::1]:8080", 1 },      { "[::1]:8081", 0 },
                { "[::]:8080", 0 },       { "/run/devbox/api.sock", -EINVAL },
                { "::1:8080", -EINVAL },  { "[::1]", -EINVAL },
                { "127.0.0.1", -EINVAL }, { "127.0.0.1:0", 0 },
                { "", -EINVAL },          { "[]:1", -EINVAL },
        };
        char path[] = "/tmp/devbox-listening-XXXXXX", text[2048];
        unsigned loopback = htonl(INADDR_LOOPBACK), one = htonl(1);

        assert_non_null(mkdtemp(path));
        _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_err(listening_at(fd, "127.0.0.1:8080"), -ENOENT);

        assert_int_equal(mkdirat(fd, "net", 0700), 0);
        (void) snprintf(text, sizeof text, tcp, loopback, loopback, loopback);
        write_at(fd, "net/tcp", text);
        (void) snprintf(text, sizeof text, tcp6, one);
        write_at(fd, "net/tcp6", text);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i].address);
                assert_int_equal(listening_at(fd, rows[i].address), rows[i].result);
        }

        assert_int_equal(unlinkat(fd, "net/tcp", 0), 0);
        assert_int_equal(unlinkat(fd, "net/tcp6", 0), 0);
        assert_int_equal(unlinkat(fd, "net", AT_REMOVEDIR), 0);
        assert_int_equal(rmdir(path), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_addresses) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
