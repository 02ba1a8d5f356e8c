/* SPDX-License-Identifier: MIT */
/* 25, 26: fs.list, fs.read and fs.write below a root in which an attacker exchanges directories and files
 * for links to what lies outside, all the time: no operation reads, lists or changes anything there.
 * $DEVBOX_RACES: how many operations. */

#include "job-world.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"

#define N_RACES 100000
#define SECRET  "what lies outside"

typedef struct RaceWorld {
        char directory[40]; /* holds root/ and outside/ */
        int fd;
        char root_path[48];
        PathRoot root;
        Capability capability;
        Request request;
        PathRoots roots;
        int channel_fds[2];
        atomic_bool stop;
        pthread_t attacker;
        size_t n_done, n_denied, n_naive_escapes;
} RaceWorld;

/* ---- the attacker */

static void *attack(void *userdata)
{
        static const char *const pairs[][2] = {
                { "root/sub", "root/link" },               /* a directory and a link to outside/ */
                { "root/sub/file", "root/sub/file-link" }, /* a file and a link to outside/file */
                { "root/sub/file", "root/sub/hard" },      /* … and a second name of it */
                { "root/a/b", "root/up" },                 /* a directory and a link to .. */
        };
        RaceWorld *world = userdata;

        for (size_t i = 0; !atomic_load(&world->stop); i = (i + 1) % ELEMENTSOF(pairs)) {
                (void) renameat2(world->fd, pairs[i][0], world->fd, pairs[i][1], RENAME_EXCHANGE);
                (void) unlinkat(world->fd, "root/sub/target", 0);
                if (i % 2 == 0)
                        (void) symlinkat("../../outside/file", world->fd, "root/sub/target");
                else
                        (void) linkat(world->fd, "outside/file", world->fd, "root/sub/target", 0);
        }
        return NULL;
}

/* ---- the world */

static void put(const RaceWorld *world, const char *path, const char *text)
{
        _cleanup_(fd_closep) int fd = openat(world->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert_ok(fd);
        assert_ok(fd_write_all(fd, bytes_of_string(text)));
}

static void plant(const RaceWorld *world)
{
        static const char *const directories[] = { "root", "outside", "root/sub", "root/a", "root/a/b" };

        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                assert_int_equal(mkdirat(world->fd, directories[i], 0700), 0);
        put(world, "outside/file", SECRET);
        put(world, "outside/secret-name", SECRET);
        put(world, "root/sub/file", "inside");
        put(world, "root/a/b/file", "inside");
        assert_int_equal(symlinkat("../outside", world->fd, "root/link"), 0);
        assert_int_equal(symlinkat("../../outside/file", world->fd, "root/sub/file-link"), 0);
        assert_int_equal(symlinkat("..", world->fd, "root/up"), 0);
        assert_int_equal(linkat(world->fd, "outside/file", world->fd, "root/sub/hard", 0), 0);
}

static int up(void **state)
{
        RaceWorld *world = calloc(1, sizeof *world);

        /* A file system in memory: fs.write syncs. */
        assert_non_null(world);
        (void) snprintf(world->directory, sizeof world->directory, "%s/devbox-race-XXXXXX",
                        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(world->directory));
        world->fd = assert_ok(open(world->directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
        plant(world);
        (void) snprintf(world->root_path, sizeof world->root_path, "%s/root", world->directory);
        world->root = (PathRoot){ .name = (char *) "home", .path = world->root_path };
        world->roots.items = &world->root;
        world->roots.n = 1;
        world->capability = (Capability){ .timeout_s = 30, .max_output = 65536, .max_bytes = 65536 };
        assert_int_equal(
                socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, world->channel_fds),
                0);
        assert_int_equal(pthread_create(&world->attacker, NULL, attack, world), 0);
        *state = world;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
        return remove(path);
}

static int down(void **state)
{
        RaceWorld *world = *state;

        atomic_store(&world->stop, true);
        assert_int_equal(pthread_join(world->attacker, NULL), 0);
        for (size_t i = 0; i < 2; i++)
                (void) fd_close(world->channel_fds[i]);
        (void) fd_close(world->fd);
        assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

/* ---- what must hold after each operation */

/* Receives what the operation has sent. */
static void check_output(const RaceWorld *world)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX + 1];
        ChannelType type;
        size_t size;

        while (channel_receive(world->channel_fds[1], &type, buffer, &size) == 0) {
                buffer[size] = '\0';
                if (strstr((char *) buffer, SECRET) || strstr((char *) buffer, "secret-name"))
                        fail_msg("escaped: %s", buffer);
        }
}

/* Nothing was created or changed there. */
static void check_outside(const RaceWorld *world)
{
        struct stat st;

        assert_int_equal(fstatat(world->fd, "outside/file", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_size, strlen(SECRET));
        assert_int_equal(faccessat(world->fd, "outside/new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(faccessat(world->fd, "new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void operate(RaceWorld *world, size_t i)
{
        static const struct {
                JobFunction run;
                const char *path;
        } operations[] = {
                { fs_read_run, "sub/file" },  { fs_list_run, "sub" }, { fs_write_run, "sub/new" },
                { fs_read_run, "link/file" }, { fs_list_run, "a/b" }, { fs_write_run, "sub/target" },
                { fs_read_run, "a/b/file" },  { fs_list_run, "up" },  { fs_write_run, "a/b/new" },
        };
        const size_t which = i % ELEMENTSOF(operations);
        const Job job = { .request = &world->request,
                          .capability = &world->capability,
                          .roots = &world->roots };
        JobOutcome outcome = { .exit_code = -1 };
        Output output;

        world->request.arguments = (Arguments){ .root = (char *) "home",
                                                .path = (char *) operations[which].path,
                                                .write_mode = WRITE_REPLACE,
                                                .content = { (uint8_t *) "changed", 7 } };
        output_init(&output, world->channel_fds[0], job_output_max(&job));
        assert_ok(operations[which].run(&job, &output, &outcome));
        check_output(world);
        if (operations[which].run == fs_write_run)
                check_outside(world);
        world->n_done += outcome.status == RESULT_FINISHED && outcome.exit_code == 0;
        world->n_denied += outcome.reason == DEVBOX_ERROR_PATH_DENIED;
}

/* The control: what a program without openat2() reads. */
static void read_naively(RaceWorld *world)
{
        _cleanup_(freep) char *text = NULL;

        if (fd_read_file_at(world->fd, "root/sub/file", 4096, &text, NULL) >= 0)
                world->n_naive_escapes += streq(text, SECRET);
}

static void test_nothing_escapes(void **state)
{
        const char *n = getenv("DEVBOX_RACES");
        RaceWorld *world = *state;

        for (size_t i = 0; i < (n ? strtoul(n, NULL, 10) : N_RACES); i++) {
                operate(world, i);
                if (i % 50 == 0)
                        read_naively(world);
        }
        check_outside(world);
        print_message("%zu done, %zu denied; naive: %zu escapes\n", world->n_done, world->n_denied,
                      world->n_naive_escapes);
        assert_true(world->n_done > 0 && world->n_denied > 0 && world->n_naive_escapes > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_escapes, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
