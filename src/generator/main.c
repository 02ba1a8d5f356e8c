/* SPDX-License-Identifier: MIT */
/* devbox-generator: run by systemd at boot and at each daemon-reload, before any unit is loaded.
 *
 * It must never hold up or break a boot: it reads three files, writes a few small ones, and talks to no
 * service. When the configuration has an error it leaves the default of devbox-api.socket (loopback) alone,
 * reports what to fix in the kernel's log, which is the only log there is at that time, and fails; systemd
 * goes on. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "basic/fd.h"
#include "config/load.h"
#include "generator/generator.h"
#include "generator/workers.h"

#define PROGRAM      "devbox-generator"
#define DROP_IN      "50-config.conf"
#define CEILING_PATH "/etc/devbox/ceiling.yaml"

static void tell_error(const char *format, ...) _printf_(1, 2);

static void tell_error(const char *format, ...)
{
        _cleanup_(fd_closep) int kmsg_fd = -EBADF;
        const char *scope = getenv("SYSTEMD_SCOPE"); /* set by systemd: systemd.generator(7) */
        char message[900], line[1000];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(message, sizeof message, format, args);
        va_end(args);

        (void) fprintf(stderr, "%s: %s\n", PROGRAM, message);
        if (!scope || !streq(scope, "system"))
                return; /* a person tries it out, and reads stderr */

        /* One write is one record. In a container it is missing, or a pipe without a reader. */
        kmsg_fd = open("/dev/kmsg", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (kmsg_fd >= 0) {
                int size = snprintf(line, sizeof line, "<%d>%s[%d]: %s", LOG_DAEMON | LOG_ERR, PROGRAM,
                                    (int) getpid(), message);
                if (write(kmsg_fd, line, (size_t) size) < 0)
                        return; /* is on stderr already */
        }
}

static int generate_api(const char *directory, const Config *config)
{
        _cleanup_(freep) char *text = NULL;

        int r = generator_format_drop_in(config, config_path(), &text);
        if (r == 0)
                r = generator_write_drop_in(directory, "devbox-api.socket", DROP_IN, text);
        if (r < 0)
                tell_error("Cannot write the addresses of devbox-api.socket below %s: %s", directory,
                           strerror(-r));
        return r;
}

static int generate_sockets(const char *directory, const char *source, const MeshNode *node,
                            const Config *config)
{
        for (GeneratorSocket which = 0; which < _GENERATOR_SOCKET_MAX; which++) {
                _cleanup_(freep) char *text = NULL;
                const char *unit = generator_socket_unit(which);

                if (!generator_socket_wanted(which, node->role))
                        continue;

                int r = generator_format_socket(which, node, config->http_port, source, &text);
                if (r == 0)
                        r = generator_write_unit(directory, unit, text);
                if (r < 0) {
                        tell_error("Cannot write %s below %s: %s", unit, directory, strerror(-r));
                        return r;
                }
        }

        return 0;
}

static int generate_mesh(const char *directory, const Config *config)
{
        const char *path = mesh_node_path();
        MeshNode node;

        int r = mesh_node_read(path, &node);
        if (r < 0) {
                tell_error("%s: %s; no socket for other machines", path,
                           r == -EINVAL ? "not what devbox-mesh writes" : strerror(-r));
                return r;
        }

        return generate_sockets(directory, path, &node, config);
}

/* Without a ceiling, or with an invalid one, workers see and execute nothing of people. */
static int generate_workers(const char *directory)
{
        const char *path = getenv("DEVBOX_CEILING") ?: CEILING_PATH;
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;

        int r = ceiling_read_at(AT_FDCWD, path, &ceiling, &problems);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                tell_error("%s:%u: %s; workers see and execute nothing of it", path, problems.items[0].line,
                           r == -EBADMSG ? problems.items[0].reason : strerror(-r));
                return r;
        }

        for (GeneratorWorker which = 0; which < _GENERATOR_WORKER_MAX; which++) {
                _cleanup_(freep) char *text = NULL;
                const char *unit = generator_worker_unit(which);

                r = generator_format_worker(which, ceiling, path, &text);
                if (r == 0)
                        r = generator_write_drop_in(directory, unit, "50-ceiling.conf", text);
                if (r < 0) {
                        tell_error("Cannot write the drop-in of %s below %s: %s", unit, directory,
                                   strerror(-r));
                        return r;
                }
        }

        return 0;
}

static int generate_limits(const char *directory, const Config *config)
{
        _cleanup_(freep) char *text = NULL;

        if (!config->worker_require_limits)
                return 0;
        int r = generator_format_limits(config_path(), &text);
        if (r == 0)
                r = generator_write_drop_in(directory, "devbox-worker-.service", DROP_IN, text);
        if (r < 0)
                tell_error("Cannot write the drop-in of all workers below %s: %s", directory, strerror(-r));
        return r;
}

static int generate(const char *directory)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;

        int r = config_load(config_path(), &config, &problem);
        if (r != 0) {
                tell_error("%s; devbox-api.socket keeps its default address",
                           r > 0 ? problem : strerror(-r));
                return EXIT_FAILURE;
        }

        int api = generate_api(directory, config), mesh = generate_mesh(directory, config),
            workers = generate_workers(directory), limits = generate_limits(directory, config);
        return api == 0 && mesh == 0 && workers == 0 && limits == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
        static const char usage[] = "Usage: " PROGRAM " DIRECTORY [EARLY-DIRECTORY LATE-DIRECTORY]\n"
                                    "Writes what devbox's sockets listen on and its workers see below "
                                    "DIRECTORY, from the configuration, the role in the mesh and the "
                                    "ceiling. See devbox-generator(8).\n";

        if (argc == 2 && (streq(argv[1], "--help") || streq(argv[1], "--version"))) {
                (void) fputs(streq(argv[1], "--help") ? usage : PROGRAM " " DEVBOX_VERSION "\n", stdout);
                return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if ((argc != 2 && argc != 4) || argv[1][0] == '-') {
                (void) fputs(usage, stderr);
                return 2;
        }

        (void) umask(0022);
        return generate(argv[1]);
}
