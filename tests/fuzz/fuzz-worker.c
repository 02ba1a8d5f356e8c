/* SPDX-License-Identifier: MIT */
/* What an agent sends to a worker, as messages of two bytes length, big-endian, and so many bytes: without a
 * permit of the ledger nothing is run, and no end is sent. */

#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "worker/worker.h"

static void send_messages(int fd, const uint8_t *data, size_t size)
{
        while (size >= 2) {
                size_t length = MIN((size_t) data[0] << 8 | data[1], size - 2);

                if (length > 0 && send(fd, data + 2, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        return;
                data += 2 + length;
                size -= 2 + length;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const PublicKey key = { { 9 } };
        static const Ceiling ceiling = { .units = { NULL, 0 } };
        const WorkerMachine machine = { .device_key = &key, .ceiling = &ceiling };
        uint8_t message[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t length;
        int fds[2];

        fuzz_check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
        send_messages(fds[1], data, size);
        fuzz_check(shutdown(fds[1], SHUT_WR) == 0);
        fuzz_check(worker_serve(&worker_kinds[size > 0 ? data[0] % 3 : 0], &machine, fds[0]) != 0);
        (void) close(fds[0]);

        /* Only its hello. */
        fuzz_check(channel_receive(fds[1], &type, message, &length) == 0 && type == CHANNEL_HELLO);
        fuzz_check(channel_receive(fds[1], &type, message, &length) == -ECONNRESET);
        (void) close(fds[1]);
        return 0;
}
