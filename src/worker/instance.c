/* SPDX-License-Identifier: MIT */
/* What systemd hands over: the connection (Accept=yes) and the credentials. */

#include "worker/instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "basic/fd.h"
#include "codec/binary-text.h"
#include "log/log.h"

typedef struct Credentials {
        PublicKey device_key;
        Ceiling *ceiling;
} Credentials;

static void credentials_done(Credentials *credentials)
{
        ceiling_free(credentials->ceiling);
}

static int read_device_key(int directory_fd, PublicKey *ret_key)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;

        int r = fd_read_file_at(directory_fd, "device-key", 256, &text, &size);
        if (r < 0)
                return r;
        if (size > 0 && text[size - 1] == '\n')
                text[--size] = '\0';

        return hex_parse(text, ret_key->bytes, sizeof ret_key->bytes);
}

static int read_credentials(Credentials *ret_credentials)
{
        const char *path = getenv("CREDENTIALS_DIRECTORY");
        YamlProblems problems = YAML_PROBLEMS_NULL;
        _cleanup_(fd_closep) int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        if (fd < 0)
                return log_error_errno(path ? -errno : -ENOENT, "No credentials of systemd");

        int r = read_device_key(fd, &ret_credentials->device_key);
        if (r < 0)
                return log_error_errno(r, "Cannot read the credential device-key");

        r = ceiling_read_at(fd, "ceiling", &ret_credentials->ceiling, &problems);
        return r < 0 ? log_error_errno(r, "Cannot read the credential ceiling") : 0;
}

static int serve(const WorkerKind *kind)
{
        _cleanup_(credentials_done) Credentials credentials = { .ceiling = NULL };

        int n = sd_listen_fds(true);
        if (n != 1)
                return log_error_errno(n < 0 ? n : -ENOTCONN, "Not started for a connection");

        int r = read_credentials(&credentials);
        if (r < 0)
                return r;

        const WorkerMachine machine = { .device_key = &credentials.device_key,
                                        .ceiling = credentials.ceiling };
        r = worker_serve(kind, &machine, SD_LISTEN_FDS_START);
        if (r > 0)
                log_error("Rejected: %s", devbox_error_sentence((DevboxError) r));
        else if (r < 0 && r != -ECONNRESET && r != -EPIPE)
                log_error_errno(r, "Cannot carry out the request");

        return r;
}

static const WorkerKind *find_kind(const WorkerKind *kinds, const char *name)
{
        while (kinds->name && !streq(kinds->name, name))
                kinds++;
        return kinds->name ? kinds : NULL;
}

int worker_main(int argc, char **argv, const WorkerKind *kinds)
{
        const WorkerKind *kind = argc == 2 ? find_kind(kinds, argv[1]) : NULL;

        log_open(program_invocation_short_name);
        if (argc == 2 && streq(argv[1], "--version"))
                return printf("%s %s\n", program_invocation_short_name, DEVBOX_VERSION) < 0 ||
                       fflush(stdout) != 0;
        if (!kind) {
                (void) fprintf(stderr,
                               "%s KIND: started by systemd for each connection to "
                               "/run/devbox/worker-KIND.sock; see devbox-worker(8)\n",
                               program_invocation_short_name);
                return 2;
        }

        return serve(kind) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
