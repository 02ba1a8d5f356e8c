/* SPDX-License-Identifier: MIT */
/* The client of a service on the bus. */

#include "bus/client.h"

#include <stdarg.h>

#include "basic/macro.h"
#include "bus/error.h"
#include "log/log.h"

static const BusReply bus_unavailable = { .reason = DEVBOX_ERROR_BUS_UNAVAILABLE };

/* A service that answers with an error of its own is not lost. */
static bool reason_is_loss(const BusService *service, int reason)
{
        return reason == (int) service->unavailable || reason == (int) service->timeout ||
               reason == DEVBOX_ERROR_BUS_UNAVAILABLE || reason == DEVBOX_ERROR_ACCESS_DENIED;
}

static void set_lost(BusClient *client, int reason)
{
        const BusService *service = client->service;
        bool lost = reason_is_loss(service, reason);

        if (client->lost == lost)
                return;

        client->lost = lost;
        if (!service->title)
                return;
        if (lost)
                (void) log_full(LOG_WARNING, 0,
                                LOG_FIELDS({ "MESSAGE_ID", service->lost_message_id },
                                           { "DEVBOX_OUTCOME", devbox_error_code((DevboxError) reason) }),
                                "No answer from %s: %s", service->title,
                                devbox_error_sentence((DevboxError) reason));
        else
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", service->back_message_id }),
                                "%s answers again", service->title);
}

void bus_request_cancel(BusRequest *request)
{
        if (!request->slot)
                return;

        request->slot = sd_bus_slot_unref(request->slot);
        LIST_REMOVE(request, entry);
}

static void complete(BusRequest *request, const BusReply *reply)
{
        BusClient *client = request->client;

        bus_request_cancel(request);
        if (reply->reason > 0)
                client->stats.failed_total++;
        set_lost(client, reply->reason);
        request->on_reply(request, reply);
}

/* The message of an error is the sentence of its reason, which the table has, and perhaps ": details". */
static const char *detail_of(const sd_bus_error *error, int reason)
{
        const char *sentence = devbox_error_sentence((DevboxError) reason);
        size_t length = strlen(sentence);

        if (!error->message || strncmp(error->message, sentence, length) != 0 ||
            !startswith(error->message + length, ": "))
                return NULL;

        return error->message + length + strlen(": ");
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        BusRequest *request = userdata;
        const BusClient *client = request->client;
        const sd_bus_error *error = sd_bus_message_get_error(message);
        BusReply reply = { .message = message };

        if (error) {
                DevboxError reason =
                        bus_error_reason(error, client->service->unavailable, client->service->timeout);

                if (sd_bus_is_open(client->bus) <= 0)
                        reason = DEVBOX_ERROR_BUS_UNAVAILABLE;
                reply = (BusReply){ .reason = (int) reason, .detail = detail_of(error, (int) reason) };
        }

        complete(request, &reply);
        return 0;
}

sd_bus_message *bus_client_new_call(const BusClient *client, const char *member, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        const BusService *service = client->service;
        va_list arguments;

        if (!client->bus || sd_bus_message_new_method_call(client->bus, &call, service->name, service->path,
                                                           service->name, member) < 0)
                return NULL;

        va_start(arguments, types);
        int r = types ? sd_bus_message_appendv(call, types, arguments) : 0;
        va_end(arguments);
        return r < 0 ? NULL : TAKE_PTR(call);
}

void bus_client_send_take(BusClient *client, BusRequest *request, sd_bus_message *take_call,
                          BusReplyHandler on_reply_handler)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = take_call;

        assert(!request->slot);
        *request = (BusRequest){ .client = client, .on_reply = on_reply_handler };
        client->stats.calls_total++;

        int r = client->bus && call ? sd_bus_call_async(client->bus, &request->slot, call, on_reply, request,
                                                        client->service->deadline_usec)
                                    : -ENOTCONN;
        if (r >= 0)
                LIST_INSERT_HEAD(&client->pending, request, entry);
        else
                complete(request, &bus_unavailable);
}

void bus_client_attach(BusClient *client, sd_bus *bus)
{
        client->bus = sd_bus_ref(bus);
}

void bus_client_detach(BusClient *client)
{
        client->bus = sd_bus_unref(client->bus);
        while (!LIST_EMPTY(&client->pending))
                complete(LIST_FIRST(&client->pending), &bus_unavailable);
}

void bus_client_done(BusClient *client)
{
        while (!LIST_EMPTY(&client->pending))
                bus_request_cancel(LIST_FIRST(&client->pending));
        client->bus = sd_bus_unref(client->bus);
}
