/* SPDX-License-Identifier: MIT */
/* From the configuration and the role in the mesh to the addresses of devbox-api and devbox-agent. Source:
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

/* Where a machine with an invitation reaches the hub, and the addresses that such machines have: see
 * trust/enrolment.h. */
#define BOOTSTRAP_ADDRESS "169.254.42.1:51821"
#define BOOTSTRAP_SOURCES "169.254.64.0/18"

/* Where the hub reaches the agent of a device. */
#define AGENT_PORT 51822

void generator_append_escaped(Text *text, const char *value)
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

        text_append(&text, GENERATOR_MADE_BY);

        /* With its source, systemd knows when the configuration is newer than what it has loaded, and asks
         * for a daemon-reload. */
        text_append(&text, "[Unit]\nSourcePath=");
        generator_append_escaped(&text, source);

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
        const char *unit, *description, *service, *manual;
        const char *name;    /* of the descriptor: before "=" and the sources; NULL: the sources alone */
        const char *address; /* NULL: this machine's in the mesh, and the port */
        const char *sources; /* NULL: the network of a hub, or the hub */
        const char *target;
        uint16_t port; /* 0: http.port */
        bool of_hub, from_hub;
} SocketRow;

static const SocketRow sockets[_GENERATOR_SOCKET_MAX] = {
        [GENERATOR_SOCKET_MESH] = { .unit = "devbox-api-mesh.socket",
                                    .description = "devbox API: listening socket for devices",
                                    .service = "devbox-api.service",
                                    .manual = "devbox-api(8)",
                                    .name = "mesh",
                                    .target = "devbox-hub.target",
                                    .of_hub = true },
        [GENERATOR_SOCKET_BOOTSTRAP] = { .unit = "devbox-api-bootstrap.socket",
                                         .description = "devbox API: listening socket for machines with "
                                                        "an invitation",
                                         .service = "devbox-api.service",
                                         .manual = "devbox-api(8)",
                                         .name = "bootstrap",
                                         .address = BOOTSTRAP_ADDRESS,
                                         .sources = BOOTSTRAP_SOURCES,
                                         .target = "devbox-hub.target",
                                         .of_hub = true },
        [GENERATOR_SOCKET_AGENT] = { .unit = "devbox-agent.socket",
                                     .description = "devbox agent: listening socket for the hub",
                                     .service = "devbox-agent.service",
                                     .manual = "devbox-agent(8)",
                                     .target = "devbox-device.target",
                                     .port = AGENT_PORT,
                                     .from_hub = true },
};

const char *generator_socket_unit(GeneratorSocket which)
{
        return sockets[which].unit;
}

bool generator_socket_wanted(GeneratorSocket which, MeshRole role)
{
        return role == MESH_ROLE_HUB || (role == MESH_ROLE_DEVICE && !sockets[which].of_hub);
}

/* Where connections may come from: a hub that is a device, too, connects from its own address. */
static IpPrefix socket_sources(const SocketRow *row, const MeshNode *node)
{
        IpPrefix network = node->address, own = node->address;

        own.length = 32;
        ip_prefix_mask(&network);
        return !row->from_hub ? network : node->role == MESH_ROLE_HUB ? own : node->hub;
}

/* BindToDevice= would wait for a .device unit, which containers do not have: the addresses are those of the
 * interface, and devbox-mesh's nftables table says what comes through it. */
int generator_format_socket(GeneratorSocket which, const MeshNode *node, uint64_t http_port,
                            const char *source, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char address[IP_PREFIX_TEXT_SIZE], sources[IP_PREFIX_TEXT_SIZE];
        const SocketRow *row = &sockets[which];
        const IpPrefix prefix = socket_sources(row, node);

        text_appendf(&text, GENERATOR_MADE_BY "[Unit]\nDescription=%s\nDocumentation=man:%s\nSourcePath=",
                     row->description, row->manual);
        generator_append_escaped(&text, source);
        text_appendf(&text, "\nPartOf=%s\nStartLimitIntervalSec=0\n\n[Socket]\n", row->target);
        if (row->address)
                text_appendf(&text, "ListenStream=%s\n", row->address);
        else
                append_listen(&text, ip_prefix_format_address(&node->address, address),
                              row->port > 0 ? row->port : http_port);

        const char *from = row->sources ?: ip_prefix_format(&prefix, sources);
        text_appendf(&text, "FreeBind=yes\nService=%s\nFileDescriptorName=%s%s%s\n", row->service,
                     strempty(row->name), row->name ? "=" : "", from);
        text_appendf(&text,
                     "IPAddressAllow=%s\nIPAddressDeny=any\nReusePort=yes\nBacklog=64\n"
                     "TriggerLimitIntervalSec=0\n",
                     from);
        return text_take(&text, ret_text, NULL);
}

int generator_write_unit(const char *directory, const char *name, const char *text)
{
        _cleanup_(fd_closep) int root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;

        return file_write_at(root_fd, name, FILE_REPLACE, 0644, bytes_of_string(text));
}

int generator_write_drop_in(const char *directory, const char *unit, const char *name, const char *text)
{
        _cleanup_(fd_closep) int root_fd = -EBADF, dir_fd = -EBADF;
        char folder[256];

        int n = snprintf(folder, sizeof folder, "%s.d", unit);
        if (n < 0 || (size_t) n >= sizeof folder)
                return -ENAMETOOLONG;

        root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        if (mkdirat(root_fd, folder, 0755) < 0 && errno != EEXIST)
                return -errno;

        dir_fd = openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                return -errno;

        return file_write_at(dir_fd, name, FILE_REPLACE, 0644, bytes_of_string(text));
}
