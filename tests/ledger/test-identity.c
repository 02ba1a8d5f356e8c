/* SPDX-License-Identifier: MIT */
/* The node's own key: created once, kept, and rejected when others can read it. */

#include "ledger/identity.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/binary-text.h"
#include "test.h"

static char directory[64];
static int directory_fd;

static int set_up(void **state)
{
        (void) snprintf(directory, sizeof directory, "/tmp/devbox-identity.XXXXXX");
        assert_non_null(mkdtemp(directory));
        directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(directory_fd >= 0);
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int tear_down(void **state)
{
        (void) close(directory_fd);
        return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
        int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(close(fd), 0);
}

static void test_key_is_created_once(void **state)
{
        _cleanup_(key_pair_freep) KeyPair *first = NULL, *second = NULL;
        struct stat st;

        assert_ok(identity_load(directory_fd, NULL, &first));
        assert_ok(identity_load(directory_fd, NULL, &second));
        assert_true(public_key_equal(key_pair_public(first), key_pair_public(second)));
        assert_int_equal(fstatat(directory_fd, "identity", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fstatat(directory_fd, "identity.new", &st, 0), -1);
}

static void test_public_key_is_published(void **state)
{
        _cleanup_(key_pair_freep) KeyPair *first = NULL, *second = NULL;
        char text[128], wanted[HEX_SIZE(PUBLIC_KEY_SIZE)];
        const KeyPair *pairs[3];

        assert_ok(key_pair_generate(&first));
        assert_ok(key_pair_generate(&second));
        pairs[0] = pairs[1] = first;
        pairs[2] = second;
        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                assert_ok(identity_publish(directory_fd, pairs[i]));
                int fd = openat(directory_fd, "identity.pub", O_RDONLY | O_CLOEXEC);
                ssize_t n = read(fd, text, sizeof text);
                assert_int_equal(close(fd), 0);
                hex_format(BYTES_OF(key_pair_public(pairs[i])->bytes), wanted);
                assert_int_equal(n, sizeof wanted);
                assert_memory_equal(text, wanted, n - 1);
                assert_int_equal(text[n - 1], '\n');
        }
}

static void test_credential_takes_precedence(void **state)
{
        _cleanup_(key_pair_freep) KeyPair *file = NULL, *credential = NULL;
        char path[96];

        assert_ok(identity_load(directory_fd, NULL, &file));
        (void) snprintf(path, sizeof path, "%s/credentials", directory);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_ok(identity_load(directory_fd, path, &credential)); /* there is none in it */
        assert_true(public_key_equal(key_pair_public(file), key_pair_public(credential)));
        credential = key_pair_free(credential);

        write_file("credentials/identity",
                   "0101010101010101010101010101010101010101010101010101010101010101\n", 0440);
        assert_ok(identity_load(directory_fd, path, &credential));
        assert_false(public_key_equal(key_pair_public(file), key_pair_public(credential)));
}

static void test_invalid_key_is_not_replaced(void **state)
{
        static const char *const texts[] = { "", "garbage", "0101", "zz" };
        KeyPair *none = NULL;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                write_file("identity", texts[i], 0600);
                assert_err(identity_load(directory_fd, NULL, &none), -EINVAL);
        }
        write_file("identity", "0101010101010101010101010101010101010101010101010101010101010101", 0640);
        assert_err(identity_load(directory_fd, NULL, &none), -EPERM);
        assert_int_equal(unlinkat(directory_fd, "identity", 0), 0);
        assert_int_equal(symlinkat("/etc/hostname", directory_fd, "identity"), 0);
        assert_err(identity_load(directory_fd, NULL, &none), -ELOOP);
        assert_null(none);
}

int main(void)
{
#define identity_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                identity_test(test_key_is_created_once),
                identity_test(test_public_key_is_published),
                identity_test(test_credential_takes_precedence),
                identity_test(test_invalid_key_is_not_replaced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
