/* SPDX-License-Identifier: MIT */
/* Messages on a socket pair. */

#include "proto/worker-channel.h"

#include <sys/socket.h>

#include "basic/fd.h"
#include "test.h"

/* The peer closes with a message unread: ECONNRESET comes ahead of what it had sent. */
static void test_the_end_of_a_peer_that_was_cancelled(void **state)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;
        int fds[2];

        assert_ok(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
        assert_ok(channel_send(fds[0], CHANNEL_STDOUT, bytes_of_string("out")));
        assert_ok(channel_send(fds[0], CHANNEL_END, bytes_of_string("end")));
        assert_ok(channel_send(fds[1], CHANNEL_CANCEL, BYTES_NULL));
        (void) fd_close(fds[0]);

        assert_ok(channel_receive(fds[1], &type, buffer, &size));
        assert_int_equal(type, CHANNEL_STDOUT);
        assert_ok(channel_receive(fds[1], &type, buffer, &size));
        assert_int_equal(type, CHANNEL_END);
        assert_int_equal(size, 3);
        assert_memory_equal(buffer, "end", size);
        assert_int_equal(channel_receive(fds[1], &type, buffer, &size), -ECONNRESET);
        (void) fd_close(fds[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_end_of_a_peer_that_was_cancelled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
