/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Mesh1 with which devices are admitted to the hub: Invite, ListPending, Withdraw,
 * Claim. */

#include "mesh/claim.h"
#include "mesh/hub-session.h"
#include "mesh/manifest-store.h"
#include "mesh/method.h"

/* ---- Invite */

typedef struct InviteOptions {
        const char *address;
        uint64_t keepalive_sec;
} InviteOptions;

static int read_options(sd_bus_message *message, InvitationOptions *ret_options)
{
        static const BusField fields[] = {
                BUS_FIELD("address", BUS_TEXT, InviteOptions, address),
                BUS_FIELD("keepalive_sec", BUS_UINT64, InviteOptions, keepalive_sec),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY_STRICT(fields);
        InviteOptions options = { .address = "", .keepalive_sec = MESH_KEEPALIVE };

        if (bus_dictionary_read(message, &dictionary, &options) < 0 || options.keepalive_sec > UINT16_MAX)
                return -EBADMSG;

        *ret_options = (InvitationOptions){ .keepalive_sec = (uint16_t) options.keepalive_sec };
        if (options.address[0] != '\0' && (ip_prefix_parse(options.address, &ret_options->address) < 0 ||
                                           ret_options->address.length != 32))
                return -EBADMSG;
        return 0;
}

static int read_token(sd_bus_message *message, Token *ret_token)
{
        const void *bytes;
        size_t size;

        if (sd_bus_message_read_array(message, 'y', &bytes, &size) < 0)
                return -EBADMSG;

        return token_parse(BYTES(bytes, size), ret_token) != 0 ? -EBADMSG : 0;
}

typedef struct InvitationReply {
        char address[IP_PREFIX_TEXT_SIZE];
        const char *address_text;
        Bytes chain_id, device_key, previous;
        uint64_t expires_at_ms, next_epoch, next_version;
} InvitationReply;

/* What is known of the name: where the device will be, and what its next manifest must say. */
static int reply_invitation(sd_bus_message *message, const MeshDaemon *self, const Invitation *invitation)
{
        static const BusField fields[] = {
                BUS_FIELD("expires_at_ms", BUS_UINT64, InvitationReply, expires_at_ms),
                BUS_FIELD("address", BUS_TEXT, InvitationReply, address_text),
                BUS_FIELD("chain_id", BUS_BYTES, InvitationReply, chain_id, BUS_OPTIONAL),
                BUS_FIELD("device_key", BUS_BYTES, InvitationReply, device_key, BUS_OPTIONAL),
                BUS_FIELD("next_epoch", BUS_UINT64, InvitationReply, next_epoch),
                BUS_FIELD("next_version", BUS_UINT64, InvitationReply, next_version),
                BUS_FIELD("previous", BUS_BYTES, InvitationReply, previous),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        const Peer *before = peer_table_find(&self->peers, invitation->device);
        InvitationReply reply = { .expires_at_ms = (uint64_t) invitation->deadline.wall_ms };
        ManifestNext next;

        int r = manifest_store_next(self->store.database, self->roots.current, invitation->device, &next);
        if (r != 0)
                return r;
        reply.address_text = ip_prefix_format_address(&invitation->address, reply.address);
        reply.next_epoch = (uint64_t) next.epoch;
        reply.next_version = (uint64_t) next.version;
        reply.previous = BYTES_OF(next.previous.bytes);
        if (before) {
                reply.chain_id = BYTES_OF(before->chain.bytes);
                reply.device_key = BYTES_OF(before->device_key.bytes);
        }
        return bus_reply_dictionary(message, &dictionary, &reply);
}

static int handle_invite(sd_bus_message *message, void *userdata)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        _cleanup_(token_done) Token token = { .id = { 0 } };
        MeshDaemon *self = userdata;
        InvitationOptions options;
        Invitation invitation;

        if (read_token(message, &token) < 0 || read_options(message, &options) < 0)
                return -EBADMSG;
        int r = hub_session_begin(self, &session);
        if (r != 0)
                return r;
        r = mesh_after_write(self, invitation_add(&session.hub, &token, &options, &invitation));
        if (r != 0)
                return r;

        mesh_changed(self);
        mesh_announce(self, MESH_EVENT_INVITED, invitation.device, "");
        return reply_invitation(message, self, &invitation);
}

/* ---- ListPending */

typedef struct PendingRow {
        const char *name, *state, *digits, *source, *description;
        bool bound;
        Bytes device_key, previous;
        uint64_t expires_at_ms, claimed_at_ms, next_epoch, next_version;
} PendingRow;

static int append_pending(sd_bus_message *reply, const MeshDaemon *self, const Invitation *invitation)
{
        static const BusField fields[] = {
                BUS_FIELD("name", BUS_TEXT, PendingRow, name),
                BUS_FIELD("state", BUS_TEXT, PendingRow, state),
                BUS_FIELD("digits", BUS_TEXT, PendingRow, digits, BUS_OPTIONAL),
                BUS_FIELD("bound", BUS_BOOL, PendingRow, bound),
                BUS_FIELD("source", BUS_TEXT, PendingRow, source, BUS_OPTIONAL),
                BUS_FIELD("description", BUS_TEXT, PendingRow, description, BUS_OPTIONAL),
                BUS_FIELD("device_key", BUS_BYTES, PendingRow, device_key, BUS_OPTIONAL),
                BUS_FIELD("expires_at_ms", BUS_UINT64, PendingRow, expires_at_ms),
                BUS_FIELD("claimed_at_ms", BUS_UINT64, PendingRow, claimed_at_ms, BUS_OPTIONAL),
                BUS_FIELD("next_epoch", BUS_UINT64, PendingRow, next_epoch),
                BUS_FIELD("next_version", BUS_UINT64, PendingRow, next_version),
                BUS_FIELD("previous", BUS_BYTES, PendingRow, previous),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        bool claimed = invitation->claimed_at_ms != 0, bound = invitation_is_bound(invitation);
        char digits[ENROLMENT_DIGITS_SIZE] = "";
        ManifestNext next;

        int r = manifest_store_next(self->store.database, self->roots.current, invitation->device, &next);
        if (r != 0)
                return r;
        if (claimed && !bound)
                enrolment_digits(&invitation->claim_sha256, invitation->hub_nonce, digits);
        const PendingRow row = { .name = invitation->device,
                                 .state = invitation_state_to_string(invitation->state),
                                 .digits = digits,
                                 .source = invitation->source,
                                 .description = invitation->description,
                                 .bound = bound,
                                 .device_key = claimed ? BYTES_OF(invitation->device_key.bytes) : BYTES_NULL,
                                 .previous = BYTES_OF(next.previous.bytes),
                                 .expires_at_ms = (uint64_t) invitation->deadline.wall_ms,
                                 .claimed_at_ms = (uint64_t) invitation->claimed_at_ms,
                                 .next_epoch = (uint64_t) next.epoch,
                                 .next_version = (uint64_t) next.version };
        return bus_dictionary_append(reply, &dictionary, &row);
}

static int handle_list_pending(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        _cleanup_(freep) Invitation *invitations = NULL;
        MeshDaemon *self = userdata;
        size_t n = 0;

        int r = hub_session_begin(self, &session);
        if (r == 0)
                r = mesh_after_write(self, invitation_list(&session.hub, &invitations, &n));
        if (r != 0)
                return r;

        r = bus_reply_rows_begin(message, &reply);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_pending(reply, self, &invitations[i]);
        return bus_reply_rows_send(r, reply);
}

/* ---- Withdraw, Claim */

static int handle_withdraw(sd_bus_message *message, void *userdata)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        MeshDaemon *self = userdata;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0)
                return -EBADMSG;
        int r = hub_session_begin(self, &session);
        if (r == 0)
                r = mesh_after_write(self, invitation_withdraw(&session.hub, name));
        if (r != 0)
                return r;

        mesh_changed(self);
        mesh_announce(self, MESH_EVENT_WITHDRAWN, name, "");
        return bus_reply(message, NULL);
}

/* An address, or empty: it did not come by IP. */
static bool source_valid(const char *source)
{
        IpPrefix address;

        return *source == '\0' || (!strchr(source, '/') && ip_prefix_parse(source, &address) == 0);
}

static int handle_claim(sd_bus_message *message, void *userdata)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        _cleanup_(claim_outcome_done) ClaimOutcome outcome = CLAIM_OUTCOME_NULL;
        MeshDaemon *self = userdata;
        const void *claim;
        const char *source;
        size_t size;

        if (sd_bus_message_read_array(message, 'y', &claim, &size) < 0 ||
            sd_bus_message_read(message, "s", &source) < 0 || !source_valid(source))
                return -EBADMSG;
        int r = hub_session_begin(self, &session);
        if (r == 0)
                r = mesh_after_write(self, hub_claim(&session.hub, BYTES(claim, size), source, &outcome));
        if (outcome.event != _MESH_EVENT_MAX)
                mesh_announce(self, outcome.event, outcome.device,
                              r > 0 ? devbox_error_code((DevboxError) r) : "");
        if (outcome.event == MESH_EVENT_CLAIMED) {
                self->locate_wanted = true;
                reconciler_kick(self->reconciler);
        }
        return r != 0 ? r : bus_reply_bytes(message, BYTES(outcome.answer, outcome.answer_size));
}

MESH_METHOD(invite, ACCESS_ENROLL);
MESH_METHOD(list_pending, ACCESS_READERS);
MESH_METHOD(withdraw, ACCESS_ENROLL);
MESH_METHOD(claim, ACCESS_API);

const sd_bus_vtable mesh_invitation_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Invite", SD_BUS_ARGS("ay", token, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", invitation), on_invite, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListPending", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", pending),
                                on_list_pending, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Withdraw", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, on_withdraw,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Claim", SD_BUS_ARGS("ay", claim, "s", source), SD_BUS_RESULT("ay", answer),
                                on_claim, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
