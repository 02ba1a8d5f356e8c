/* SPDX-License-Identifier: MIT */
/* devboxctl containers: docker.list of one device, or of every device that is online and whose manifest lets
 * the hub run it. Each is a request of its own, in the audit chain of its device. */

#include "basic/fd.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/problem.h"
#include "ctl/run/devices-client.h"
#include "ctl/run/run-stream.h"
#include "ctl/verbs.h"
#include "proto/container-line.h"

#define N_COLUMNS 5

static const char *const keys[N_COLUMNS] = { "device", "name", "state", "image", "status" };

/* What is shown; the first failure of the table and of the JSON sticks. */
typedef struct Collection {
        Ctl *ctl;
        Table table;
        Json json;
        size_t n;
} Collection;

static void collection_done(Collection *collection)
{
        table_done(&collection->table);
        json_done(&collection->json);
}

/* ---- what a device prints */

static void add_container(Collection *collection, const char *device, const ContainerLine *line)
{
        const char *const values[N_COLUMNS] = { device, line->name, line->state, line->image, line->status };

        json_open_object(&collection->json, NULL);
        for (size_t i = 0; i < N_COLUMNS; i++) {
                json_add_string(&collection->json, keys[i], values[i]);
                table_add(&collection->table, i == 1 ? STYLE_HEAD : STYLE_PLAIN, "%s", values[i]);
        }
        json_close_object(&collection->json);
        collection->n++;
}

static int add_containers(Collection *collection, const char *device, const Text *output)
{
        _cleanup_(freep) char *text = strndup(strempty(output->data), output->size);
        ContainerLine line;
        char *rest = text;

        if (!text)
                return -ENOMEM;
        while (container_line_next(&rest, &line))
                add_container(collection, device, &line);
        return 0;
}

/* ---- a device */

/* Whether an entry lets it be listed now: one with an approval waits for people. */
static bool is_offered(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++)
                if (manifest->capabilities.items[i].kind == CAPABILITY_DOCKER_LIST &&
                    manifest->capabilities.items[i].approval == APPROVAL_NONE)
                        return true;

        return false;
}

static int check_offered(Collection *collection, const char *device, bool *ret_offered)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;

        int r = devices_client_get_manifest(collection->ctl->bus, device, &manifest,
                                            &collection->ctl->problem);
        if (r == 0)
                *ret_offered = is_offered(manifest);
        return r;
}

static int list_device(Collection *collection, const char *device)
{
        _cleanup_(run_end_done) RunEnd end = RUN_END_NULL;
        _cleanup_(fd_closep) int fd = -EBADF;
        char *const words[] = { NULL };
        RunCall call = { .device = device, .capability = "docker.list", .words = words };
        char id[ULID_SIZE];
        Ctl *ctl = collection->ctl;

        int r = run_start(ctl, &call, &fd, id);
        if (r == 0)
                r = run_follow(ctl, fd, true, &end);
        if (r != 0)
                return r;

        ctl->status = run_exit_status(&end);
        return ctl->status == CTL_OK ? add_containers(collection, device, &end.streams[0])
                                     : problem_set(&ctl->problem, DEVBOX_ERROR_INTERNAL, "%s: %s", device,
                                                   end.message ? end.message : end.state);
}

static int list_one(Collection *collection, const char *device)
{
        bool offered = false;

        int r = check_offered(collection, device, &offered);
        if (r == 0 && !offered)
                r = problem_set(&collection->ctl->problem, DEVBOX_ERROR_UNKNOWN_CAPABILITY,
                                "the manifest of %s offers no docker.list; see: devboxctl capabilities %s",
                                device, device);
        return r != 0 ? r : list_device(collection, device);
}

/* ---- all devices */

/* A device that fails does not hide the others; the exit status says that there was one. */
static int list_all(Collection *collection)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };
        Ctl *ctl = collection->ctl;
        bool failed = false;

        int r = client_query(collection->ctl->bus, &dispatch_list_devices, &rows, &ctl->problem);
        for (size_t i = 0; r == 0 && i < rows.n; i++) {
                const MeshPeer *peer = &((const FleetDevice *) rows.items)[i].peer;
                bool offered = false;

                if (!streq(peer_state(peer), "online") || peer->manifest_version == 0)
                        continue;

                r = check_offered(collection, peer->name, &offered);
                if (r == 0 && offered)
                        r = list_device(collection, peer->name);
                if (r <= 0)
                        continue;
                r = print_line(stderr, "devboxctl: %s", strempty(ctl->problem));
                free(TAKE_PTR(ctl->problem));
                failed = true;
        }

        if (r == 0)
                ctl->status = failed ? CTL_PROBLEM : CTL_OK;
        return r;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        static const char *const titles[N_COLUMNS] = { "DEVICE", "CONTAINER", "STATE", "IMAGE", "STATUS" };
        _cleanup_(collection_done) Collection collection = { .ctl = ctl, .table.n_columns = N_COLUMNS };

        for (size_t i = 0; i < N_COLUMNS; i++)
                table_add(&collection.table, STYLE_FAINT, "%s", titles[i]);
        json_open_object(&collection.json, NULL);
        json_open_array(&collection.json, "containers");
        int r = args[0] ? list_one(&collection, args[0]) : list_all(&collection);
        if (r != 0)
                return r;

        json_close_array(&collection.json);
        json_close_object(&collection.json);
        if (ctl->json)
                return print_json(&collection.json);
        if (collection.n == 0)
                return print_line(stdout, "no containers");
        return table_print(&collection.table, stdout, ctl->colour);
}

const Verb verb_containers = {
        .name = "containers",
        .arguments = "[DEVICE]",
        .help = "show the containers of the devices",
        .example = "containers home-wsl",
        .statuses = "failure, of one of the devices, too; 69, 70, 77, 124 of DEVICE as those of run",
        .bus = true,
        .run = run,
};
