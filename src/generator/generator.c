/* SPDX-License-Identifier: MIT */
/* From the configuration and the role in the mesh to the addresses that devbox-api listens on. Source:
 * systemd.generator(7), systemd.socket(5). */

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
#define MADE_BY    "# Made by devbox-generator(8) at boot and daemon-reload; changes here are lost.\n"

/* Where a machine with an invitation reaches the hub, and the addresses that such machines have: see
 * trust/enrolment.h. */
#define BOOTSTRAP_ADDRESS "169.254.42.1:51821"
#define BOOTSTRAP_SOURCES "169.254.64.0/18"

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

        text_append(&text, MADE_BY);

        /* With its source, systemd knows when the configuration is newer than what it has loaded, and asks
         * for a daemon-reload. */
        text_append(&text, "[Unit]\nSourcePath=");
        append_escaped(&text, source);

        /* The empty assignment resets the addresses of the unit. */
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

typedef struct SocketRow {
        const char *unit, *description, *purpose; /* of api/listen.h */
        const char *address;                      /* NULL: the hub's, and http.port */
        const char *sources;                      /* NULL: the network */
} SocketRow;

static const SocketRow sockets[_GENERATOR_SOCKET_MAX] = {
        [GENERATOR_SOCKET_MESH] = { "devbox-api-mesh.socket", "devbox API: listening socket for devices",
                                    "mesh", NULL, NULL },
        [GENERATOR_SOCKET_BOOTSTRAP] = { "devbox-api-bootstrap.socket",
                                         "devbox API: listening socket for machines with an invitation",
                                         "bootstrap", BOOTSTRAP_ADDRESS, BOOTSTRAP_SOURCES },
};

const char *generator_socket_unit(GeneratorSocket which)
{
        return sockets[which].unit;
}

/* BindToDevice= would wait for a .device unit, which containers do not have: the addresses are those of the
 * interface, and devbox-mesh's nftables table says what comes through it. */
int generator_format_socket(GeneratorSocket which, const MeshNode *hub, uint64_t http_port,
                            const char *source, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char address[IP_PREFIX_TEXT_SIZE], sources[IP_PREFIX_TEXT_SIZE];
        const SocketRow *row = &sockets[which];
        IpPrefix network = hub->address;

        ip_prefix_mask(&network);
        text_appendf(&text, MADE_BY "[Unit]\nDescription=%s\nDocumentation=man:devbox-api(8)\nSourcePath=",
                     row->description);
        append_escaped(&text, source);
        text_append(&text, "\nPartOf=devbox-hub.target\nStartLimitIntervalSec=0\n\n[Socket]\n");
        if (row->address)
                text_appendf(&text, "ListenStream=%s\n", row->address);
        else
                append_listen(&text, ip_prefix_format_address(&hub->address, address), http_port);

        const char *from = row->sources ?: ip_prefix_format(&network, sources);
        text_appendf(&text,
                     "FreeBind=yes\nService=devbox-api.service\nFileDescriptorName=%s=%s\n"
                     "IPAddressAllow=%s\nIPAddressDeny=any\nReusePort=yes\nBacklog=64\n"
                     "TriggerLimitIntervalSec=0\n",
                     row->purpose, from, from);
        return text_take(&text, ret_text, NULL);
}

int generator_write_unit(const char *directory, const char *name, const char *text)
{
        _cleanup_(fd_closep) int root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;

        return file_write_at(root_fd, name, FILE_REPLACE, 0644, bytes_of_string(text));
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
