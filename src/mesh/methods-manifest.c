/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Mesh1 for the manifests of devices over time: PublishManifest, GetManifest. */

#include "mesh/manifest-store.h"
#include "mesh/method.h"

/* ---- PublishManifest */

/* Whom it is for, of a manifest that the operator signed. Errors: as manifest_accept(). */
static int read_device(const Root *root, const Envelope *envelope, Manifest **ret_manifest)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_MANIFEST);

        int r = envelope_verify(envelope, ENVELOPE_MANIFEST, &keys, NULL);
        if (r != 0)
                return r < 0 ? r : DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE;

        return manifest_parse(envelope_payload(envelope), ret_manifest, NULL);
}

/* The hub's own key is that of the network's witness. A revoked device gets its end and nothing else. */
static int find_key(const MeshDaemon *self, const Manifest *manifest, PublicKey *ret_key)
{
        const Peer *peer = peer_table_find(&self->peers, manifest->device);

        if (streq(manifest->device, HUB_NAME)) {
                if (!root_has_key(self->roots.current, ROOT_ROLE_WITNESS, &manifest->device_key))
                        return DEVBOX_ERROR_WRONG_DEVICE;
                *ret_key = manifest->device_key;
                return 0;
        }
        if (!peer)
                return DEVBOX_ERROR_PEER_UNKNOWN;
        if (peer->state == PEER_STATE_REVOKED && !manifest_is_tombstone(manifest))
                return DEVBOX_ERROR_PEER_REVOKED;

        *ret_key = peer->device_key;
        return 0;
}

static int judge(const MeshDaemon *self, const Envelope *envelope, const Manifest *manifest,
                 ManifestVerdict *ret_verdict)
{
        PublicKey key;
        ManifestJudge judge = { .root = self->roots.current,
                                .device = manifest->device,
                                .device_key = &key,
                                .ceiling_unknown = true, /* only the device has it */
                                .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC };

        int r = find_key(self, manifest, &key);
        if (r != 0)
                return r;
        r = manifest_store_last(self->store.database, manifest->device, &judge.floor, NULL);
        return r < 0 ? r : manifest_accept(&judge, envelope, ret_verdict);
}

static int keep(const MeshDaemon *self, const ManifestVerdict *verdict, const char *text)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = self->store.database;

        int r = transaction_begin(database, &transaction);
        if (r >= 0)
                r = manifest_store_keep(database, verdict, text);
        if (r >= 0)
                r = outbox_add_record(database, MESH_EVENT_MANIFEST_PUBLISHED, verdict->manifest->device,
                                      "");
        return r < 0 ? r : transaction_commit(&transaction);
}

/* `ret_manifest` is set as soon as it is known whom it is for. */
static int publish(MeshDaemon *self, const char *text, Manifest **ret_manifest, ManifestVerdict *verdict)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        if (strlen(text) > MANIFEST_TEXT_MAX)
                return DEVBOX_ERROR_BAD_ENVELOPE;
        int r = envelope_parse(bytes_of_string(text), MANIFEST_TEXT_MAX, &envelope);
        if (r != 0)
                return r;
        r = read_device(self->roots.current, envelope, ret_manifest);
        if (r != 0)
                return r;

        r = judge(self, envelope, *ret_manifest, verdict);
        return r != 0 || verdict->unchanged ? r : keep(self, verdict, text);
}

static int handle_publish_manifest(sd_bus_message *message, void *userdata)
{
        _cleanup_(manifest_verdict_done) ManifestVerdict verdict = { 0 };
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        MeshDaemon *self = userdata;
        const char *text;

        if (sd_bus_message_read(message, "s", &text) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        if (!self->roots.current)
                return DEVBOX_ERROR_NETWORK_MISSING;

        r = mesh_after_write(self, publish(self, text, &manifest, &verdict));
        if (r > 0 && r != DEVBOX_ERROR_MESH_UNAVAILABLE)
                mesh_report(self, MESH_EVENT_MANIFEST_REJECTED, manifest ? manifest->device : "",
                            devbox_error_code((DevboxError) r));
        if (r != 0)
                return r;
        if (!verdict.unchanged) {
                mesh_changed(self);
                mesh_announce(self, MESH_EVENT_MANIFEST_PUBLISHED, manifest->device, "");
        }
        return bus_reply(message, NULL);
}

/* ---- GetManifest */

static int handle_get_manifest(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) char *text = NULL;
        MeshDaemon *self = userdata;
        ManifestFloor floor;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0)
                return -EBADMSG;
        int r = mesh_need_store(self);
        if (r != 0)
                return r;
        r = manifest_store_last(self->store.database, name, &floor, &text);
        if (r == 0)
                return streq(name, HUB_NAME) || peer_table_find(&self->peers, name)
                               ? DEVBOX_ERROR_MANIFEST_MISSING
                               : DEVBOX_ERROR_PEER_UNKNOWN;

        return r < 0 ? r : bus_reply(message, "s", text);
}

MESH_METHOD(publish_manifest, ACCESS_ENROLL);
MESH_METHOD(get_manifest, ACCESS_READERS);

const sd_bus_vtable mesh_manifest_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("PublishManifest", SD_BUS_ARGS("s", manifest), SD_BUS_NO_RESULT,
                                on_publish_manifest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetManifest", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", manifest),
                                on_get_manifest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
