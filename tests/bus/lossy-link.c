/* SPDX-License-Identifier: MIT */
#include "lossy-link.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"

#define PAIRS_MAX 32
#define HELD_MSEC 20 /* from one look at the mode to the next */

/* A connection of the hub, and ours to the agent. */
typedef struct Pair {
        int hub_fd, agent_fd; /* -EBADF: ended */
        Text request;         /* what the hub has sent since the last answer */
        bool held;            /* the agent has not got it */
} Pair;

struct LossyLink {
        pthread_t thread;
        int listen_fd, stop_fd;
        struct sockaddr_in agent;
        _Atomic LossyMode mode;
        atomic_uint n_refused;
        Pair pairs[PAIRS_MAX];
};

static void pair_end(Pair *pair)
{
        pair->hub_fd = fd_close(pair->hub_fd);
        pair->agent_fd = fd_close(pair->agent_fd);
        text_done(&pair->request);
        pair->held = false;
}

static bool is_free(const Pair *pair)
{
        return pair->hub_fd < 0 && pair->agent_fd < 0;
}

static void accept_pair(LossyLink *link)
{
        int fd = accept4(link->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        Pair *pair = link->pairs;

        if (fd < 0)
                return;
        if (atomic_load(&link->mode) == LOSSY_AWAY) {
                (void) close(fd);
                atomic_fetch_add(&link->n_refused, 1);
                return;
        }

        while (!is_free(pair))
                assert_true(++pair < link->pairs + PAIRS_MAX);
        pair->hub_fd = fd;
        pair->agent_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(pair->agent_fd, (struct sockaddr *) &link->agent, sizeof link->agent) < 0)
                pair_end(pair);
}

/* Whether a run's header and body are there. */
static bool has_whole_request(const Text *text)
{
        const char *line = text->data ? strstr(text->data, "POST /v1/requests") : NULL;
        const char *length = line ? strstr(line, "Content-Length: ") : NULL;
        const char *body = line ? strstr(line, "\r\n\r\n") : NULL;

        return length && body && strlen(body + 4) >= strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static void write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n <= 0)
                        return;
                data += n;
                size -= (size_t) n;
        }
}

/* The agent gets what the hub sends; of a request that is lost, all or nothing. */
static void from_hub(LossyLink *link, Pair *pair)
{
        char piece[16384];
        ssize_t n = read(pair->hub_fd, piece, sizeof piece);
        LossyMode mode = atomic_load(&link->mode);

        if (n <= 0)
                return pair_end(pair);
        if (mode == LOSSY_DEAD)
                return;
        text_append_bytes(&pair->request, piece, (size_t) n);
        bool is_run = strstr(pair->request.data, "POST /v1/requests");
        if (is_run && mode == LOSSY_HOLD) {
                pair->held = true;
                atomic_store(&link->mode, LOSSY_HELD);
        }
        if (pair->held)
                return;
        if (!is_run || mode != LOSSY_NO_REQUEST)
                write_all(pair->agent_fd, piece, (size_t) n);
        if ((mode != LOSSY_NO_ANSWER && mode != LOSSY_NO_REQUEST) || !has_whole_request(&pair->request))
                return;

        atomic_store(&link->mode, LOSSY_AWAY);
        pair->hub_fd = fd_close(pair->hub_fd);
        if (mode == LOSSY_NO_REQUEST)
                pair_end(pair);
}

/* Also to its end where the hub is gone: otherwise the agent cancelled it. */
static void from_agent(Pair *pair)
{
        char piece[16384];
        ssize_t n = read(pair->agent_fd, piece, sizeof piece);

        if (n <= 0)
                return pair_end(pair);
        text_reset(&pair->request);
        if (pair->hub_fd >= 0)
                write_all(pair->hub_fd, piece, (size_t) n);
        else if (memmem(piece, (size_t) n, "\r\n0\r\n\r\n", 7))
                pair_end(pair);
}

static void release(LossyLink *link, bool drop)
{
        for (Pair *pair = link->pairs; pair < link->pairs + PAIRS_MAX; pair++)
                if (TAKE(pair->held, false)) {
                        if (drop)
                                pair_end(pair);
                        else
                                write_all(pair->agent_fd, pair->request.data, pair->request.size);
                }
}

static void *work(void *userdata)
{
        LossyLink *link = userdata;

        for (;;) {
                LossyMode mode = atomic_load(&link->mode);
                bool dead = mode == LOSSY_DEAD;
                struct pollfd polled[2 + 2 * PAIRS_MAX] = { { link->stop_fd, POLLIN, 0 },
                                                            { dead ? -1 : link->listen_fd, POLLIN, 0 } };

                for (size_t i = 0; i < PAIRS_MAX; i++) {
                        polled[2 + 2 * i] = (struct pollfd){ link->pairs[i].hub_fd, POLLIN, 0 };
                        polled[3 + 2 * i] = (struct pollfd){ link->pairs[i].agent_fd, POLLIN, 0 };
                }
                if (mode == LOSSY_PASS || mode == LOSSY_HOLD || mode == LOSSY_DROP)
                        release(link, mode == LOSSY_DROP);
                (void) poll(polled, ELEMENTSOF(polled), mode == LOSSY_HELD ? HELD_MSEC : -1);
                if (polled[0].revents != 0)
                        return NULL;
                for (size_t i = 0; i < PAIRS_MAX; i++)
                        if (polled[2 + 2 * i].revents != 0)
                                from_hub(link, &link->pairs[i]);
                        else if (polled[3 + 2 * i].revents != 0)
                                from_agent(&link->pairs[i]);
                if (polled[1].revents != 0)
                        accept_pair(link);
        }
}

LossyLink *lossy_link_new(RunWorld *world)
{
        LossyLink *link = calloc(1, sizeof *link);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;

        assert_non_null(link);
        for (size_t i = 0; i < PAIRS_MAX; i++)
                link->pairs[i] = (Pair){ .hub_fd = -EBADF, .agent_fd = -EBADF };
        assert_int_equal(getsockname(world->listen_fd, (struct sockaddr *) &link->agent, &size), 0);
        link->stop_fd = assert_ok(eventfd(0, EFD_CLOEXEC));
        link->listen_fd = assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        assert_int_equal(bind(link->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(link->listen_fd, 16), 0);
        assert_int_equal(getsockname(link->listen_fd, (struct sockaddr *) &address, &size), 0);
        (void) snprintf(world->port_variable, sizeof world->port_variable, "DEVBOX_AGENT_PORT=%u",
                        ntohs(address.sin_port));
        assert_int_equal(pthread_create(&link->thread, NULL, work, link), 0);
        return link;
}

LossyLink *lossy_link_free(LossyLink *link)
{
        assert_int_equal(eventfd_write(link->stop_fd, 1), 0);
        assert_int_equal(pthread_join(link->thread, NULL), 0);
        for (size_t i = 0; i < PAIRS_MAX; i++)
                pair_end(&link->pairs[i]);
        (void) close(link->listen_fd);
        (void) close(link->stop_fd);
        free(link);
        return NULL;
}

void lossy_link_set(LossyLink *link, LossyMode mode)
{
        atomic_store(&link->mode, mode);
        if (mode == LOSSY_DEAD)
                assert_int_equal(shutdown(link->listen_fd, SHUT_RDWR), 0);
}

LossyMode lossy_link_mode(const LossyLink *link)
{
        return atomic_load(&link->mode);
}

void lossy_link_wait_refused(const LossyLink *link)
{
        unsigned before = atomic_load(&link->n_refused);

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20 && atomic_load(&link->n_refused) == before; i++)
                (void) usleep(50000);
        assert_true(atomic_load(&link->n_refused) > before);
}
