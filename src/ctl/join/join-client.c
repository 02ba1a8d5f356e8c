/* SPDX-License-Identifier: MIT */
/* The calls of org.devbox.Mesh1 by which a device joins. */

#include "ctl/join/join-client.h"

#define METHOD(member) (&(const ClientMethod){ &mesh_daemon, member, "" })

static const BusField opened_fields[] = {
        BUS_FIELD("state", BUS_TEXT, JoinOpened, state, BUS_REQUIRED),
        BUS_FIELD("digits", BUS_TEXT, JoinOpened, digits),
        BUS_FIELD_TEXTS("roots", JoinOpened, roots, n_roots),
        BUS_FIELD("manifest", BUS_TEXT, JoinOpened, manifest),
        BUS_FIELD("chain_id", BUS_ARRAY, JoinOpened, chain_id, 0, CHAIN_ID_SIZE),
        BUS_FIELD("lost_size", BUS_UINT64, JoinOpened, lost_size),
        BUS_FIELD("lost_head", BUS_ARRAY, JoinOpened, lost_head, 0, SHA256_SIZE),
        BUS_FIELD("network", BUS_TEXT, JoinOpened, network),
        BUS_FIELD("prefix", BUS_TEXT, JoinOpened, prefix),
        BUS_FIELD("address", BUS_TEXT, JoinOpened, address),
        BUS_FIELD("hub_address", BUS_TEXT, JoinOpened, hub_address),
        BUS_FIELD("retry_ms", BUS_UINT64, JoinOpened, retry_ms),
        BUS_FIELD("hub_time_ms", BUS_UINT64, JoinOpened, hub_time_ms),
};
static const BusDictionary opened_dictionary = BUS_DICTIONARY(opened_fields);

void join_opened_done(JoinOpened *opened)
{
        sd_bus_message_unref(opened->reply);
        *opened = (JoinOpened){ 0 };
}

/* A call with bytes, and perhaps more, that returns bytes. */
static int send_for_claim(int r, sd_bus_message *call, JoinClaim *ret_claim, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const void *bytes;
        size_t size;

        r = client_send(&mesh_daemon, r, call, &reply, ret_problem);
        if (r != 0)
                return r;

        r = sd_bus_message_read_array(reply, 'y', &bytes, &size);
        if (r >= 0 && size > sizeof ret_claim->bytes)
                r = -EBADMSG;
        if (r >= 0) {
                memcpy(ret_claim->bytes, bytes, size);
                ret_claim->size = size;
        }
        return client_read(&mesh_daemon, r, ret_problem);
}

int join_client_start(sd_bus *bus, const JoinStart *start, JoinClaim *ret_body, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("Join"), &call);
        if (r >= 0)
                r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', start->token.data, start->token.size);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', start->device_key->bytes, PUBLIC_KEY_SIZE);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", start->description);

        return send_for_claim(r, call, ret_body, ret_problem);
}

int join_client_sign(sd_bus *bus, const Signature *signature, JoinClaim *ret_sealed, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("SignJoin"), &call);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', signature->bytes, SIGNATURE_SIZE);

        return send_for_claim(r, call, ret_sealed, ret_problem);
}

int join_client_open(sd_bus *bus, Bytes answer, JoinOpened *ret_opened, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(join_opened_done) JoinOpened opened = { 0 };

        int r = client_new_call(bus, METHOD("OpenAnswer"), &call);
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', answer.data, answer.size);
        r = client_send(&mesh_daemon, r, call, &opened.reply, ret_problem);
        if (r == 0)
                r = client_read_dictionary(&mesh_daemon, opened.reply, &opened_dictionary, &opened,
                                           ret_problem);
        if (r == 0)
                *ret_opened = TAKE(opened, (JoinOpened){ 0 });
        return r;
}

int join_client_call(sd_bus *bus, const char *member, char **ret_problem)
{
        return client_call(bus, METHOD(member), NULL, ret_problem);
}
