/* SPDX-License-Identifier: MIT */

/* What the benchmark times that Python would be too slow for. One verb a run, one JSON object as the answer.
 *
 *   probe start N PORT PATH CMD...     from fork to the first 200 of the server CMD, N times
 *   probe first N PORT PATH            from connect() to the first byte of the answer, a connection each
 *   probe hammer MSEC PORT PATH        a connection per request, one after the other, for so long:
 *                                      what failed
 *   probe call N NAME OBJECT INTERFACE MEMBER
 *                                      round trips of a method without arguments on the system bus
 *   probe spawn N CMD...               CPU time of a child process, user and kernel
 *   probe run N CMD...                 each time from its start to its end, in microseconds
 *   probe output CMD...                what it prints: to the first byte, to the end, how much, and the CPU
 *                                      time of the command
 *   probe sync N FILE                  4 KiB more in the file, and fdatasync()
 *   probe hash N                       MiB of libsodium's SHA-256 per second on one core, the best of N
 * rounds
 *
 * Times are in microseconds. No verb takes care of CPUs or priorities: taskset(1) and nice(1) do. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_LIMIT_SEC 20

extern char **environ;

static double now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void die(const char *what, const char *why)
{
        fprintf(stderr, "probe: %s: %s\n", what, why);
        exit(EXIT_FAILURE);
}

/* ---- samples */

static double *samples;
static size_t n_samples;

static void samples_begin(const char *n_max)
{
        samples = calloc(strtoul(n_max, NULL, 10), sizeof *samples);
        if (!samples)
                die(n_max, strerror(errno));
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static void samples_print(void)
{
        double sum = 0;

        qsort(samples, n_samples, sizeof *samples, compare);
        for (size_t i = 0; i < n_samples; i++)
                sum += samples[i];
        printf("{\"n\":%zu,\"min_us\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
               "\"mean_us\":%.1f}\n",
               n_samples, samples[0], samples[n_samples / 2], samples[n_samples * 99 / 100],
               samples[n_samples - 1], sum / (double) n_samples);
}

/* ---- HTTP */

/* One request on a connection of its own, up to the first bytes of the answer. Returns the HTTP status, or
 * -errno; an answer that ends before its status is -ECONNRESET. */
static int ask(int port, const char *path)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct timeval limit = { .tv_sec = ANSWER_LIMIT_SEC };
        char text[512];
        ssize_t n;
        int r = 0, fd;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;

        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
                     path, port);
        if (connect(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            send(fd, text, n, MSG_NOSIGNAL) < 0)
                r = -errno;
        else {
                n = recv(fd, text, sizeof text - 1, 0);
                text[n > 0 ? n : 0] = 0;
                if (n < 0)
                        r = -errno;
                else if (sscanf(text, "HTTP/1.%*d %d", &r) != 1)
                        r = -ECONNRESET;
        }

        close(fd);
        return r;
}

static void start_once(char **argv)
{
        double started = now_usec();
        pid_t pid = fork();

        if (pid == 0) {
                if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
                        _exit(126);
                execvp(argv[2], argv + 2);
                _exit(127);
        }

        while (ask(atoi(argv[0]), argv[1]) != 200) {
                if (waitpid(pid, NULL, WNOHANG) == pid || now_usec() - started > ANSWER_LIMIT_SEC * 1e6)
                        die(argv[2], "gave no 200");
                usleep(100);
        }
        samples[n_samples++] = now_usec() - started;

        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
}

static void verb_start(int argc, char **argv)
{
        samples_begin(argv[0]);
        for (int i = atoi(argv[0]); i > 0; i--) {
                start_once(argv + 1);
                usleep(20000);
        }
        samples_print();
}

static void verb_first(int argc, char **argv)
{
        samples_begin(argv[0]);
        for (int i = atoi(argv[0]); i > 0; i--) {
                double started = now_usec();

                if (ask(atoi(argv[1]), argv[2]) != 200)
                        die(argv[2], "no 200");
                samples[n_samples++] = now_usec() - started;
        }
        samples_print();
}

/* longest_gap_us: the longest time without an answer of 200, which is what a client sees of a restart. */
static void verb_hammer(int argc, char **argv)
{
        double now = now_usec(), end = now + atof(argv[0]) * 1e3, answered = now, gap = 0;
        unsigned n_ok = 0, n_refused = 0, n_reset = 0, n_bad = 0;

        for (; now < end; now = now_usec()) {
                int r = ask(atoi(argv[1]), argv[2]);

                if (r == 200) {
                        now = now_usec();
                        gap = now - answered > gap ? now - answered : gap;
                        answered = now;
                        n_ok++;
                        continue;
                }

                if (r == -ECONNREFUSED)
                        n_refused++;
                else if (r < 0)
                        n_reset++;
                else
                        n_bad++;
                usleep(1000);
        }

        printf("{\"ok\":%u,\"refused\":%u,\"reset\":%u,\"bad\":%u,\"longest_gap_us\":%.0f}\n", n_ok,
               n_refused, n_reset, n_bad, gap);
}

/* ---- D-Bus and processes */

static void verb_call(int argc, char **argv)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;
        int r;

        samples_begin(argv[0]);
        r = sd_bus_open_system(&bus);
        if (r < 0)
                die("system bus", strerror(-r));

        for (int i = atoi(argv[0]); i > 0; i--) {
                sd_bus_message *reply = NULL;
                double started = now_usec();

                r = sd_bus_call_method(bus, argv[1], argv[2], argv[3], argv[4], &error, &reply, "");
                if (r < 0)
                        die(argv[4], error.message ? error.message : strerror(-r));
                samples[n_samples++] = now_usec() - started;
                sd_bus_message_unref(reply);
        }
        sd_bus_flush_close_unref(bus);
        samples_print();
}

static double cpu_of_children_usec(void)
{
        struct rusage u;

        getrusage(RUSAGE_CHILDREN, &u);
        return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void verb_spawn(int argc, char **argv)
{
        int n = atoi(argv[0]), r;
        pid_t pid;

        if (!freopen("/dev/null", "w", stderr))
                die("/dev/null", strerror(errno));
        for (int i = 0; i < n; i++) {
                posix_spawn_file_actions_t actions;

                posix_spawn_file_actions_init(&actions);
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
                r = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
                if (r)
                        die(argv[1], strerror(r));
                waitpid(pid, NULL, 0);
                posix_spawn_file_actions_destroy(&actions);
        }
        printf("{\"n\":%d,\"cpu_us\":%.1f}\n", n, cpu_of_children_usec() / n);
}

/* Returns the end of a pipe that the standard output of the command is connected to. */
static int start_command(char **argv, pid_t *ret_pid)
{
        posix_spawn_file_actions_t actions;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                die("pipe", strerror(errno));
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
        r = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
        if (r)
                die(argv[0], strerror(r));
        posix_spawn_file_actions_destroy(&actions);
        close(fds[1]);
        return fds[0];
}

/* Reads all of its output. Returns its size and when the first byte of it was read. */
static size_t follow_command(char **argv, double *ret_first_usec)
{
        static char buffer[256 * 1024];
        size_t size = 0;
        ssize_t n;
        int status;
        pid_t pid;
        int fd = start_command(argv, &pid);

        while ((n = read(fd, buffer, sizeof buffer)) > 0) {
                if (size == 0)
                        *ret_first_usec = now_usec();
                size += (size_t) n;
        }
        close(fd);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                die(argv[0], "failed");
        return size;
}

static void verb_run(int argc, char **argv)
{
        double first;

        for (int i = 0, n = atoi(argv[0]); i < n; i++) {
                double started = now_usec();

                follow_command(argv + 1, &first);
                printf("%s%.0f", i == 0 ? "{\"us\":[" : ",", now_usec() - started);
                usleep(20000);
        }
        puts("]}");
}

static void verb_output(int argc, char **argv)
{
        double started = now_usec(), first = started;
        size_t size = follow_command(argv, &first);

        printf("{\"first_us\":%.0f,\"us\":%.0f,\"bytes\":%zu,\"cpu_us\":%.0f}\n", first - started,
               now_usec() - started, size, cpu_of_children_usec());
}

/* ---- the disk */

static void verb_sync(int argc, char **argv)
{
        static const char page[4096];
        int fd = open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC);

        if (fd < 0)
                die(argv[1], strerror(errno));

        samples_begin(argv[0]);
        for (int i = atoi(argv[0]); i > 0; i--) {
                double started = now_usec();

                if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) < 0)
                        die(argv[1], strerror(errno));
                samples[n_samples++] = now_usec() - started;
        }
        close(fd);
        samples_print();
}

/* ---- the processor */

/* Rounds of 16 blocks, 1 MiB: short enough to have some without interruption. */
static void verb_hash(int argc, char **argv)
{
        static unsigned char block[64 * 1024], digest[crypto_hash_sha256_BYTES];
        double best = 0;

        for (int i = atoi(argv[0]); i > 0; i--) {
                double started = now_usec(), mib_per_s;

                for (int j = 0; j < 16; j++) {
                        crypto_hash_sha256(digest, block, sizeof block);
                        memcpy(block, digest, sizeof digest);
                }
                mib_per_s = 1e6 / (now_usec() - started);
                best = mib_per_s > best ? mib_per_s : best;
        }
        printf("{\"mib_per_s\":%.1f}\n", best);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int n_args; /* at least */
                void (*run)(int argc, char **argv);
        } verbs[] = {
                { "start", 4, verb_start }, { "first", 3, verb_first }, { "hammer", 3, verb_hammer },
                { "call", 5, verb_call },   { "spawn", 2, verb_spawn }, { "sync", 2, verb_sync },
                { "hash", 1, verb_hash },   { "run", 2, verb_run },     { "output", 1, verb_output },
        };

        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
                if (argc > 1 && !strcmp(argv[1], verbs[i].name) && argc - 2 >= verbs[i].n_args) {
                        verbs[i].run(argc - 2, argv + 2);
                        return EXIT_SUCCESS;
                }

        fputs("probe: which verb? See the head of probe.c\n", stderr);
        return 2;
}
