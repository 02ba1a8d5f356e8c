/* SPDX-License-Identifier: MIT */
/* devboxctl hub init: makes a machine the hub of a new network. */

#include <inttypes.h>
#include <stdio.h>

#include "crypto/fingerprint.h"
#include "ctl/hub/setup.h"
#include "ctl/mesh/checks.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/systemd-client.h"
#include "ctl/verbs.h"
#include "trust/token.h"

#define HUB_TARGET  "devbox-hub.target"
#define API_SERVICE "devbox-api.service"
#define UP_USEC     (15 * USEC_PER_SEC)
#define POLL_USEC   (200 * USEC_PER_MSEC)

typedef struct InitOptions {
        KeySource key;
        HubSetupOptions setup; /* without the key */
        struct EndpointList {
                char texts[TOKEN_ENDPOINTS_MAX][HUB_ENDPOINT_SIZE];
                size_t n;
        } endpoints;
} InitOptions;

/* ---- after the keys */

static int start_services(HubSetup *setup)
{
        static const char *const units[] = { "devbox-mesh.service", "devbox-dispatch.service",
                                             "devbox-ledger.service" };
        char **problem = &setup->ctl->problem;

        /* The reload makes the hub's sockets of the API, and systemd starts none while the service runs. */
        int r = systemd_client_reload(setup->bus, problem);
        if (r == 0)
                r = systemd_client_stop(setup->bus, API_SERVICE, problem);
        if (r == 0)
                r = systemd_client_enable(setup->bus, HUB_TARGET, problem);
        for (size_t i = 0; i < ELEMENTSOF(units) && r == 0; i++) {
                _cleanup_(freep) char *state = NULL;

                r = systemd_client_get_state(setup->bus, units[i], &state, problem);
                if (r == 0)
                        r = progress_line(&setup->progress, i == 0 ? "Services" : "", "%s: %s", units[i],
                                          state);
        }

        return r;
}

/* The interface is made after the call that configures the hub has returned. */
static int wait_for_mesh(HubSetup *setup)
{
        usec_t deadline_usec = deadline_after(UP_USEC);

        for (;;) {
                mesh_status_done(&setup->mesh);
                int r = mesh_client_get_status(setup->bus, &setup->mesh, &setup->ctl->problem);
                if (r != 0 || streq(setup->mesh.state, "up") || deadline_left(deadline_usec) == 0)
                        return r;
                r = client_wait(setup->bus, POLL_USEC);
                if (r < 0)
                        return r;
        }
}

static int show_mesh(HubSetup *setup)
{
        const MeshStatus *mesh = &setup->mesh;

        int r = wait_for_mesh(setup);
        if (r != 0)
                return r;
        if (!streq(mesh->state, "up"))
                return progress_line(&setup->progress, "WireGuard", "%s: %s", mesh->state,
                                     *strempty(mesh->problem) ? mesh->problem : "see: devboxctl doctor");

        return progress_line(&setup->progress, "WireGuard",
                             "wg0 is up (%s), UDP port %" PRIu64 "; nothing else is open",
                             strempty(mesh->backend), mesh->listen_port);
}

static int show_checks(HubSetup *setup)
{
        const CheckContext context = { setup->bus, &setup->mesh, NULL, setup->ctl->now_ms,
                                       setup->ctl->host == NULL };
        Finding clock = { 0 };

        int r = check_clock(&context, &clock);
        if (r == 0)
                r = progress_line(&setup->progress, "Check", "%s%s%s", clock.text, *clock.cure ? "; " : "",
                                  clock.cure);
        return r < 0 ? r
                     : progress_line(&setup->progress, "",
                                     "open UDP %" PRIu64
                                     " at your provider; the first invitation tests it from "
                                     "outside",
                                     setup->mesh.listen_port);
}

static int print_document(const HubSetup *setup)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        char words[FINGERPRINT_SIZE];

        fingerprint_format_root(root_chain_last_digest(&setup->chain), words);
        json_open_object(&json, NULL);
        json_add_string(&json, "network", setup->mesh.network);
        json_add_string(&json, "prefix", setup->mesh.prefix);
        json_add_string(&json, "address", setup->mesh.address);
        json_add_u64(&json, "listen_port", setup->mesh.listen_port);
        json_add_string(&json, "state", setup->mesh.state);
        json_add_string(&json, "backend", setup->mesh.backend);
        json_add_string(&json, "problem", setup->mesh.problem);
        json_add_string(&json, "fingerprint", words);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        static int (*const steps[])(HubSetup * setup) = {
                hub_setup_operator, hub_setup_network, hub_setup_root, hub_setup_ledger,
                hub_setup_mesh,     start_services,    show_mesh,      show_checks,
        };
        const InitOptions *init = options;
        HubSetupOptions given = init->setup;
        _cleanup_(hub_setup_done)
                HubSetup setup = { .ctl = ctl, .bus = ctl->bus, .options = &given, .progress = { ctl, 16 } };

        given.key = init->key;
        given.hub.n_endpoints = init->endpoints.n;
        for (size_t i = 0; i < init->endpoints.n; i++)
                given.hub.endpoints[i] = init->endpoints.texts[i];

        int r = 0;
        for (size_t i = 0; i < ELEMENTSOF(steps) && r == 0; i++)
                r = steps[i](&setup);
        if (r != 0)
                return r;

        ctl->status = streq(setup.mesh.state, "up") ? CTL_OK : CTL_PROBLEM;
        return ctl->json ? print_document(&setup)
                         : print_line(stdout, "Next: %s%s%s invite NAME --manifest FILE", CTL_COMMAND(ctl));
}

/* ---- options */

/* HOST[:PORT], with commas between several; an IPv6 address with a port is in brackets, and gets them
 * without: hub_setup_network() adds the port. */
static int parse_endpoints(const Ctl *ctl, const char *text, void *ret_value)
{
        struct EndpointList *list = ret_value;

        for (;;) {
                int length = (int) strcspn(text, ",");
                const char *colon = memchr(text, ':', (size_t) length);
                bool bare_v6 = colon && *text != '[' &&
                               memchr(colon + 1, ':', (size_t) (text + length - colon - 1));
                char *entry = list->texts[list->n];

                if (list->n == TOKEN_ENDPOINTS_MAX)
                        return -EINVAL;
                int n = snprintf(entry, sizeof list->texts[0], bare_v6 ? "[%.*s]" : "%.*s", length, text);
                if (length == 0 || n < 0 || (size_t) n >= sizeof list->texts[0])
                        return -EINVAL;
                list->n++;
                if (text[length] == '\0')
                        return 0;
                text += length + 1;
        }
}

static const OptionType option_endpoints = { "HOST[:PORT]",
                                             "names or addresses, at most 4 with commas between",
                                             parse_endpoints };

static const Option options[] = {
        { "endpoint", &option_endpoints, offsetof(InitOptions, endpoints),
          "how devices reach the hub; several with commas" },
        { "network", &option_name, offsetof(InitOptions, setup.hub.prefix), "its addresses (10.42.0.0/24)" },
        { "port", &option_number, offsetof(InitOptions, setup.hub.listen_port), "the UDP port (51820)" },
        { "name", &option_label, offsetof(InitOptions, setup.name), "the name of the network (home)" },
        { "key-here", &option_switch, offsetof(InitOptions, setup.key_here),
          "make the operator's key on the hub itself" },
        KEY_OPTIONS(InitOptions),
        { 0 },
};

const Verb verb_hub_init = {
        .noun = "hub",
        .name = "init",
        .help = "make a machine the hub of a new network",
        .example = "-H root@vps.example.org hub init --endpoint vps.example.org",
        .statuses = "failure, or the mesh is not up",
        VERB_OPTIONS(InitOptions, options),
        .defaults = &(const InitOptions){ .key = KEY_SOURCE_INIT, .setup = { .name = "home" } },
        .remote = true,
        .bus = true,
        .run = run,
};
