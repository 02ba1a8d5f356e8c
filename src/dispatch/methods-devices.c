/* SPDX-License-Identifier: MIT */
/* ListDevices and GetDevice of org.devbox.Dispatch1: what devbox-mesh knows of the devices, then for one
 * after the other what the ledger has witnessed of its chain, and the queue. */

#include "bus/dictionary.h"
#include "dispatch/method.h"
#include "dispatch/witness.h"

#define DEVICES_MAX 16384 /* more than a mesh has peers */

/* Of devbox-mesh, whose reply it borrows from; the rest is added here. */
typedef struct Device {
        const char *name, *address, *state, *presence, *quarantine, *manifest_problem, *witness_problem,
                *ledger_problem;
        uint64_t last_handshake_ms, manifest_epoch, manifest_version, manifest_expires_at_ms;
        uint64_t approving, queued, running, audit_entries, witnessed_entries;
        bool quarantine_known, witness_known, ledger_known;
} Device;

static const BusField device_fields[] = {
        BUS_FIELD("name", BUS_TEXT, Device, name, BUS_REQUIRED),
        BUS_FIELD("address", BUS_TEXT, Device, address),
        BUS_FIELD("state", BUS_TEXT, Device, state),
        BUS_FIELD("presence", BUS_TEXT, Device, presence),
        BUS_FIELD("last_handshake_ms", BUS_UINT64, Device, last_handshake_ms),
        BUS_FIELD("manifest_epoch", BUS_UINT64, Device, manifest_epoch),
        BUS_FIELD("manifest_version", BUS_UINT64, Device, manifest_version),
        BUS_FIELD("manifest_expires_at_ms", BUS_UINT64, Device, manifest_expires_at_ms),
        BUS_FIELD("approving", BUS_UINT64, Device, approving),
        BUS_FIELD("queued", BUS_UINT64, Device, queued),
        BUS_FIELD("running", BUS_UINT64, Device, running),
        BUS_FIELD("audit_entries", BUS_UINT64, Device, audit_entries),
        BUS_FIELD("witnessed_entries", BUS_UINT64, Device, witnessed_entries, BUS_IF_KNOWN),
        BUS_FIELD("quarantine", BUS_TEXT, Device, quarantine, BUS_OPTIONAL),
        BUS_FIELD("manifest_problem", BUS_TEXT, Device, manifest_problem, BUS_OPTIONAL),
        BUS_FIELD("witness_problem", BUS_TEXT, Device, witness_problem, BUS_OPTIONAL),
        BUS_FIELD("ledger_problem", BUS_TEXT, Device, ledger_problem, BUS_OPTIONAL),
        BUS_FIELD("quarantine_known", BUS_BOOL, Device, quarantine_known),
        BUS_FIELD("witness_known", BUS_BOOL, Device, witness_known),
        BUS_FIELD("ledger_known", BUS_BOOL, Device, ledger_known),
};
static const BusDictionary device_dictionary = BUS_DICTIONARY(device_fields);
static const BusRows device_rows = { .row = &device_dictionary,
                                     .row_size = sizeof(Device),
                                     .max = DEVICES_MAX };

typedef struct Listing {
        BusCall call;
        DispatchDaemon *self;
        BusRequest request;
        sd_bus_message *peers; /* the reply of devbox-mesh */
        Device *devices;
        size_t n_devices, n_witnessed;
        bool single;
} Listing;

void dispatch_listing_free(BusCall *call)
{
        Listing *listing = CONTAINER_OF(call, Listing, call);

        bus_request_cancel(&listing->request);
        bus_call_done(call);
        sd_bus_message_unref(listing->peers);
        free(listing->devices);
        free(listing);
}

static void listing_reject(Listing *listing, int reason)
{
        bus_reply_error(listing->call.message, reason, NULL);
        dispatch_listing_free(&listing->call);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const Device *) a)->name, ((const Device *) b)->name);
}

/* NULL: devbox-mesh does not list it. */
static Device *find_device(const Listing *listing, const char *name)
{
        const Device key = { .name = name };

        return bsearch(&key, listing->devices, listing->n_devices, sizeof key, compare_names);
}

static void count_request(const StoredRequest *request, void *userdata)
{
        Device *device = find_device(userdata, request->device);

        if (!device)
                return;

        uint64_t *const counts[DISPATCH_RUNNING + 1] = { [DISPATCH_APPROVING] = &device->approving,
                                                         [DISPATCH_QUEUED] = &device->queued,
                                                         [DISPATCH_RUNNING] = &device->running };
        (*counts[request->state])++;
}

static void add_link(const Listing *listing, const DeviceLink *link)
{
        Device *device = find_device(listing, device_link_name(link));

        if (!device)
                return;
        device->audit_entries = MAX(device->audit_entries, device_link_entries(link));
        device->manifest_problem = device_link_rejection(link, device->manifest_version);
        device->witness_problem = device->quarantine ? NULL : device_link_witness_problem(link);
        device->ledger_problem = device_link_ledger_problem(link);
        device->witness_known =
                device->quarantine_known && !device->quarantine && device_link_witness_is_known(link);
        device->ledger_known = device_link_ledger_is_known(link);
}

static void add_figures(const Listing *listing)
{
        Queue *queue = listing->self->queue;

        qsort(listing->devices, listing->n_devices, sizeof *listing->devices, compare_names);
        for (size_t i = 0; i < listing->n_devices; i++) {
                Device *device = &listing->devices[i];

                device->quarantine_known = device->witnessed_entries != UINT64_MAX;
                device->audit_entries = device->quarantine_known ? device->witnessed_entries : 0;
        }
        queue_each_open(queue, count_request, (void *) listing);
        for (size_t i = 0; i < queue_n_links(queue); i++)
                add_link(listing, queue_link(queue, i));
}

static int reply_rows(const Listing *listing)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = bus_reply_rows_begin(listing->call.message, &reply);
        for (size_t i = 0; r >= 0 && i < listing->n_devices; i++)
                r = bus_dictionary_append(reply, &device_dictionary, &listing->devices[i]);
        return bus_reply_rows_send(r, reply);
}

static void listing_reply(Listing *listing)
{
        add_figures(listing);
        int r = listing->single
                        ? bus_reply_dictionary(listing->call.message, &device_dictionary, listing->devices)
                        : reply_rows(listing);
        if (r < 0)
                return listing_reject(listing, DEVBOX_ERROR_INTERNAL);

        dispatch_listing_free(&listing->call);
}

/* ---- what the ledger has witnessed */

static void query_replica(Listing *listing);

/* Of a device that the ledger does not know, no entry is witnessed. */
static void on_replica(BusRequest *request, const BusReply *reply)
{
        Listing *listing = CONTAINER_OF(request, Listing, request);
        Device *device = &listing->devices[listing->n_witnessed++];
        WitnessedChain replica = { .quarantine = NULL };
        DevboxError code;

        if (reply->reason != 0 && reply->reason != DEVBOX_ERROR_PEER_UNKNOWN)
                return listing_reply(listing);
        if (reply->reason == 0 && witnessed_chain_read(reply->message, &replica) < 0)
                return listing_reject(listing, DEVBOX_ERROR_INTERNAL);

        device->witnessed_entries = replica.size;
        if (replica.quarantine)
                device->quarantine = devbox_error_code(devbox_error_from_code(replica.quarantine, &code) == 0
                                                               ? code
                                                               : DEVBOX_ERROR_INTERNAL);
        query_replica(listing);
}

static void query_replica(Listing *listing)
{
        BusClient *ledger = &listing->self->ledger;

        if (listing->n_witnessed == listing->n_devices)
                return listing_reply(listing);

        const char *name = listing->devices[listing->n_witnessed].name;
        bus_client_send_take(ledger, &listing->request, bus_client_new_call(ledger, "GetReplica", "s", name),
                             on_replica);
}

/* ---- the devices */

static int read_peers(Listing *listing, sd_bus_message *message)
{
        void *devices = NULL;
        int r;

        listing->peers = sd_bus_message_ref(message);
        if (listing->single) {
                listing->n_devices = 1;
                devices = calloc(1, sizeof(Device));
                r = devices ? bus_dictionary_read(message, &device_dictionary, devices) : -ENOMEM;
        } else
                r = bus_rows_read_new(message, &device_rows, &devices, &listing->n_devices);

        listing->devices = devices;
        for (size_t i = 0; r >= 0 && i < listing->n_devices; i++)
                listing->devices[i].witnessed_entries = UINT64_MAX;
        return r;
}

static void on_peers(BusRequest *request, const BusReply *reply)
{
        Listing *listing = CONTAINER_OF(request, Listing, request);

        if (reply->reason != 0)
                return listing_reject(listing, reply->reason);
        if (read_peers(listing, reply->message) < 0)
                return listing_reject(listing, DEVBOX_ERROR_INTERNAL);

        query_replica(listing);
}

/* `name` NULL: all. */
static int start_listing(DispatchDaemon *self, sd_bus_message *message, const char *name)
{
        Listing *listing = calloc(1, sizeof *listing);

        if (!listing)
                return -ENOMEM;
        int r = bus_call_init(&listing->call, &self->listings, message);
        if (r != 0) {
                free(listing);
                return r;
        }

        listing->self = self;
        listing->single = name;
        bus_client_send_take(&self->mesh, &listing->request,
                             name ? bus_client_new_call(&self->mesh, "GetPeer", "s", name)
                                  : bus_client_new_call(&self->mesh, "ListPeers", "b", false),
                             on_peers);
        return 0;
}

static int handle_list_devices(sd_bus_message *message, void *userdata)
{
        return start_listing(userdata, message, NULL);
}

static int handle_get_device(sd_bus_message *message, void *userdata)
{
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0 || !device_name_valid(name))
                return -EBADMSG;

        return start_listing(userdata, message, name);
}

/* ---- HangUp */

static int handle_hang_up(sd_bus_message *message, void *userdata)
{
        const DispatchDaemon *self = userdata;
        const char *device;
        uint32_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(message, 's', &device)) > 0)
                n += queue_hang_up(self->queue, device);
        return r < 0 ? -EBADMSG : bus_reply(message, "u", n);
}

DISPATCH_METHOD(hang_up, ACCESS_MESH);
DISPATCH_METHOD(list_devices, ACCESS_READERS);
DISPATCH_METHOD(get_device, ACCESS_READERS);

const sd_bus_vtable dispatch_device_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("HangUp", SD_BUS_ARGS("as", devices), SD_BUS_RESULT("u", requests),
                                on_hang_up, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", devices),
                                on_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a{sv}", device),
                                on_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
