/* SPDX-License-Identifier: MIT */
/* devbox-collector's methods and its signals, for devbox-api. */

#include "api/collector-client.h"

#include "log/log.h"

static const BusService collector_service = {
        .title = "devbox-collector",
        .name = "org.devbox.Collector1",
        .path = "/org/devbox/Collector1",
        .deadline_usec = COLLECTOR_DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_COLLECTOR_TIMEOUT,
        .lost_message_id = MESSAGE_COLLECTOR_LOST,
        .back_message_id = MESSAGE_COLLECTOR_BACK,
};

static const char *const call_methods[_COLLECTOR_CALL_MAX] = {
        [COLLECTOR_CALL_SYSTEM] = "GetSystem",
        [COLLECTOR_CALL_UNITS] = "GetUnits",
        [COLLECTOR_CALL_SNAPSHOT] = "GetSnapshot",
};

struct CollectorClient {
        BusClient bus_client;
        CollectorHandlers handlers;
        void *owner;
        sd_bus_slot *slot_changed, *slot_owner;
        BusRequest requests[_COLLECTOR_CALL_MAX];
};

static void on_reply(BusRequest *request, const BusReply *reply)
{
        CollectorClient *client = CONTAINER_OF(request->client, CollectorClient, bus_client);

        client->handlers.on_reply((CollectorCall) (request - client->requests), reply, client->owner);
}

static int on_units_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        CollectorClient *client = userdata;

        /* Without names: the collector has read its configuration again. */
        bool all = sd_bus_message_enter_container(message, 'a', "s") < 0 ||
                   sd_bus_message_at_end(message, false) > 0;
        client->handlers.on_changed(all, client->owner);
        return 0;
}

/* A collector that has left the bus reports no changes. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        CollectorClient *client = userdata;
        const char *old_owner;

        if (sd_bus_message_read(message, "sss", NULL, &old_owner, NULL) < 0 || *old_owner != '\0')
                client->handlers.on_changed(true, client->owner);
        return 0;
}

int collector_client_new(const CollectorHandlers *handlers, void *owner, CollectorClient **ret_client)
{
        CollectorClient *client = calloc(1, sizeof *client);
        if (!client)
                return -ENOMEM;

        client->bus_client.service = &collector_service;
        client->handlers = *handlers;
        client->owner = owner;
        *ret_client = client;
        return 0;
}

CollectorClient *collector_client_free(CollectorClient *client)
{
        bus_client_done(&client->bus_client);
        sd_bus_slot_unref(client->slot_changed);
        sd_bus_slot_unref(client->slot_owner);
        free(client);
        return NULL;
}

int collector_client_attach(CollectorClient *client, sd_bus *bus)
{
        int r = sd_bus_match_signal_async(bus, &client->slot_changed, collector_service.name,
                                          collector_service.path, collector_service.name, "UnitsChanged",
                                          on_units_changed, NULL, client);
        if (r < 0)
                return r;
        r = sd_bus_add_match_async(bus, &client->slot_owner,
                                   "type='signal',sender='org.freedesktop.DBus',"
                                   "member='NameOwnerChanged',arg0='org.devbox.Collector1'",
                                   on_owner_changed, NULL, client);
        if (r < 0)
                return r;

        bus_client_attach(&client->bus_client, bus);
        return 0;
}

void collector_client_detach(CollectorClient *client)
{
        client->slot_changed = sd_bus_slot_unref(client->slot_changed);
        client->slot_owner = sd_bus_slot_unref(client->slot_owner);
        client->handlers.on_changed(true, client->owner);
        bus_client_detach(&client->bus_client);
}

void collector_client_call(CollectorClient *client, CollectorCall call)
{
        BusClient *bus_client = &client->bus_client;

        bus_client_send_take(bus_client, &client->requests[call],
                             bus_client_new_call(bus_client, call_methods[call], NULL), on_reply);
}

bool collector_client_lost(const CollectorClient *client)
{
        return client->bus_client.lost;
}

const BusClientStats *collector_client_stats(const CollectorClient *client)
{
        return &client->bus_client.stats;
}
