/* SPDX-License-Identifier: MIT */
/* What devbox-matrix leaves behind, killed in the middle of its work, searched for its secrets: the access
 * token, the words of a conversation, and the private halves of all keys, as bytes, base64 and hexadecimal.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <olm/olm.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>

#include "basic/fd.h"
#include "chat-world.h"
#include "codec/binary-text.h"
#include "e2ee/account.h"
#include "e2ee/cross-signing-keys.h"
#include "files.h"
#include "matrix/schema.h"
#include "run-calls.h"
#include "trust/sealed-file.h"

#define FILE_MAX     (64 * 1024 * 1024)
#define N_FILES_MAX  8
#define RATCHET_SIZE 128 /* of Megolm, behind a version and an index */

/* ---- what is searched */

typedef struct File {
        char name[NAME_MAX + 1];
        char *content;
        size_t size;
} File;

static struct Remains {
        File files[N_FILES_MAX];
        size_t n_files;
} remains;

static void add_file(const char *name, char *take_content, size_t size)
{
        File *file = &remains.files[remains.n_files++];

        assert_true(remains.n_files <= N_FILES_MAX);
        (void) snprintf(file->name, sizeof file->name, "%s", name);
        file->content = take_content;
        file->size = size;
}

/* All that is in its directory, but what opens it, which is systemd's where there are credentials. */
static void read_files(const char *path)
{
        DIR *directory = opendir(path);
        struct dirent *entry;

        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                char *content = NULL;
                size_t size;

                if (entry->d_name[0] == '.' || streq(entry->d_name, "seal"))
                        continue;
                assert_ok(fd_read_file_at(dirfd(directory), entry->d_name, FILE_MAX, &content, &size));
                add_file(entry->d_name, content, size);
        }
        (void) closedir(directory);
}

static const char *find(const void *needle, size_t size)
{
        for (size_t i = 0; i < remains.n_files; i++)
                if (memmem(remains.files[i].content, remains.files[i].size, needle, size))
                        return remains.files[i].name;
        return NULL;
}

/* Where the bytes are in one of the ways that people write them. In a longer base64 they begin at any of
 * three places in a group. */
static const char *find_secret(Bytes secret)
{
        char text[HEX_SIZE(RATCHET_SIZE)];

        assert_true(secret.size >= 16 && secret.size <= RATCHET_SIZE);
        const char *where = find(secret.data, secret.size);
        hex_format(secret, text);
        where = where ?: find(text, strlen(text));
        for (size_t i = 0; !where && i < 3; i++) {
                base64_unpadded_format(BYTES(secret.data + i, (secret.size - i) / 3 * 3), text);
                where = find(text, strlen(text));
        }
        return where;
}

static void expect_absent(const char *what, Bytes secret)
{
        const char *where = find_secret(secret);

        if (where)
                fail_msg("%s is in %s", what, where);
}

/* ---- the secrets */

/* libolm keeps the private half of a pair behind the public one. */
static Bytes private_half(const void *object, size_t object_size, const char *public_text)
{
        uint8_t public[32];

        assert_ok(base64_decode_exact(public_text, public, sizeof public));
        const uint8_t *at = memmem(object, object_size, public, sizeof public);
        assert_non_null(at);
        return BYTES(at + sizeof public, 32);
}

static void check_account(E2ee *e2ee)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        uint8_t public[32];
        PublicKey ours;

        assert_ok(account_load(e2ee, &account));
        Bytes curve25519 = private_half(account, olm_account_size(), e2ee_curve25519(e2ee));
        assert_int_equal(crypto_scalarmult_base(public, curve25519.data), 0);
        assert_ok(base64_decode_exact(e2ee_curve25519(e2ee), &ours, sizeof ours));
        assert_memory_equal(public, &ours, sizeof public); /* it is the private half */
        expect_absent("the private key of the device", curve25519);
        expect_absent("the signing key of the device",
                      private_half(account, olm_account_size(), e2ee_ed25519(e2ee)));
}

static void check_cross_signing(E2ee *e2ee)
{
        static const char *const usages[] = { "master", "self_signing", "user_signing" };

        for (size_t i = 0; i < ELEMENTSOF(usages); i++) {
                _cleanup_(key_pair_freep) KeyPair *pair = NULL;

                assert_int_equal(assert_ok(cross_signing_load_pair(e2ee, usages[i], &pair)), 1);
                expect_absent(usages[i], secret_bytes(key_pair_seed(pair)));
        }
}

/* With an inbound session go all messages of a room from its first index on. */
static void check_session(const char *pickle, const Secret *key)
{
        _cleanup_(ratchet_inbound_freep) RatchetInbound *session = NULL;
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        assert_ok(ratchet_inbound_load(key, pickle, &session));
        OlmInboundGroupSession *olm = (OlmInboundGroupSession *) session;
        _cleanup_(freep) char *text = calloc(1, olm_export_inbound_group_session_length(olm) + 1);
        assert_non_null(text);
        assert_int_not_equal(olm_export_inbound_group_session(olm, (uint8_t *) text,
                                                              olm_export_inbound_group_session_length(olm),
                                                              ratchet_inbound_first_index(session)),
                             olm_error());
        assert_ok(base64_unpadded_parse(text, 4096, &bytes, &size));
        expect_absent("a key of a room", BYTES(bytes + 1 + 4, RATCHET_SIZE));
}

static void check_sessions(E2ee *e2ee)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        unsigned n = 0;

        assert_ok(query(e2ee->database, &rows, "SELECT pickle FROM megolm_in", ""));
        for (; assert_ok(statement_step(rows)) > 0; n++)
                check_session(statement_text(rows, 0), e2ee->pickle_key);
        assert_true(n > 2); /* its own, and Ana's */
}

/* ---- the test */

static int64_t now_ms(void *userdata)
{
        return 0;
}

static void check_store(const char *directory)
{
        _cleanup_(fd_closep) int directory_fd =
                assert_ok(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        _cleanup_(secret_freep) Secret *seal = NULL, *key = NULL;
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(freep) char *path = text_of("%s/matrix.db", directory);
        _cleanup_(e2ee_closep) E2ee *e2ee = NULL;

        assert_ok(seal_load(directory_fd, NULL, &seal));
        assert_ok(seal_derive(seal, "matrix.db", &key));
        assert_ok(matrix_database_open(path, &database));
        assert_ok(e2ee_open(&(E2eeOptions){ .database = database,
                                            .pickle_key = key,
                                            .user_id = BOT,
                                            .device_id = "BOT",
                                            .now_ms = now_ms,
                                            .pinned_only = true },
                            &e2ee));
        expect_absent("the key of the store", secret_bytes(key));
        check_account(e2ee);
        check_cross_signing(e2ee);
        check_sessions(e2ee);
}

static void test_secrets(void **state)
{
        static const char *const words[] = { "syt_secret", "plain words", "\"session_key\"" };
        ChatWorld *world = *state;
        const char *directory = strchr(world->directory_variable, '=') + 1;

        peer_say(world->ana, ROOM, "plain words");
        peer_say(world->ana, ROOM, "!exec ls -- /home");
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        test_daemon_signal(world->matrix, SIGKILL);
        (void) test_daemon_wait(world->matrix);

        read_files(directory);
        char *log = test_bus_read_log(world->run->ledger->bus, "org.devbox.Matrix1");
        add_file("the journal", log, strlen(log));
        assert_non_null(find("CREATE TABLE", strlen("CREATE TABLE")));
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (find(words[i], strlen(words[i])))
                        fail_msg("%s is in %s", words[i], find(words[i], strlen(words[i])));
        check_store(directory);
}

/* A secret would be found. */
static void test_search(void **state)
{
        uint8_t secret[32], longer[sizeof secret + 3] = { 0 };

        randombytes_buf(secret, sizeof secret);
        for (size_t i = 0; i < 5; i++) {
                char *text = calloc(1, 128);

                assert_non_null(text);
                remains = (struct Remains){ .n_files = 0 };
                memcpy(longer + i % 3, secret, sizeof secret);
                if (i < 3)
                        base64_format(BYTES_OF(longer), text);
                else if (i == 3)
                        hex_format(BYTES_OF(secret), text);
                else
                        memcpy(text, secret, sizeof secret);
                assert_null(find_secret(BYTES_OF(secret)));
                add_file("text", text, 128);
                assert_string_equal(find_secret(BYTES_OF(secret)), "text");
                free(text);
        }
        remains = (struct Remains){ .n_files = 0 };
}

static int down(void **state)
{
        for (size_t i = 0; i < remains.n_files; i++)
                free(remains.files[i].content);
        return chat_world_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_search),
                cmocka_unit_test_setup_teardown(test_secrets, chat_world_up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
