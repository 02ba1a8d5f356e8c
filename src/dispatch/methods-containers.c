/* SPDX-License-Identifier: MIT */
/* ListContainers of org.devbox.Dispatch1: what the devices answered last. It asks none of them. */

#include "bus/dictionary.h"
#include "dispatch/containers.h"
#include "dispatch/method.h"
#include "log/log.h"

/* Of all devices in one reply. */
#define LISTED_MAX 4096

typedef struct Listing {
        sd_bus_message *reply;
        size_t n_left;
} Listing;

typedef struct Row {
        const char *device, *request_id;
        uint64_t as_of_ms;
        Containers containers;
} Row;

static const BusField container_fields[] = {
        BUS_FIELD("name", BUS_TEXT, ContainerLine, name),
        BUS_FIELD("state", BUS_TEXT, ContainerLine, state),
        BUS_FIELD("image", BUS_TEXT, ContainerLine, image),
        BUS_FIELD("status", BUS_TEXT, ContainerLine, status),
};
static const BusDictionary container_dictionary = BUS_DICTIONARY(container_fields);
static const BusRows container_rows = { &container_dictionary, sizeof(ContainerLine), CONTAINERS_MAX };

static const BusField row_fields[] = {
        BUS_FIELD("device", BUS_TEXT, Row, device),
        BUS_FIELD("request_id", BUS_TEXT, Row, request_id),
        BUS_FIELD("as_of_ms", BUS_UINT64, Row, as_of_ms),
        BUS_FIELD("truncated", BUS_BOOL, Row, containers.truncated),
        BUS_FIELD_ROWS("containers", &container_rows, Row, containers.rows, containers.n),
};
static const BusDictionary row_dictionary = BUS_DICTIONARY(row_fields);

/* A result that is not understood is one that its device has made so: it hides no other. */
static int append_device(StoredRequest *request, void *userdata)
{
        Listing *listing = userdata;
        Row row = { .device = request->device,
                    .request_id = request->id,
                    .as_of_ms = (uint64_t) request->ended_ms };

        int r = containers_read(strempty(request->result), listing->n_left, &row.containers);
        if (r == -ENOMEM)
                return r;
        if (r != 0) {
                log_debug("The containers of %s are not understood, ignoring", request->device);
                return 0;
        }

        listing->n_left -= row.containers.n;
        r = bus_dictionary_append(listing->reply, &row_dictionary, &row);
        containers_done(&row.containers);
        return MIN(r, 0);
}

static int handle_list_containers(sd_bus_message *message, void *userdata)
{
        DispatchStore *store = queue_store(((DispatchDaemon *) userdata)->queue);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = bus_reply_rows_begin(message, &reply);
        if (r >= 0)
                r = dispatch_store_each_listing(store, append_device,
                                                &(Listing){ .reply = reply, .n_left = LISTED_MAX });
        return bus_reply_rows_send(r, reply);
}

DISPATCH_METHOD(list_containers, ACCESS_READERS);

const sd_bus_vtable dispatch_container_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("ListContainers", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", devices),
                                on_list_containers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
