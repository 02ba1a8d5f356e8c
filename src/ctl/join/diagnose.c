/* SPDX-License-Identifier: MIT */
/* Why the hub may not answer. */

#include "ctl/join/diagnose.h"

#include <netdb.h>
#include <stdio.h>

#include "basic/fd.h"
#include "ctl/problem.h"

/* Connecting a UDP socket sends nothing, and fails where there is no route. */
static bool has_route(const struct addrinfo *address)
{
        _cleanup_(fd_closep) int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0;
}

/* "host:port", "[address]:port" */
static const char *look_at(const char *endpoint)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
        const char *colon = strrchr(endpoint, ':');
        struct addrinfo *addresses;
        char host[256];

        if (!colon)
                return "it is no HOST:PORT";
        bool bracketed = *endpoint == '[';
        (void) snprintf(host, sizeof host, "%.*s", (int) (colon - endpoint) - 2 * bracketed,
                        endpoint + bracketed);
        if (getaddrinfo(host, colon + 1, &hints, &addresses) != 0)
                return "its name cannot be resolved here";

        bool routed = has_route(addresses);
        freeaddrinfo(addresses);
        return routed ? "DNS ok, route ok, packets leave, none return"
                      : "DNS ok, but there is no route to it";
}

int hub_diagnose(sd_bus *bus, char **ret_problem)
{
        _cleanup_(mesh_status_done) MeshStatus status = { 0 };
        const MeshStatus *mesh = &status;

        int r = mesh_client_get_status(bus, &status, ret_problem);
        if (r != 0)
                return r;
        if (streq(mesh->state, "down"))
                return problem_set(ret_problem, DEVBOX_ERROR_MESH_UNREACHABLE,
                                   "WireGuard is down on this machine: %s; see: journalctl -u devbox-mesh",
                                   strempty(mesh->problem));
        if (mesh->n_endpoints == 0)
                return problem_set(ret_problem, DEVBOX_ERROR_MESH_UNREACHABLE,
                                   "the hub does not answer; see: "
                                   "devboxctl doctor");

        return problem_set(
                ret_problem, DEVBOX_ERROR_MESH_UNREACHABLE,
                "%s does not answer on UDP: closed at the provider, wrong address, an invitation that "
                "was mistyped, has expired or was withdrawn, or blocked here. From here: %s. To try again, "
                "also with another invitation: devboxctl enroll",
                mesh->endpoints[0], look_at(mesh->endpoints[0]));
}
