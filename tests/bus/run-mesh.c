/* SPDX-License-Identifier: MIT */
#include "run-mesh.h"

#include <systemd/sd-bus.h>

/* What ListAlarms has, of the bus's thread. */
static struct {
        RunEvent items[16];
        size_t n;
} alarms;

/* As devbox-mesh does: the first of a kind and a device. */
static void keep_alarm(const RunEvent *event)
{
        if (!streq(event->kind, "drift") && !streq(event->kind, "token_reused"))
                return;
        for (size_t i = 0; i < alarms.n; i++)
                if (streq(alarms.items[i].kind, event->kind) && streq(alarms.items[i].device, event->device))
                        return;
        assert_true(alarms.n < ELEMENTSOF(alarms.items));
        alarms.items[alarms.n++] = *event;
}

int run_mesh_emit(sd_bus *bus, RunWorld *world, const RunEvent *event)
{
        if (streq(event->kind, "revoked"))
                atomic_store(&world->revoked, true);
        atomic_store(&world->held[streq(event->device, DEVICE_2)], streq(event->kind, "held"));
        keep_alarm(event);
        return sd_bus_emit_signal(bus, "/org/devbox/Mesh1", "org.devbox.Mesh1", "Event", "tsss",
                                  event->time_ms, event->kind, event->device, event->detail);
}

static RunPeer *find_other(const RunWorld *world, const char *name)
{
        for (size_t i = 0; i < world->n_others; i++)
                if (streq(world->others[i].name, name))
                        return &world->others[i];

        return NULL;
}

static int append_peer(const RunWorld *world, const RunPeer *other, sd_bus_message *reply)
{
        const PublicKey *key = key_pair_public(world_key(KEY_DEVICE));

        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s", other ? other->name : "dev-a",
                        "address", "s", other ? other->address : "127.0.0.1", "state", "s",
                        atomic_load(&world->revoked) ? "revoked" : "active", "presence", "s",
                        atomic_load(&world->stale) ? "stale" : "online", "manifest_version", "t",
                        UINT64_C(7), "keepalive_sec", "t", (uint64_t) KEEPALIVE);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "device_key");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', key->bytes, sizeof key->bytes);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* Of the hub, which may be one of the devices, and is no peer. */
static int on_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        RunPeer *hub = find_other(userdata, "hub");

        if (hub)
                atomic_fetch_add(&hub->lookups, 1);
        return sd_bus_reply_method_return(call, "a{sv}", 1, "address", "s",
                                          hub ? hub->address : "127.0.0.1");
}

static int on_get_peer(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const RunWorld *world = userdata;
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        if (streq(name, "hub"))
                return sd_bus_error_set(error, "org.devbox.Error.PeerUnknown", NULL);
        RunPeer *other = find_other(world, name);
        if (other)
                atomic_fetch_add(&other->lookups, 1);
        if (atomic_load(&world->mesh_fails))
                return sd_bus_error_set(error, "org.devbox.Error.MeshUnavailable", NULL);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_peer(world, other, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_peers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const RunWorld *world = userdata;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0)
                r = append_peer(world, NULL, reply);
        for (size_t i = 0; r >= 0 && i < world->n_others; i++)
                if (!streq(world->others[i].name, "hub"))
                        r = append_peer(world, &world->others[i], reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_pending(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const RunWorld *world = userdata;

        return sd_bus_reply_method_return(call, "aa{sv}", 2, 2, "name", "s", "dev-a", "state", "s",
                                          atomic_load(&world->held[0]) ? "held" : "claimed", 2, "name", "s",
                                          DEVICE_2, "state", "s",
                                          atomic_load(&world->held[1]) ? "held" : "claimed");
}

static int on_list_alarms(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < alarms.n; i++)
                r = sd_bus_message_append(reply, "a{sv}", 4, "time_ms", "t", alarms.items[i].time_ms, "kind",
                                          "s", alarms.items[i].kind, "name", "s", alarms.items[i].device,
                                          "detail", "s", alarms.items[i].detail);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_get_manifest(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const RunWorld *world = userdata;
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        const RunPeer *other = find_other(world, name);
        return sd_bus_reply_method_return(call, "s", other ? other->manifest : world->manifest);
}

static int on_get_roots(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const RunWorld *world = userdata;

        return sd_bus_reply_method_return(call, "as", 1, world->root);
}

/* Announced as devbox-mesh does, before the reply. */
static int on_revoke_for(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        RunWorld *world = userdata;
        const char *device, *principal;
        bool before = atomic_load(&world->revoked);

        int r = sd_bus_message_read(call, "ss", &device, &principal);
        if (r >= 0 && !streq(principal, strempty(world->revoker)))
                return sd_bus_error_set(error, "org.devbox.Error.OperatorUnknown", NULL);
        if (r >= 0 && !before)
                r = run_mesh_emit(sd_bus_message_get_bus(call), world,
                                  &(RunEvent){ "dev-a", "revoked", "", 0 });
        return r < 0 ? r
                     : sd_bus_reply_method_return(call, "a{sv}", 1, "elapsed_usec", "t",
                                                  UINT64_C(3900) * !before);
}

/* Of the device. It fails, and what the hub sends is installed nevertheless. */
static int on_set_keepalive(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        RunWorld *world = userdata;
        uint64_t seconds;

        int r = sd_bus_message_read(call, "t", &seconds);
        if (r < 0)
                return r;
        atomic_store(&world->keepalive_sec, (unsigned) seconds);
        return sd_bus_error_set(error, "org.devbox.Error.MeshUnavailable", NULL);
}

static const sd_bus_vtable mesh_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("GetStatus", "", "a{sv}", on_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetPeer", "s", "a{sv}", on_get_peer, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListPeers", "b", "aa{sv}", on_list_peers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListPending", "", "aa{sv}", on_list_pending, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListAlarms", "", "aa{sv}", on_list_alarms, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetManifest", "s", "s", on_get_manifest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetRoots", "", "as", on_get_roots, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RevokeFor", "ss", "a{sv}", on_revoke_for, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetKeepalive", "t", "", on_set_keepalive, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

void run_mesh_attach(sd_bus *bus, RunWorld *world)
{
        alarms.n = 0;
        assert_ok(sd_bus_add_object_vtable(bus, NULL, "/org/devbox/Mesh1", "org.devbox.Mesh1", mesh_vtable,
                                           world));
        assert_ok(sd_bus_request_name(bus, "org.devbox.Mesh1", 0));
}
