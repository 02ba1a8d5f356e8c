/* SPDX-License-Identifier: MIT */
/* The steps that make a machine the hub of a network. */

#include "ctl/hub/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "crypto/fingerprint.h"
#include "ctl/operator/files.h"
#include "ctl/operator/root-builder.h"
#include "ctl/operator/root-signing.h"
#include "ctl/operator/root-store.h"
#include "ctl/problem.h"
#include "ctl/run/devices-client.h"

#define DEFAULT_PORT UINT64_C(51820)

void hub_setup_done(HubSetup *setup)
{
        operator_key_done(&setup->key);
        root_chain_done(&setup->chain);
        device_status_done(&setup->ledger);
        mesh_status_done(&setup->mesh);
}

/* ---- the operator's key */

/* On the hub, the key gives up what it is for: that a taken-over hub cannot sign. */
static int check_place(const HubSetup *setup)
{
        const HubSetupOptions *options = setup->options;

        if (setup->ctl->host || options->key_here || key_source_is_given(&options->key))
                return 0;

        return problem_set(
                &setup->ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                "the operator's key would be on the hub itself. Better run this on your own machine: "
                "devboxctl -H root@HUB hub init; or, if this machine is all you have, with --key-here");
}

static int make_operator_key(HubSetup *setup)
{
        const KeySource source = key_source_named(&setup->options->key, OPERATOR_KEY);
        _cleanup_(freep) char *path = NULL;

        int r = check_place(setup);
        if (r == 0)
                r = operator_path(source.dir, OPERATOR_KEY, &path);
        if (r != 0)
                return r;

        bool is_new = !key_source_is_given(&source) && access(path, F_OK) < 0;
        r = operator_key_make(&source, "operator", &setup->key, &setup->ctl->problem);
        if (r == 0)
                r = progress_line(&setup->progress, "Operator key", "%s%s",
                                  is_new ? "made here, sealed with your passphrase: " : "opened",
                                  is_new ? path : "");
        if (r == 0 && is_new)
                r = progress_line(&setup->progress, "",
                                  "copy its folder to a safe place: without it nothing can be signed for "
                                  "this network");
        if (r == 0 && !setup->ctl->host)
                r = progress_line(&setup->progress, "",
                                  "it is on the hub: whoever takes over this machine can sign, too");
        return r;
}

int hub_setup_operator(HubSetup *setup)
{
        const char *dir = setup->options->key.dir;
        char **problem = &setup->ctl->problem;
        _cleanup_(freep) char *path = NULL;

        int r = operator_make_directory(dir, problem);
        if (r == 0)
                r = root_store_recover(dir, NULL, problem);
        if (r == 0)
                r = root_store_load(dir, &setup->chain, problem);
        if (r != 0 || !setup->chain.root)
                return r != 0 ? r : make_operator_key(setup);

        r = operator_path(dir, "", &path);
        return r < 0 ? r : progress_line(&setup->progress, "Operator key", "is here already: %s", path);
}

/* ---- the network */

static const char *network_name(const HubSetup *setup)
{
        return setup->chain.root ? setup->chain.root->network : setup->options->name;
}

/* With the port on which the hub listens, for each that has none. What is not given stays as it is. */
static int configure(HubSetup *setup, bool is_hub)
{
        char texts[TOKEN_ENDPOINTS_MAX][HUB_ENDPOINT_SIZE];
        _cleanup_(freep) char *prefix = NULL;
        MeshHubOptions hub = setup->options->hub;

        hub.network = network_name(setup);
        if (is_hub && hub.listen_port == 0)
                hub.listen_port = setup->mesh.listen_port;
        if (is_hub && !hub.prefix) {
                prefix = strdup(strempty(setup->mesh.prefix));
                if (!prefix)
                        return -ENOMEM;
                hub.prefix = prefix;
        }
        for (size_t i = 0; i < hub.n_endpoints; i++) {
                const char *text = hub.endpoints[i];
                bool has_port = strchr(text, ':') && text[strlen(text) - 1] != ']';

                if (has_port)
                        continue;
                (void) snprintf(texts[i], sizeof texts[i], "%s:%" PRIu64, text,
                                hub.listen_port > 0 ? hub.listen_port : DEFAULT_PORT);
                hub.endpoints[i] = texts[i];
        }

        mesh_status_done(&setup->mesh);
        return mesh_client_configure_hub(setup->bus, &hub, &setup->mesh, &setup->ctl->problem);
}

int hub_setup_network(HubSetup *setup)
{
        const MeshHubOptions *hub = &setup->options->hub;
        char **problem = &setup->ctl->problem;

        int r = mesh_client_get_status(setup->bus, &setup->mesh, problem);
        if (r != 0)
                return r;

        bool is_hub = streq(strempty(setup->mesh.role), "hub");
        if (is_hub && !streq(strempty(setup->mesh.network), network_name(setup)))
                return problem_set(
                        problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                        "that machine is the hub of the network %s, and the operator here is of %s; "
                        "choose another folder with --dir",
                        strempty(setup->mesh.network), network_name(setup));
        if (!is_hub && hub->n_endpoints == 0)
                return ctl_usage(setup->ctl, "hub init needs --endpoint: how devices reach this hub by UDP");
        if (!is_hub || hub->n_endpoints > 0 || hub->prefix) {
                r = configure(setup, is_hub);
                if (r != 0)
                        return r;
        }

        return progress_line(&setup->progress, "Network", "%s, %s; the hub is %s%s", setup->mesh.network,
                             strempty(setup->mesh.prefix), strempty(setup->mesh.address),
                             is_hub ? " (already so)" : "");
}

/* ---- root 1 */

static int sign_root(HubSetup *setup)
{
        const RootChanges changes = { .witness = { .keys = { setup->ledger.key }, .n = 1 } };
        const PublicKey *own = &setup->key.public;
        _cleanup_(root_draft_done) RootDraft draft = ROOT_DRAFT_NULL;
        _cleanup_(freep) char *path = NULL;
        Ctl *ctl = setup->ctl;
        RootBuilder builder;

        root_builder_begin(&builder, setup->options->name);
        root_builder_set(&builder, ROOT_ROLE_ROOT, own);
        root_builder_set(&builder, ROOT_ROLE_MANIFEST, own);
        root_builder_set(&builder, ROOT_ROLE_TOKEN, own);
        int r = root_builder_apply(&builder, &changes, own, ctl->now_ms, &ctl->problem);
        if (r == 0)
                r = root_draft_new(&builder.root, NULL, &draft);
        if (r == 0)
                r = root_draft_sign(&draft, setup->key.pair);
        if (r == 0)
                r = root_store_deliver(setup->options->key.dir, &draft, &path, &ctl->problem);

        return r != 0 ? r : root_store_load(setup->options->key.dir, &setup->chain, &ctl->problem);
}

int hub_setup_root(HubSetup *setup)
{
        bool is_new = !setup->chain.root;
        char words[FINGERPRINT_SIZE];
        DispatchKeys keys;

        int r = devices_client_get_keys(setup->bus, &keys, &setup->ctl->problem);
        if (r == 0)
                r = ledger_client_get_status(setup->bus, &setup->ledger, &setup->ctl->problem);
        if (r == 0 && is_new)
                r = sign_root(setup);
        if (r != 0)
                return r;

        fingerprint_format_root(root_chain_last_digest(&setup->chain), words);
        r = progress_line(&setup->progress, "Root", "%" PRIi64 ", %s", setup->chain.root->version,
                          is_new ? "signed" : "is here already");
        if (r == 0)
                r = progress_line(&setup->progress, "", "fingerprint %s", words);
        if (r == 0)
                r = progress_line(&setup->progress, "",
                                  "compare it on devices before they join; it is no recovery phrase");
        if (r == 0 && !root_has_key(setup->chain.root, ROOT_ROLE_WITNESS, &setup->ledger.key))
                r = progress_line(&setup->progress, "",
                                  "it does not name this hub as a witness; run: devboxctl operator rotate "
                                  "--keep-key --witness KEY, with that of: devboxctl device key");
        return r;
}

/* ---- the hub obeys it */

typedef int (*RootInstaller)(HubSetup *setup, const char *envelope);

/* Roots up to `known` are there. */
static int install_roots(HubSetup *setup, int64_t known, RootInstaller install)
{
        int r = 0;

        for (int64_t version = known + 1; version <= setup->chain.root->version && r == 0; version++) {
                _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;

                r = root_store_load_before(setup->options->key.dir, version + 1, &chain,
                                           &setup->ctl->problem);
                if (r == 0)
                        r = install(setup, chain.text);
        }

        return r;
}

static int install_in_ledger(HubSetup *setup, const char *envelope)
{
        return ledger_client_install_root(setup->bus, envelope, &setup->ctl->problem);
}

static int install_in_mesh(HubSetup *setup, const char *envelope)
{
        return mesh_client_send_text(setup->bus, "SetRoot", envelope, &setup->ctl->problem);
}

static int enroll_hub(HubSetup *setup)
{
        DeviceEnrolment enrolment = { .device = HUB_NAME,
                                      .root = setup->chain.text,
                                      .root_sha256 = *root_chain_last_digest(&setup->chain) };

        if (getrandom(enrolment.chain_id, CHAIN_ID_SIZE, 0) != CHAIN_ID_SIZE)
                return -errno;

        return ledger_client_enroll(setup->bus, &enrolment, &setup->ctl->problem);
}

int hub_setup_ledger(HubSetup *setup)
{
        const char *device = strempty(setup->ledger.device);
        int r;

        if (*device == '\0')
                r = enroll_hub(setup);
        else if (streq(device, HUB_NAME))
                r = install_roots(setup, (int64_t) setup->ledger.root_version, install_in_ledger);
        else
                r = problem_set(&setup->ctl->problem, DEVBOX_ERROR_ENROLLED_OTHERWISE,
                                "that machine is the device %s already; see: devboxctl device status",
                                device);
        if (r != 0)
                return r;

        return progress_line(&setup->progress, "Ledger", "%s",
                             *device == '\0' ? "the hub's own chain has begun"
                                             : "the hub's own chain is there already");
}

int hub_setup_mesh(HubSetup *setup)
{
        size_t known;

        int r = mesh_client_count_roots(setup->bus, &known, &setup->ctl->problem);
        return r != 0 ? r : install_roots(setup, (int64_t) known, install_in_mesh);
}
