/* SPDX-License-Identifier: MIT */
/* The connection to a worker that this test plays. */

#include "agent/worker-link.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

typedef struct Owner {
        sd_event *event;
        unsigned n_ends;
} Owner;

static void on_message(ChannelType type, Bytes payload, void *userdata)
{
        Owner *owner = userdata;

        assert_int_equal(type, CHANNEL_END);
        owner->n_ends++;
}

static void on_closed(int error, void *userdata)
{
        assert_ok(sd_event_exit(((Owner *) userdata)->event, 0));
}

static void cancel(WorkerLink *link)
{
        assert_ok(worker_link_cancel(link));
        assert_ok(worker_link_pause(link, false));
}

static void pause_link(WorkerLink *link)
{
        assert_ok(worker_link_pause(link, true));
}

/* The worker has sent its end and closed when the agent does this: it gets the end nevertheless. */
static void check_after_the_end(void (*act)(WorkerLink *link))
{
        static const WorkerLinkHandlers handlers = { .on_message = on_message, .on_closed = on_closed };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char directory[] = "/tmp/devbox-worker-link-XXXXXX";
        Owner owner = { .n_ends = 0 };
        WorkerLink *link = NULL;

        assert_ptr_not_equal(mkdtemp(directory), NULL);
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
        int socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_ok(bind(socket_fd, (const struct sockaddr *) &address, sizeof address));
        assert_ok(listen(socket_fd, 1));

        assert_ok(sd_event_new(&owner.event));
        assert_ok(worker_link_new(owner.event, address.sun_path, &handlers, &owner, &link));
        int worker_fd = accept4(socket_fd, NULL, NULL, SOCK_CLOEXEC);
        assert_ok(channel_send(worker_fd, CHANNEL_END, bytes_of_string("end")));
        (void) fd_close(worker_fd);

        act(link);
        assert_ok(sd_event_loop(owner.event));
        assert_int_equal(owner.n_ends, 1);

        worker_link_free(link);
        sd_event_unref(owner.event);
        (void) fd_close(socket_fd);
        assert_ok(unlink(address.sun_path));
        assert_ok(rmdir(directory));
}

static void test_cancel_after_the_end(void **state)
{
        check_after_the_end(cancel);
}

static void test_paused_at_the_end(void **state)
{
        check_after_the_end(pause_link);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cancel_after_the_end),
                cmocka_unit_test(test_paused_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
