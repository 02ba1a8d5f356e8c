/* SPDX-License-Identifier: MIT */
/* What can be wrong with this machine in the network. */

#include "ctl/mesh/checks.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/ip-prefix.h"
#include "config/load.h"
#include "ctl/join/hub-http.h"
#include "ctl/manifest/file.h"
#include "ctl/print.h"
#include "ctl/systemd-client.h"

#define MTU             1420
#define INTERFACE       "wg0"
#define ONLINE_MS       UINT64_C(180000)
#define ANSWER_USEC     (5 * USEC_PER_SEC) /* of a hub behind a network that loses packets */
#define CONTROLLERS     "/sys/fs/cgroup/cgroup.controllers"
#define CONTROLLERS_MAX 4096

const char *const finding_state_names[_FINDING_STATE_MAX] = { "ok", "note", "bad" };

static void _printf_(3, 4) report(Finding *finding, FindingState state, const char *format, ...)
{
        va_list args;

        finding->state = state;
        va_start(args, format);
        (void) vsnprintf(finding->text, sizeof finding->text, format, args);
        va_end(args);
}

static void _printf_(2, 3) advise(Finding *finding, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void) vsnprintf(finding->cure, sizeof finding->cure, format, args);
        va_end(args);
}

static bool is_hub(const CheckContext *context)
{
        return streq(strempty(context->mesh->role), "hub");
}

static bool is_device(const CheckContext *context)
{
        return streq(strempty(context->mesh->role), "device");
}

/* ---- of both roles, over the bus */

static int check_mesh(const CheckContext *context, Finding *ret_finding)
{
        const MeshStatus *mesh = context->mesh;

        if (!is_hub(context) && !is_device(context)) {
                report(ret_finding, FINDING_NOTE, "this machine is in no network");
                advise(ret_finding, "devboxctl enroll, or for a hub: devboxctl hub init");
        } else if (streq(mesh->state, "up"))
                report(ret_finding, FINDING_OK, "%s of %s is up", mesh->role, strempty(mesh->network));
        else {
                report(ret_finding, FINDING_BAD, "%s: %s", mesh->state, strempty(mesh->problem));
                advise(ret_finding, "journalctl -u devbox-mesh");
        }
        return 0;
}

static int check_services(const CheckContext *context, Finding *ret_finding)
{
        const char *target = is_hub(context) ? "devbox-hub.target" : "devbox-device.target";
        _cleanup_(freep) char *state = NULL, *problem = NULL;

        if (!is_hub(context) && !is_device(context)) {
                report(ret_finding, FINDING_OK, "none are needed");
                return 0;
        }

        int r = systemd_client_get_state(context->bus, target, &state, &problem);
        if (r < 0)
                return r;
        report(ret_finding, r == 0 && streq(state, "active") ? FINDING_OK : FINDING_BAD, "%s is %s", target,
               r == 0 ? state : problem);
        if (ret_finding->state == FINDING_BAD)
                advise(ret_finding, "systemctl enable --now %s", target);
        return 0;
}

/* The ledger takes the clock as it is. Not known to a user who may not read the configuration. */
static int read_trust(bool *ret_trusted)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(freep) char *problem = NULL;

        int r = config_load(config_path(), &config, &problem);
        *ret_trusted = r == 0 && config->ledger_trust_clock;
        return MIN(r, 0);
}

static int report_unsynchronised(const CheckContext *context, Finding *finding)
{
        bool trusted = false;

        int r = context->local ? read_trust(&trusted) : 0;
        if (r < 0)
                return r;

        report(finding, trusted ? FINDING_NOTE : FINDING_BAD, "the clock is not synchronised%s",
               trusted ? ", and trusted: ledger.trust_clock" : "");
        if (!trusted)
                advise(finding, "timedatectl set-ntp true, or chronyc tracking (WSL: hwclock -s); in a "
                                "container, whose host keeps it: ledger.trust_clock, devbox-config(5)");
        return 0;
}

/* Source: org.freedesktop.timedate1(5); the kernel's own word, whoever sets the clock. */
int check_clock(const CheckContext *context, Finding *ret_finding)
{
        int synchronized;

        int r = sd_bus_get_property_trivial(context->bus, "org.freedesktop.timedate1",
                                            "/org/freedesktop/timedate1", "org.freedesktop.timedate1",
                                            "NTPSynchronized", NULL, 'b', &synchronized);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                report(ret_finding, FINDING_NOTE, "nothing here says whether the clock is right");
        else if (synchronized)
                report(ret_finding, FINDING_OK, "clock synchronised");
        else
                return report_unsynchronised(context, ret_finding);
        return 0;
}

static int check_backend(const CheckContext *context, Finding *ret_finding)
{
        const char *backend = strempty(context->mesh->backend);

        if (streq(backend, "userspace")) {
                report(ret_finding, FINDING_NOTE,
                       "the kernel has no WireGuard: wireguard-go is used, slower");
                advise(ret_finding, "modprobe wireguard, or a kernel that has it; then restart devbox-mesh");
        } else
                report(ret_finding, FINDING_OK, "%s", *backend ? backend : "not in use");
        return 0;
}

static int check_mtu(const CheckContext *context, Finding *ret_finding)
{
        struct ifreq request = { .ifr_name = INTERFACE };
        _cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0) {
                report(ret_finding, FINDING_OK, "there is no " INTERFACE);
                return 0;
        }

        report(ret_finding, request.ifr_mtu == MTU ? FINDING_OK : FINDING_BAD, "%d", request.ifr_mtu);
        if (ret_finding->state == FINDING_BAD)
                advise(ret_finding, "something else sets it, %d is right; see: devboxctl drift", MTU);
        return 0;
}

/* On a hub: any handshake proves that packets arrive from outside. */
static void check_udp_of_hub(const CheckContext *context, Finding *finding)
{
        const MeshPeer *peers = context->peers->items;
        uint64_t last_ms = 0;
        char span[FIGURE_MAX];

        for (size_t i = 0; i < context->peers->n; i++)
                last_ms = MAX(last_ms, peers[i].last_handshake_ms);
        if (last_ms > 0) {
                report(finding, FINDING_OK, "packets arrive on port %" PRIu64 ", the last handshake %s ago",
                       context->mesh->listen_port,
                       format_span(span, (context->now_ms - MIN(context->now_ms, last_ms)) * USEC_PER_MSEC));
                return;
        }

        report(finding, FINDING_NOTE, "no device has reached port %" PRIu64 " yet",
               context->mesh->listen_port);
        advise(finding, "open UDP %" PRIu64 " at your provider; then: devboxctl invite NAME",
               context->mesh->listen_port);
}

/* A handshake is good for 180 s, so it says nothing of now: the hub is asked. */
static bool hub_answers(const CheckContext *context, Finding *finding)
{
        const char *address = strempty(context->mesh->hub_address);
        usec_t elapsed_usec;

        if (!context->local || *address == '\0' || hub_http_ping(address, ANSWER_USEC, &elapsed_usec) != 0)
                return false;

        report(finding, FINDING_OK, "the hub answers in %.0f ms", (double) elapsed_usec / USEC_PER_MSEC);
        return true;
}

static void check_udp_of_device(const CheckContext *context, Finding *finding)
{
        uint64_t last_ms = context->mesh->last_handshake_ms;
        uint64_t age_ms = context->now_ms - MIN(context->now_ms, last_ms);
        char span[FIGURE_MAX];

        if (hub_answers(context, finding))
                return;
        if (last_ms > context->mesh->time_ms + ONLINE_MS) {
                report(finding, FINDING_BAD, "the clock was set back since the last handshake");
                advise(finding, "WireGuard waits until it has caught up, see devbox-mesh(8); or: "
                                "devboxctl leave, and enroll with a new invitation");
                return;
        }
        if (!context->local && last_ms > 0 && age_ms < ONLINE_MS) {
                report(finding, FINDING_NOTE, "the last handshake with the hub was %s ago",
                       format_span(span, age_ms * USEC_PER_MSEC));
                advise(finding, "whether the hub answers now, devboxctl doctor finds on that machine");
                return;
        }

        if (last_ms > 0)
                report(finding, FINDING_BAD, "the hub does not answer, the last handshake was %s ago",
                       format_span(span, age_ms * USEC_PER_MSEC));
        else
                report(finding, FINDING_BAD, "the hub has never answered: packets leave, none return");
        advise(finding,
               "closed at the hub's provider, another address now, blocked here, or this device was "
               "revoked: on the hub run devboxctl doctor, devboxctl peers --all");
}

static int check_udp(const CheckContext *context, Finding *ret_finding)
{
        if (is_hub(context))
                check_udp_of_hub(context, ret_finding);
        else if (is_device(context))
                check_udp_of_device(context, ret_finding);
        else
                report(ret_finding, FINDING_OK, "not in use");
        return 0;
}

/* ---- of this machine itself */

/* Another interface in the same network takes the packets, or the replies. */
static int check_addresses(const CheckContext *context, Finding *ret_finding)
{
        struct ifaddrs *addresses;
        IpPrefix network, other;

        if (ip_prefix_parse(strempty(context->mesh->prefix), &network) < 0) {
                report(ret_finding, FINDING_OK, "not in use");
                return 0;
        }

        report(ret_finding, FINDING_OK, "no other network here is %s", context->mesh->prefix);
        if (getifaddrs(&addresses) < 0)
                return 0;

        for (const struct ifaddrs *each = addresses; each; each = each->ifa_next) {
                const struct sockaddr_in *address = (const struct sockaddr_in *) each->ifa_addr;

                if (!address || address->sin_family != AF_INET || streq(each->ifa_name, INTERFACE) ||
                    ip_prefix_init(&other, AF_INET, &address->sin_addr, 32) < 0 ||
                    !ip_prefix_contains(&network, &other))
                        continue;
                report(ret_finding, FINDING_BAD, "%s has an address in %s, too", each->ifa_name,
                       context->mesh->prefix);
                advise(ret_finding,
                       "give that network other addresses; the mesh's are fixed when the hub is made");
        }
        freeifaddrs(addresses);
        return 0;
}

static void check_directories(char *const *paths, size_t n, Finding *finding)
{
        for (size_t i = 0; i < n; i++)
                if (access(paths[i], F_OK) < 0) {
                        report(finding, FINDING_BAD, "%s, which the ceiling names, cannot be reached: %s",
                               paths[i], strerror(errno));
                        advise(finding, "make it, or remove it from %s", ceiling_path());
                }
}

static int check_roots(const CheckContext *context, Finding *ret_finding)
{
        _cleanup_(ceiling_freep) Ceiling *ceiling = NULL;
        _cleanup_(freep) char *problem = NULL;

        int r = access(ceiling_path(), F_OK) == 0
                        ? ceiling_file_read(ceiling_path(), context->now_ms, &ceiling, &problem)
                        : 0;
        if (r < 0)
                return r;
        if (r > 0) {
                report(ret_finding, FINDING_BAD, "%s", problem);
                advise(ret_finding, "correct it, then: devboxctl device reload");
        } else
                report(ret_finding, FINDING_OK, "%s",
                       ceiling ? "all that the ceiling names is there"
                               : "there is no ceiling: nothing is allowed");
        if (ceiling) {
                check_directories(ceiling->read.items, ceiling->read.n, ret_finding);
                check_directories(ceiling->write.items, ceiling->write.n, ret_finding);
        }
        return 0;
}

static bool has_word(const char *text, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = text; (at = strstr(at, word)); at++)
                if ((at == text || at[-1] == ' ') &&
                    (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
                        return true;

        return false;
}

/* Programs are run with limits, which these enforce. Source: cgroups(7), version 2. */
static int check_controllers(const CheckContext *context, Finding *ret_finding)
{
        static const char *const needed[] = { "cpu", "memory", "pids" };
        _cleanup_(freep) char *present = NULL;

        int r = fd_read_file_at(AT_FDCWD, CONTROLLERS, CONTROLLERS_MAX, &present, NULL);
        if (r == -ENOMEM)
                return r;

        report(ret_finding, FINDING_OK, "cpu, memory, pids");
        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (!has_word(strempty(present), needed[i])) {
                        report(ret_finding, FINDING_BAD, "the cgroup controller %s is missing", needed[i]);
                        advise(ret_finding,
                               "boot with systemd.unified_cgroup_hierarchy=1, for memory also with "
                               "cgroup_enable=memory (WSL: wsl --update); a container gets them from its "
                               "host");
                }
        return 0;
}

const Check checks[] = {
        { "mesh", false, check_mesh },
        { "services", false, check_services },
        { "clock", false, check_clock },
        { "udp", false, check_udp },
        { "wireguard", false, check_backend },
        { "mtu", true, check_mtu },
        { "addresses", true, check_addresses },
        { "roots", true, check_roots },
        { "controllers", true, check_controllers },
};
const size_t n_checks = ELEMENTSOF(checks);
