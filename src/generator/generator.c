/* SPDX-License-Identifier: MIT */
/* From the configuration to devbox-api.socket's addresses. Source: systemd.generator(7), systemd.socket(5).
 */

#include "generator/generator.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "basic/text.h"

#define API_SOCKET "/run/devbox/api.sock"
#define DROP_IN_OF "devbox-api.socket.d"
#define DROP_IN    "50-config.conf"

/* In the value of a unit file's key a percent sign begins a specifier. */
static void append_escaped(Text *text, const char *value)
{
        for (; *value; value++) {
                text_append_bytes(text, value, 1);
                if (*value == '%')
                        text_append(text, "%");
        }
}

static void append_listen(Text *text, const char *host, uint64_t port)
{
        text_appendf(text,
                     strchr(host, ':') ? "ListenStream=[%s]:%" PRIu64 "\n" : "ListenStream=%s:%" PRIu64 "\n",
                     host, port);
}

int generator_format_drop_in(const Config *config, const char *source, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        bool localhost = streq(config->http_host, "localhost");

        text_append(&text,
                    "# Made by devbox-generator(8) at boot and daemon-reload; changes here are lost.\n");

        /* With its source, systemd knows when the configuration is newer than what it has loaded, and asks
         * for a daemon-reload. */
        text_append(&text, "[Unit]\nSourcePath=");
        append_escaped(&text, source);

        /* The empty assignment forgets the addresses of the unit. */
        text_append(&text, "\n\n[Socket]\nListenStream=\n");
        append_listen(&text, localhost ? "127.0.0.1" : config->http_host, config->http_port);
        /* Who asks for localhost may be led to either: were one left free, any user of this machine could
         * take it, and the token of those who ask there. */
        if (localhost)
                append_listen(&text, "::1", config->http_port);
        text_append(&text, "ListenStream=" API_SOCKET "\n");

        /* Sockets are made before the network is up: an address of it cannot be bound yet. Nor can ::1 where
         * IPv6 is switched off. */
        if (localhost || !config_host_is_loopback(config->http_host))
                text_append(&text, "FreeBind=yes\n");

        return text_take(&text, ret_text, NULL);
}

int generator_write_drop_in(const char *directory, const char *text)
{
        _cleanup_(fd_closep) int root_fd = -EBADF, dir_fd = -EBADF;

        root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        if (mkdirat(root_fd, DROP_IN_OF, 0755) < 0 && errno != EEXIST)
                return -errno;

        dir_fd = openat(root_fd, DROP_IN_OF, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                return -errno;

        return file_write_at(dir_fd, DROP_IN, FILE_REPLACE, 0644, bytes_of_string(text));
}
