/* SPDX-License-Identifier: MIT */
/* devboxctl manifest publish: gives devices of the network their next manifest, by way of the hub. */

#include <inttypes.h>
#include <stdio.h>

#include "codec/strict-json.h"
#include "ctl/device/ledger-client.h"
#include "ctl/hub/device-manifest.h"
#include "ctl/manifest/changes.h"
#include "ctl/manifest/lint-print.h"
#include "ctl/operator/options.h"
#include "ctl/print.h"
#include "ctl/problem.h"
#include "ctl/progress.h"
#include "ctl/verbs.h"
#include "proto/id.h"

typedef struct PublishOptions {
        KeySource key;
        const char *template;
        bool all, yes;
} PublishOptions;

/* The next manifest of one device, or why there is none. */
typedef struct Publication {
        char device[DEVICE_NAME_SIZE];
        Manifest *manifest;
        int error; /* a DevboxError; 0: none */
        char *problem;
} Publication;

typedef struct Publisher {
        HubSession session;
        const PublishOptions *options;
        Publication *items;
        size_t n;
} Publisher;

static void publisher_done(Publisher *publisher)
{
        for (size_t i = 0; i < publisher->n; i++) {
                manifest_free(publisher->items[i].manifest);
                free(publisher->items[i].problem);
        }
        free(publisher->items);
        hub_session_done(&publisher->session);
}

static int add_device(Publisher *publisher, const char *device)
{
        Publication *grown = realloc(publisher->items, (publisher->n + 1) * sizeof *grown);

        if (!grown)
                return -ENOMEM;

        publisher->items = grown;
        grown[publisher->n] = (Publication){ .manifest = NULL };
        (void) snprintf(grown[publisher->n++].device, DEVICE_NAME_SIZE, "%s", device);
        return 0;
}

/* Every device of the network, and the hub if it is one. */
static int add_all(Publisher *publisher)
{
        _cleanup_(kept_manifest_done) KeptManifest own = KEPT_MANIFEST_NULL;
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        HubSession *session = &publisher->session;

        int r = mesh_client_list_peers(session->bus, false, &rows, &session->ctl->problem);
        for (size_t i = 0; i < rows.n && r == 0; i++)
                r = add_device(publisher, ((const MeshPeer *) rows.items)[i].name);
        if (r == 0)
                r = device_manifest_read_kept(session, HUB_NAME, &own);
        if (r == DEVBOX_ERROR_MANIFEST_MISSING)
                return 0;

        return r == 0 ? add_device(publisher, HUB_NAME) : r;
}

/* Among several devices, one that cannot have its manifest is reported, and the others go on. */
static int take_failure(Publisher *publisher, Publication *publication, int r)
{
        Ctl *ctl = publisher->session.ctl;
        DevboxError error = (DevboxError) r;

        if (r <= 0 || !publisher->options->all)
                return r;
        if (!ctl->problem && (r = problem_about(&ctl->problem, error, publication->device)) < 0)
                return r;
        r = ctl->json ? 0 : print_line(stderr, "%s gets no manifest:", publication->device);
        if (r == 0 && !ctl->json)
                r = print_problem(ctl, error);

        publication->error = (int) error;
        publication->problem = TAKE_PTR(ctl->problem);
        ctl->status = CTL_PROBLEM;
        return r;
}

static size_t count_ready(const Publisher *publisher)
{
        size_t n = 0;

        for (size_t i = 0; i < publisher->n; i++)
                n += publisher->items[i].error == 0;
        return n;
}

/* ---- what changes */

/* Dates change with every manifest: they are shown on one line. */
static int build_tree(const Manifest *manifest, cJSON **ret_tree)
{
        static const char *const lists[] = { "dispatchers", "attesters" };
        cJSON *row;

        int r = schema_build(&manifest_schema, manifest, ret_tree, NULL);
        if (r != 0)
                return r > 0 ? -EINVAL : r;

        manifest_tree_drop(*ret_tree, manifest_filled_keys);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(*ret_tree, lists[i]))
                        cJSON_DeleteItemFromObjectCaseSensitive(row, "not_after");
        return 0;
}

static int show(const Ctl *ctl, const Manifest *old, const Manifest *new)
{
        _cleanup_(json_deletep) cJSON *before = NULL, *after = NULL;
        char until[FIGURE_MAX];
        size_t n;

        if (ctl->json)
                return 0;

        int r = build_tree(old, &before);
        if (r == 0)
                r = build_tree(new, &after);
        if (r == 0)
                r = print_line(stdout, "%s, version %" PRIi64 ", until %s", new->device, new->version,
                               format_moment(until, (uint64_t) new->expires_at_ms));
        if (r == 0)
                r = manifest_print_changes(ctl, before, after, &n);
        return r != 0 || n > 0 ? r : print_line(stdout, "  nothing but version and dates changes");
}

/* What the linter notes, as devboxctl manifest sign does: for example what can never run. */
static int show_notes(const Ctl *ctl, Manifest *manifest)
{
        _cleanup_(lint_report_done) LintReport report = LINT_REPORT_NULL;
        const ManifestFile file = { .path = manifest->device, .manifest = manifest };

        if (ctl->json)
                return 0;

        int r = manifest_lint(manifest, NULL, ctl->now_ms, &report);
        return r != 0 ? r : lint_print_findings(stdout, ctl->colour, &file, &report);
}

static MeshManifestNext next_of(const HubSession *session, const KeptManifest *kept)
{
        bool same_epoch = kept->manifest->epoch == session->chain.root->epoch;

        return (MeshManifestNext){ .epoch = (uint64_t) session->chain.root->epoch,
                                   .version = same_epoch ? (uint64_t) kept->manifest->version + 1 : 1,
                                   .previous = kept->digest };
}

static int prepare(Publisher *publisher, Publication *publication)
{
        _cleanup_(kept_manifest_done) KeptManifest kept = KEPT_MANIFEST_NULL;
        HubSession *session = &publisher->session;
        const char *device = publication->device;
        char **problem = &session->ctl->problem;

        int r = mesh_client_reject_revoked(session->bus, device, problem);
        if (r == 0)
                r = device_manifest_read_kept(session, device, &kept);
        if (r == DEVBOX_ERROR_MANIFEST_MISSING)
                return problem_set(problem, DEVBOX_ERROR_PEER_UNKNOWN,
                                   "%s is no device of this network; run: %s%s%s invite %s%s", device,
                                   CTL_COMMAND(session->ctl), device,
                                   streq(device, HUB_NAME) ? " --self" : "");
        if (r == 0 && manifest_is_tombstone(kept.manifest))
                return problem_set(problem, DEVBOX_ERROR_PEER_REVOKED,
                                   "%s is revoked in epoch %" PRIi64
                                   "; it comes back with: %s%s%s invite %s",
                                   device, kept.manifest->epoch, CTL_COMMAND(session->ctl), device);
        if (r != 0)
                return r;

        const MeshManifestNext next = next_of(session, &kept);
        const DeviceManifest wanted = { device, publisher->options->template, &kept.manifest->device_key,
                                        &next };
        r = device_manifest_make(session, &wanted, &publication->manifest);
        if (r == 0)
                r = show(session->ctl, kept.manifest, publication->manifest);
        return r != 0 ? r : show_notes(session->ctl, publication->manifest);
}

/* ---- delivery */

static int confirm(const Publisher *publisher)
{
        Ctl *ctl = publisher->session.ctl;
        const Progress progress = { ctl, 0 };

        size_t n = count_ready(publisher);

        if (publisher->options->yes || n == 0)
                return 0;

        int r = progress_ask(&progress, n == 1 ? "sign and deliver it?" : "sign and deliver them?");
        if (r == -ENOTTY)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "there is no terminal to ask on; the same with --yes signs and delivers");
        return r < 0    ? r
               : r == 1 ? 0
                        : problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "nothing was signed");
}

/* The hub hands it on when it next reaches the device; its own ledger takes it now. */
static int deliver(Publisher *publisher, const Publication *publication, const char *envelope)
{
        const DeviceManifest wanted = { .device = publication->device,
                                        .path = publisher->options->template };
        HubSession *session = &publisher->session;
        ManifestInstallation installed;
        Ctl *ctl = session->ctl;

        int r = device_manifest_keep(session, &wanted);
        if (r == 0)
                r = mesh_client_send_text(session->bus, "PublishManifest", envelope, &ctl->problem);
        if (r == 0 && streq(publication->device, HUB_NAME))
                r = ledger_client_install_manifest(session->bus, envelope, &installed, &ctl->problem);
        if (r != 0 || ctl->json)
                return r;

        return print_line(stdout, "%s: version %" PRIi64 " is signed, and delivered %s", publication->device,
                          publication->manifest->version,
                          streq(publication->device, HUB_NAME) ? "here"
                                                               : "as soon as the device is reached");
}

/* A key that cannot be used is the end of it all. */
static int sign_and_deliver(Publisher *publisher, Publication *publication)
{
        _cleanup_(freep) char *envelope = NULL;

        if (publication->error != 0)
                return 0;
        int r = hub_session_sign_manifest(&publisher->session, publication->manifest, &envelope);
        return r != 0 ? r : take_failure(publisher, publication, deliver(publisher, publication, envelope));
}

static void add_published(Json *json, const Manifest *manifest)
{
        json_open_object(json, NULL);
        json_add_string(json, "name", manifest->device);
        json_add_u64(json, "epoch", (uint64_t) manifest->epoch);
        json_add_u64(json, "version", (uint64_t) manifest->version);
        json_add_time(json, "expires_at", (uint64_t) manifest->expires_at_ms * USEC_PER_MSEC);
        json_close_object(json);
}

static void add_failed(Json *json, const Publication *publication)
{
        json_open_object(json, NULL);
        json_add_string(json, "name", publication->device);
        json_add_string(json, "code", devbox_error_code((DevboxError) publication->error));
        json_add_string(json, "message", publication->problem);
        json_close_object(json);
}

static int print_published_json(const Publisher *publisher)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "published");
        for (size_t i = 0; i < publisher->n; i++)
                if (publisher->items[i].error == 0)
                        add_published(&json, publisher->items[i].manifest);
        json_close_array(&json);
        json_open_array(&json, "failed");
        for (size_t i = 0; i < publisher->n; i++)
                if (publisher->items[i].error != 0)
                        add_failed(&json, &publisher->items[i]);
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(publisher_done) Publisher publisher = { .options = options };

        if (publisher.options->all == (args[0] != NULL))
                return ctl_usage(ctl, "name a device, or give --all");
        if (publisher.options->all && publisher.options->template)
                return ctl_usage(ctl, "--template is for one device");

        int r = hub_session_open(ctl, &publisher.options->key, &publisher.session);
        if (r == 0)
                r = args[0] ? add_device(&publisher, args[0]) : add_all(&publisher);
        for (size_t i = 0; i < publisher.n && r == 0; i++)
                r = take_failure(&publisher, &publisher.items[i], prepare(&publisher, &publisher.items[i]));
        if (r == 0 && publisher.n == 0 && !ctl->json)
                return print_line(stdout, "The network has no devices yet. Begin with: %s%s%s invite NAME",
                                  CTL_COMMAND(ctl));
        if (r == 0)
                r = confirm(&publisher);
        for (size_t i = 0; i < publisher.n && r == 0; i++)
                r = sign_and_deliver(&publisher, &publisher.items[i]);

        return r != 0 || !ctl->json ? r : print_published_json(&publisher);
}

static const Option options[] = {
        { "all", &option_switch, offsetof(PublishOptions, all), "every device of the network" },
        { "template", &option_file, offsetof(PublishOptions, template),
          "what the device may do from now on (its stored template)" },
        { "yes", &option_switch, offsetof(PublishOptions, yes), "sign without a question" },
        KEY_OPTIONS(PublishOptions),
        { 0 },
};

const Verb verb_manifest_publish = {
        .noun = "manifest",
        .name = "publish",
        .arguments = "[NAME]",
        .help = "sign and deliver the next manifest of devices",
        .example = "manifest publish home-wsl",
        VERB_OPTIONS(PublishOptions, options),
        .defaults = &(const PublishOptions){ .key = KEY_SOURCE_INIT },
        .remote = true,
        .run = run,
};
