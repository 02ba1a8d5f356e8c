/* SPDX-License-Identifier: MIT */
/* Keys at rest: what is written opens again, and only under its own name and seal. */

#include "trust/sealed-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "test.h"

typedef struct Fixture {
        char path[64];
        int directory;
        Secret *seal;
} Fixture;

static int setup(void **state)
{
        Fixture *fixture = calloc(1, sizeof *fixture);

        assert_non_null(fixture);
        (void) snprintf(fixture->path, sizeof fixture->path, "/tmp/devbox-sealed-XXXXXX");
        assert_non_null(mkdtemp(fixture->path));
        fixture->directory = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->directory >= 0);
        assert_ok(seal_load(fixture->directory, NULL, &fixture->seal));
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        static const char *const names[] = { "seal", "a.key", "b.key" };
        Fixture *fixture = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlinkat(fixture->directory, names[i], 0);
        (void) fd_close(fixture->directory);
        (void) rmdir(fixture->path);
        secret_free(fixture->seal);
        free(fixture);
        return 0;
}

static void assert_equal(const Secret *a, const Secret *b)
{
        assert_true(bytes_equal(secret_bytes(a), secret_bytes(b)));
}

static void test_key_is_created_once(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(secret_freep) Secret *seal = NULL, *first = NULL, *second = NULL;

        assert_ok(seal_load(fixture->directory, NULL, &seal));
        assert_equal(seal, fixture->seal);
        assert_err(sealed_file_read(fixture->directory, "a.key", seal, &first), -ENOENT);
        assert_ok(sealed_file_load(fixture->directory, "a.key", seal, &first));
        assert_ok(sealed_file_load(fixture->directory, "a.key", seal, &second));
        assert_equal(first, second);
}

static void test_the_file_does_not_hold_the_key(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(secret_freep) Secret *key = NULL;
        _cleanup_(freep) char *text = NULL;
        struct stat st;
        size_t size;

        assert_ok(sealed_file_load(fixture->directory, "a.key", fixture->seal, &key));
        assert_ok(fd_read_file_at(fixture->directory, "a.key", 4096, &text, &size));
        assert_null(memmem(text, size, secret_bytes(key).data, 8));
        assert_int_equal(fstatat(fixture->directory, "a.key", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

/* What else must not open. */
static void test_rejects(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(secret_freep) Secret *key = NULL, *other = NULL, *small = NULL, *read = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_ok(sealed_file_load(fixture->directory, "a.key", fixture->seal, &key));
        assert_ok(secret_new_random(SEALED_KEY_SIZE, &other));
        assert_err(sealed_file_read(fixture->directory, "a.key", other, &read), -EBADMSG);

        assert_ok(fd_read_file_at(fixture->directory, "a.key", 4096, &text, &size));
        assert_ok(file_write_at(fixture->directory, "b.key", FILE_REPLACE, 0600, BYTES(text, size)));
        assert_err(sealed_file_read(fixture->directory, "b.key", fixture->seal, &read), -EBADMSG);
        for (size_t i = 0; i < size; i++) {
                text[i] ^= 1;
                assert_ok(file_write_at(fixture->directory, "a.key", FILE_REPLACE, 0600, BYTES(text, size)));
                assert_err(sealed_file_read(fixture->directory, "a.key", fixture->seal, &read), -EBADMSG);
                text[i] ^= 1;
        }
        for (size_t i = 0; i < size; i++) {
                assert_ok(file_write_at(fixture->directory, "a.key", FILE_REPLACE, 0600, BYTES(text, i)));
                assert_err(sealed_file_read(fixture->directory, "a.key", fixture->seal, &read), -EBADMSG);
        }

        assert_ok(file_write_at(fixture->directory, "a.key", FILE_REPLACE, 0640, BYTES(text, size)));
        assert_err(sealed_file_read(fixture->directory, "a.key", fixture->seal, &read), -EPERM);
        assert_ok(secret_new_random(SEALED_KEY_SIZE - 1, &small));
        assert_err(sealed_file_write(fixture->directory, "a.key", fixture->seal, small), -EINVAL);
        assert_null(read);
}

static void test_credential_takes_precedence(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(secret_freep) Secret *seal = NULL;
        char credentials[96], path[128];

        (void) snprintf(credentials, sizeof credentials, "%s/credentials", fixture->path);
        (void) snprintf(path, sizeof path, "%s/seal", credentials);
        assert_int_equal(mkdir(credentials, 0700), 0);
        assert_ok(seal_load(fixture->directory, credentials, &seal));
        assert_equal(seal, fixture->seal);

        uint8_t bytes[SEALED_KEY_SIZE] = { 7 };
        assert_ok(file_write(path, FILE_NEW, 0440, BYTES_OF(bytes)));
        seal = secret_free(seal);
        assert_ok(seal_load(fixture->directory, credentials, &seal));
        assert_true(bytes_equal(secret_bytes(seal), BYTES_OF(bytes)));
        assert_ok(file_write(path, FILE_REPLACE, 0440, BYTES(bytes, sizeof bytes - 1)));
        assert_err(seal_load(fixture->directory, credentials, &seal), -EINVAL);

        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(credentials), 0);
}

static void test_a_readable_seal_is_rejected(void **state)
{
        const Fixture *fixture = *state;
        Secret *seal = NULL;

        assert_int_equal(fchmodat(fixture->directory, "seal", 0604, 0), 0);
        assert_err(seal_load(fixture->directory, NULL, &seal), -EPERM);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_key_is_created_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_file_does_not_hold_the_key, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rejects, setup, teardown),
                cmocka_unit_test_setup_teardown(test_credential_takes_precedence, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_readable_seal_is_rejected, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
