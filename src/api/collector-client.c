/* SPDX-License-Identifier: MIT */
/* devbox-collector as the api sees it. */

#include "api/collector-client.h"

#include "basic/time.h"
#include "bus/error.h"
#include "log/log.h"

#define COLLECTOR "org.devbox.Collector1", "/org/devbox/Collector1", "org.devbox.Collector1"

/* Cold activation of the hardened collector and its first 250 ms window take well under a second. */
#define CALL_DEADLINE_USEC (2 * USEC_PER_SEC)

static const char *const call_methods[_COLLECTOR_CALL_MAX] = {
        [COLLECTOR_CALL_SYSTEM] = "GetSystem",
        [COLLECTOR_CALL_UNITS] = "GetUnits",
        [COLLECTOR_CALL_SNAPSHOT] = "GetSnapshot",
};

/* One call, with its way back to the client for the callback of sd-bus. */
typedef struct Call {
        CollectorClient *client;
        sd_bus_slot *slot; /* NULL: not under way */
} Call;

struct CollectorClient {
        CollectorHandlers handlers;
        void *owner;
        sd_bus *bus; /* NULL: none */
        sd_bus_slot *slot_changed;
        Call calls[_COLLECTOR_CALL_MAX];
        bool lost; /* it was told in the log, once */
        CollectorStats stats;
};

/* The collector is there if it answers, even with an error of its own. */
static void tell_lost_or_back(CollectorClient *client, int reason)
{
        bool lost = reason == DEVBOX_ERROR_COLLECTOR_UNAVAILABLE ||
                    reason == DEVBOX_ERROR_COLLECTOR_TIMEOUT || reason == DEVBOX_ERROR_BUS_UNAVAILABLE ||
                    reason == DEVBOX_ERROR_ACCESS_DENIED;

        if (client->lost == lost)
                return;

        client->lost = lost;
        if (lost)
                (void) log_full(LOG_WARNING, 0,
                                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_COLLECTOR_LOST },
                                           { "DEVBOX_OUTCOME", devbox_error_code((DevboxError) reason) }),
                                "No answer from devbox-collector: %s",
                                devbox_error_sentence((DevboxError) reason));
        else
                (void) log_full(LOG_NOTICE, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_COLLECTOR_BACK }),
                                "devbox-collector answers again");
}

static void complete(CollectorClient *client, CollectorCall call, const CollectorAnswer *answer)
{
        client->calls[call].slot = sd_bus_slot_unref(client->calls[call].slot);
        if (answer->reason > 0)
                client->stats.failed_total++;

        tell_lost_or_back(client, answer->reason);
        client->handlers.on_answer(call, answer, client->owner);
}

/* The message of an error is its sentence, which the table has, and perhaps ": details". */
static const char *detail_of(const sd_bus_error *error, int reason)
{
        const char *sentence = devbox_error_sentence((DevboxError) reason);
        size_t length = strlen(sentence);

        if (!error->message || strncmp(error->message, sentence, length) != 0 ||
            !startswith(error->message + length, ": "))
                return NULL;

        return error->message + length + strlen(": ");
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Call *call = userdata;
        CollectorClient *client = call->client;
        CollectorAnswer answer = { .message = reply };

        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(reply);

                answer.message = NULL;
                answer.reason = sd_bus_is_open(client->bus) > 0
                                        ? (int) bus_error_reason(error, DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
                                                                 DEVBOX_ERROR_COLLECTOR_TIMEOUT)
                                        : DEVBOX_ERROR_BUS_UNAVAILABLE;
                answer.detail = detail_of(error, answer.reason);
        }

        complete(client, (CollectorCall) (call - client->calls), &answer);
        return 0;
}

static int on_units_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        CollectorClient *client = userdata;

        client->handlers.on_units_changed(client->owner);
        return 0;
}

int collector_client_new(const CollectorHandlers *handlers, void *owner, CollectorClient **ret_client)
{
        CollectorClient *client = calloc(1, sizeof *client);
        if (!client)
                return -ENOMEM;

        client->handlers = *handlers;
        client->owner = owner;
        for (CollectorCall call = 0; call < _COLLECTOR_CALL_MAX; call++)
                client->calls[call].client = client;

        *ret_client = client;
        return 0;
}

CollectorClient *collector_client_free(CollectorClient *client)
{
        for (CollectorCall call = 0; call < _COLLECTOR_CALL_MAX; call++)
                sd_bus_slot_unref(client->calls[call].slot);
        sd_bus_slot_unref(client->slot_changed);
        sd_bus_unref(client->bus);
        free(client);
        return NULL;
}

int collector_client_attach(CollectorClient *client, sd_bus *bus)
{
        int r = sd_bus_match_signal_async(bus, &client->slot_changed, COLLECTOR, "UnitsChanged",
                                          on_units_changed, NULL, client);
        if (r < 0)
                return r;

        client->bus = sd_bus_ref(bus);
        return 0;
}

void collector_client_detach(CollectorClient *client)
{
        static const CollectorAnswer lost = { .reason = DEVBOX_ERROR_BUS_UNAVAILABLE };

        client->slot_changed = sd_bus_slot_unref(client->slot_changed);
        client->bus = sd_bus_unref(client->bus);
        for (CollectorCall call = 0; call < _COLLECTOR_CALL_MAX; call++)
                if (client->calls[call].slot)
                        complete(client, call, &lost);
}

static int begin(CollectorClient *client, CollectorCall call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (!client->bus)
                return -ENOTCONN;

        int r = sd_bus_message_new_method_call(client->bus, &message, COLLECTOR, call_methods[call]);
        if (r < 0)
                return r;

        return sd_bus_call_async(client->bus, &client->calls[call].slot, message, on_reply,
                                 &client->calls[call], CALL_DEADLINE_USEC);
}

void collector_client_call(CollectorClient *client, CollectorCall call)
{
        static const CollectorAnswer lost = { .reason = DEVBOX_ERROR_BUS_UNAVAILABLE };

        assert(!client->calls[call].slot);
        client->stats.calls_total++;
        if (begin(client, call) < 0)
                complete(client, call, &lost);
}

bool collector_client_lost(const CollectorClient *client)
{
        return client->lost;
}

const CollectorStats *collector_client_stats(const CollectorClient *client)
{
        return &client->stats;
}
