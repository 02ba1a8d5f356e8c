/* SPDX-License-Identifier: MIT */
/* What an answer shows while its command runs, and how often. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "chat-world.h"
#include "files.h"

/* The promise, not the header's: that may not shrink unseen. */
#define FIRST_USEC (1 * USEC_PER_SEC)
#define NEXT_USEC  (2 * USEC_PER_SEC)

#define N_EDITS 3

/* A pipe whose other end `cat` reads: ours has both, so that it sees no end. */
static int make_pipe(const ChatWorld *world, char **ret_line)
{
        _cleanup_(freep) char *path = text_of("%s/pipe", world->run->directory);

        assert_int_equal(mkfifo(path, 0600), 0);
        *ret_line = text_of("!exec cat %s", path);
        return assert_ok(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

/* One that prints nothing has one message while it runs, and its end. */
static void test_silent(void **state)
{
        ChatWorld *world = *state;
        _cleanup_(freep) char *line = NULL;
        _cleanup_(fd_closep) int fd = make_pipe(world, &line);

        peer_say(world->ana, ROOM, line);
        CHAT_UNTIL(world, chat_read(world, "%⏳ dev-a · cat · %") == 1);
        usec_t edited = deadline_after(2 * NEXT_USEC);
        CHAT_UNTIL(world, deadline_left(edited) == 0);
        fd = fd_close(fd);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%cat%exit 0%") == 1);
        assert_int_equal(chat_read(world, "%dev-a%cat%"), 2);
}

/* As much as cat has room for. */
static bool print(int fd)
{
        ssize_t n = write(fd, "x\n", 2);

        assert_true(n == 2 || errno == EAGAIN);
        return true;
}

/* One that prints all the time is edited no more often than it may be. Counted from before the command: an
 * edit that a busy machine delays does not bring the next one forward. */
static void test_output_arrives(void **state)
{
        ChatWorld *world = *state;
        _cleanup_(freep) char *line = NULL;
        _cleanup_(fd_closep) int fd = make_pipe(world, &line);

        usec_t began_usec = time_now(CLOCK_MONOTONIC);
        peer_say(world->ana, ROOM, line);
        for (unsigned i = 0; i < N_EDITS; i++) {
                CHAT_UNTIL(world, print(fd) && chat_read(world, "%⏳ dev-a · cat · %") > i);
                assert_true(time_now(CLOCK_MONOTONIC) - began_usec >= FIRST_USEC + i * NEXT_USEC);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                chat_world_test(test_silent),
                chat_world_test(test_output_arrives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
