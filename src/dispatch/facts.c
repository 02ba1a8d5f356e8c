/* SPDX-License-Identifier: MIT */
/* Queries of org.devbox.Mesh1: GetPeer, or GetStatus for the hub itself, then GetManifest, then GetRoots. */

#include "dispatch/facts.h"

#include <stdio.h>

#include "bus/dictionary.h"

void device_facts_done(DeviceFacts *facts)
{
        free(facts->manifest_text);
        manifest_free(facts->manifest);
        for (size_t i = 0; i < facts->n_roots; i++)
                free(facts->roots[i]);
        *facts = (DeviceFacts){ .n_roots = 0 };
}

void facts_query_cancel(FactsQuery *query)
{
        bus_request_cancel(&query->call);
        device_facts_done(&query->facts);
}

static void complete(FactsQuery *query, int reason)
{
        DeviceFacts facts = TAKE(query->facts, ((DeviceFacts){ .n_roots = 0 }));

        if (reason != 0)
                device_facts_done(&facts);
        query->handler(query, reason == 0 ? &facts : NULL, reason);
}

static void send(FactsQuery *query, const char *method, const char *argument, BusReplyHandler on_reply)
{
        bus_client_send_take(query->mesh, &query->call,
                             bus_client_new_call(query->mesh, method, argument ? "s" : NULL, argument),
                             on_reply);
}

static void on_roots(BusRequest *call, const BusReply *reply)
{
        FactsQuery *query = CONTAINER_OF(call, FactsQuery, call);
        DeviceFacts *facts = &query->facts;
        const char *root = NULL;
        int r = reply->reason;

        if (r == 0)
                r = sd_bus_message_enter_container(reply->message, 'a', "s") < 0 ? DEVBOX_ERROR_INTERNAL : 0;
        while (r == 0 && sd_bus_message_read(reply->message, "s", &root) > 0)
                if (facts->n_roots == FACTS_ROOTS_MAX || !(facts->roots[facts->n_roots++] = strdup(root)))
                        r = DEVBOX_ERROR_INTERNAL;
        complete(query, r);
}

/* The manifest is devbox-mesh's, which has verified it. */
static int take_manifest(DeviceFacts *facts, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        facts->manifest_text = strdup(text);
        if (!facts->manifest_text)
                return -ENOMEM;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = manifest_parse(envelope_payload(envelope), &facts->manifest, NULL);
        if (r != 0)
                return r;

        facts->manifest_sha256 = envelope->digest;
        if (streq(facts->manifest->device, HUB_NAME))
                facts->key = facts->manifest->device_key;
        return 0;
}

static void on_manifest(BusRequest *call, const BusReply *reply)
{
        FactsQuery *query = CONTAINER_OF(call, FactsQuery, call);
        const char *text = NULL;

        if (reply->reason != 0)
                return complete(query, reply->reason == DEVBOX_ERROR_PEER_UNKNOWN
                                               ? DEVBOX_ERROR_MANIFEST_MISSING
                                               : reply->reason);
        if (sd_bus_message_read(reply->message, "s", &text) < 0 || take_manifest(&query->facts, text) != 0)
                return complete(query, DEVBOX_ERROR_INTERNAL);

        send(query, "GetRoots", NULL, on_roots);
}

typedef struct PeerView {
        const char *address, *state;
        uint64_t keepalive_sec;
        PublicKey key;
} PeerView;

static const BusField peer_fields[] = {
        BUS_FIELD("address", BUS_TEXT, PeerView, address, BUS_REQUIRED),
        BUS_FIELD("state", BUS_TEXT, PeerView, state, BUS_REQUIRED),
        BUS_FIELD("keepalive_sec", BUS_UINT64, PeerView, keepalive_sec, BUS_REQUIRED),
        BUS_FIELD("device_key", BUS_ARRAY, PeerView, key, BUS_REQUIRED, PUBLIC_KEY_SIZE),
};
static const BusDictionary peer_dictionary = BUS_DICTIONARY(peer_fields);

static void on_peer(BusRequest *call, const BusReply *reply)
{
        FactsQuery *query = CONTAINER_OF(call, FactsQuery, call);
        PeerView peer = { .address = NULL };

        if (reply->reason != 0)
                return complete(query, reply->reason);
        if (bus_dictionary_read(reply->message, &peer_dictionary, &peer) < 0)
                return complete(query, DEVBOX_ERROR_INTERNAL);
        if (streq(peer.state, "revoked"))
                return complete(query, DEVBOX_ERROR_PEER_REVOKED);

        (void) snprintf(query->facts.address, sizeof query->facts.address, "%s", peer.address);
        query->facts.keepalive_sec = (uint16_t) peer.keepalive_sec;
        query->facts.key = peer.key;
        send(query, "GetManifest", query->device, on_manifest);
}

/* The hub has no peer of its own; its key is in the manifest. */
static void on_status(BusRequest *call, const BusReply *reply)
{
        static const BusField fields[] = { BUS_FIELD("address", BUS_TEXT, PeerView, address, BUS_REQUIRED) };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        FactsQuery *query = CONTAINER_OF(call, FactsQuery, call);
        PeerView hub = { .address = NULL };

        if (reply->reason != 0)
                return complete(query, reply->reason);
        if (bus_dictionary_read(reply->message, &dictionary, &hub) < 0)
                return complete(query, DEVBOX_ERROR_INTERNAL);

        (void) snprintf(query->facts.address, sizeof query->facts.address, "%s", hub.address);
        send(query, "GetManifest", query->device, on_manifest);
}

void facts_query_start(FactsQuery *query, BusClient *mesh, const char *device, FactsHandler handler)
{
        *query = (FactsQuery){ .mesh = mesh, .device = device, .handler = handler };
        if (streq(device, HUB_NAME))
                send(query, "GetStatus", NULL, on_status);
        else
                send(query, "GetPeer", device, on_peer);
}
