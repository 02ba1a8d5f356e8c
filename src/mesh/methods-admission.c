/* SPDX-License-Identifier: MIT */
/* Admit. A device that was here before with another ledger key begins a new chain, which must name the one
 * it lost: then devbox-ledger is asked for that first. */

#include <stdio.h>

#include "audit/checkpoint.h"
#include "mesh/admission.h"
#include "mesh/hub-session.h"
#include "mesh/method.h"

#define ENVELOPE_MAX 1024 /* of a checkpoint */

/* Waits for the ledger. */
typedef struct Admission {
        BusCall kept;
        BusRequest request;
        MeshDaemon *owner;
} Admission;

void mesh_admission_free(BusCall *kept)
{
        Admission *self = CONTAINER_OF(kept, Admission, kept);

        bus_request_cancel(&self->request);
        bus_call_done(kept);
        free(self);
}

static void announce(MeshDaemon *self, const AdmissionOutcome *outcome, const char *name, int result)
{
        if (outcome->event == MESH_EVENT_ADMITTED)
                mesh_changed(self);
        if (outcome->event != _MESH_EVENT_MAX)
                mesh_announce(self, outcome->event, name,
                              result > 0 ? devbox_error_code((DevboxError) result) : "");
        outbox_send(&self->outbox);
}

/* Whatever was found out before the ledger answered is looked up again. */
static int admit(sd_bus_message *message, MeshDaemon *self, const LostChain *lost)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        const char *name, *manifest;
        AdmissionOutcome outcome;
        char detail[192];

        (void) sd_bus_message_rewind(message, true);
        if (sd_bus_message_read(message, "ss", &name, &manifest) < 0)
                return -EBADMSG;
        int r = hub_session_begin(self, &session);
        if (r != 0)
                return r;
        r = mesh_after_write(self, hub_admit(&session.hub, name, manifest, lost, &outcome));
        announce(self, &outcome, name, r);
        if (r > 0 && outcome.fault.why) {
                (void) snprintf(detail, sizeof detail, "%s %s", outcome.fault.path, outcome.fault.why);
                bus_reply_error(message, r, detail);
                return 0;
        }

        return r != 0 ? r : bus_reply(message, NULL);
}

/* ---- the lost chain */

/* What the hub's ledger witnessed last of the device. */
static int parse_lost(const char *text, LostChain *ret_lost)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint checkpoint;

        if (*text == '\0')
                return 0;
        int r = envelope_parse(bytes_of_string(text), ENVELOPE_MAX, &envelope);
        if (r == 0)
                r = checkpoint_parse(envelope_payload(envelope), &checkpoint);
        if (r != 0)
                return r < 0 ? r : -EBADMSG;

        *ret_lost = (LostChain){ .size = (int64_t) checkpoint.size, .head = checkpoint.head };
        return 0;
}

typedef struct ReplicaReply {
        const char *checkpoint;
} ReplicaReply;

static int read_replica(const BusReply *reply, LostChain *ret_lost)
{
        static const BusField fields[] = { BUS_FIELD("checkpoint", BUS_TEXT, ReplicaReply, checkpoint) };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        ReplicaReply replica = { .checkpoint = "" };

        if (reply->reason == DEVBOX_ERROR_PEER_UNKNOWN)
                return 0;
        if (reply->reason != 0)
                return reply->reason;

        int r = bus_dictionary_read(reply->message, &dictionary, &replica);
        return r < 0 ? r : parse_lost(replica.checkpoint, ret_lost);
}

static void on_replica(BusRequest *request, const BusReply *reply)
{
        Admission *self = CONTAINER_OF(request, Admission, request);
        LostChain lost = { .size = 0 };

        int r = read_replica(reply, &lost);
        if (r == 0)
                r = admit(self->kept.message, self->owner, &lost);
        if (r != 0)
                bus_reply_error(self->kept.message, r, NULL);
        mesh_admission_free(&self->kept);
}

static int ask_ledger(sd_bus_message *message, MeshDaemon *self, const char *name)
{
        Admission *admission = calloc(1, sizeof *admission);

        if (!admission)
                return -ENOMEM;
        admission->owner = self;
        int r = bus_call_init(&admission->kept, &self->admissions, message);
        if (r != 0) {
                free(admission);
                return r;
        }

        BusClient *ledger = &self->outbox.client;
        bus_client_send_take(ledger, &admission->request,
                             bus_client_new_call(ledger, "GetReplica", "s", name), on_replica);
        return 0;
}

static int handle_admit(sd_bus_message *message, void *userdata)
{
        _cleanup_(hub_session_done) HubSession session = HUB_SESSION_NULL;
        MeshDaemon *self = userdata;
        const char *name, *manifest;

        if (sd_bus_message_read(message, "ss", &name, &manifest) < 0)
                return -EBADMSG;
        int r = hub_session_begin(self, &session);
        if (r != 0)
                return r;
        r = hub_has_lost_chain(&session.hub, name);
        if (r < 0)
                return mesh_after_write(self, r);

        return r > 0 ? ask_ledger(message, self, name) : admit(message, self, &(LostChain){ .size = 0 });
}

MESH_METHOD(admit, ACCESS_ENROLL);

const sd_bus_vtable mesh_admission_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Admit", SD_BUS_ARGS("s", name, "s", manifest), SD_BUS_NO_RESULT, on_admit,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
