/* SPDX-License-Identifier: MIT */
/* The services of a hub in the bus ring, as far as devbox-api calls them: org.devbox.Mesh1, Dispatch1,
 * Ledger1 and Matrix1. They have no state: what a call brings decides the reply. */

#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

#define ERROR "org.devbox.Error."

static const uint8_t key[32] = { 1, 2, 3 };

static int append_key(sd_bus_message *reply, const char *name)
{
        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', key, sizeof key);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "role", "s", "hub", "listen_port",
                                          "t", UINT64_C(51820), "endpoints", "as", 1,
                                          "vps.example.org:51820", "last_handshake_ms", "t", UINT64_C(0),
                                          "new", "(ss)", "a", "b");
        if (r >= 0)
                r = append_key(reply, "wireguard_key");
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_peers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        int all;

        int r = sd_bus_message_read(call, "b", &all);
        if (r < 0)
                return r;
        if (all)
                return sd_bus_reply_method_return(call, "aa{sv}", 0);

        return sd_bus_reply_method_return(call, "aa{sv}", 2, 3, "name", "s", "home-wsl", "rx_bytes", "t",
                                          UINT64_MAX, "last_handshake_ms", "t", UINT64_C(1700000000123), 1,
                                          "name", "s", "pc-aurgi");
}

/* The member of a device that is called "odd" has another type. */
static int on_revoke(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        if (streq(name, "odd"))
                return sd_bus_reply_method_return(call, "a{sv}", 1, "elapsed_usec", "s", "soon");
        if (!streq(name, "home-wsl"))
                return sd_bus_error_set(error, ERROR "PeerUnknown",
                                        "no device of this name is enrolled here");

        return sd_bus_reply_method_return(call, "a{sv}", 1, "elapsed_usec", "t", UINT64_C(4100));
}

/* A claim that is the name of an error is refused for it; the answer to another is its size and its source.
 */
static int on_claim(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char answer[64], name[64];
        const char *source;
        const void *claim;
        size_t size;

        int r = sd_bus_message_read_array(call, 'y', &claim, &size);
        if (r >= 0)
                r = sd_bus_message_read(call, "s", &source);
        if (r < 0)
                return r;
        if (startswith(claim, "Token") || startswith(claim, "Unauth")) {
                (void) snprintf(name, sizeof name, ERROR "%.*s", (int) size, (const char *) claim);
                return sd_bus_error_set(error, name, NULL);
        }

        (void) snprintf(answer, sizeof answer, "%zu bytes from %s", size, source);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', answer, strlen(answer));
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* ---- Dispatch1, Ledger1 */

static int on_list_requests(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        uint32_t max = 0;

        int r = sd_bus_message_read(call, "bu", NULL, &max);
        if (r < 0)
                return r;

        return sd_bus_reply_method_return(call, "aa{sv}", 1, 5, "id", "s", "01JDMXV3Q2TTTTTTTTTTTTTTTT",
                                          "state", "s", max == 100 ? "finished" : "running", "created_at_ms",
                                          "t", UINT64_C(1700000000123), "exit_code", "i", 0, "exit_signal",
                                          "i", -1);
}

static int on_list_approvals(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "aa{sv}", 1, 4, "id", "s", "01JDMXV3Q2TTTTTTTTTTTTTTTT",
                                          "description", "s", "fs.list /srv", "arguments", "s",
                                          "{\"root\":\"srv\"}", "state", "s", "approving");
}

/* One request is known. */
static int on_decide(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *id;

        int r = sd_bus_message_read(call, "s", &id);
        if (r < 0)
                return r;
        if (!streq(id, "7KQ2PD"))
                return sd_bus_error_set(error, ERROR "RequestUnknown", "there is no such request");

        return sd_bus_reply_method_return(call, "");
}

static int on_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "aa{sv}", 1, 2, "name", "s", "home-wsl", "approving", "t",
                                          UINT64_C(1));
}

static int on_list_containers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "aa{sv}", 1, 4, "device", "s", "home-wsl", "as_of_ms", "t",
                                          UINT64_C(1700000000123), "truncated", "b", false, "containers",
                                          "aa{sv}", 1, 2, "name", "s", "web", "image", "s", "busybox");
}

static int on_get_device(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        if (!streq(name, "home-wsl"))
                return sd_bus_error_set(error, ERROR "PeerUnknown",
                                        "no device of this name is enrolled here");

        return sd_bus_reply_method_return(call, "a{sv}", 2, "name", "s", name, "witnessed_entries", "t",
                                          UINT64_C(7));
}

/* Two entries of this node's chain, none of another one's; both from the number that was asked for on. */
static int on_export(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const uint8_t hash[32] = { 0 };
        const char *device;
        uint64_t from;

        int r = sd_bus_message_read(call, "stu", &device, &from, NULL);
        if (r >= 0 && *device != '\0' && !streq(device, "home-wsl"))
                return sd_bus_error_set(error, "org.devbox.Error.PeerUnknown", NULL);
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ttqayayay)");
        for (uint64_t seq = from; r >= 0 && *device == '\0' && seq < from + 2; seq++) {
                r = sd_bus_message_open_container(reply, 'r', "ttqayayay");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "ttq", seq, UINT64_C(1700000000123), 0);
                if (r >= 0)
                        r = sd_bus_message_append_array(reply, 'y', "{}", 2);
                for (unsigned i = 0; r >= 0 && i < 2; i++)
                        r = sd_bus_message_append_array(reply, 'y', hash, sizeof hash);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable mesh[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetStatus", "", "a{sv}", on_get_status),
        METHOD("ListPeers", "b", "aa{sv}", on_list_peers),
        METHOD("Revoke", "s", "a{sv}", on_revoke),
        METHOD("Claim", "ays", "ay", on_claim),
        SD_BUS_VTABLE_END,
};

static int on_get_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "a{sd}", 2, "up", 1.0,
                                          "peer_presence{peer=\"home-wsl\",presence=\"online\"}", 1.0);
}

static const sd_bus_vtable component[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetMetrics", "", "a{sd}", on_get_metrics),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable dispatch[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("ListRequests", "bu", "aa{sv}", on_list_requests),
        METHOD("ListApprovals", "", "aa{sv}", on_list_approvals),
        METHOD("Approve", "sa{sv}", "", on_decide),
        METHOD("Deny", "sa{sv}", "", on_decide),
        METHOD("ListDevices", "", "aa{sv}", on_list_devices),
        METHOD("ListContainers", "", "aa{sv}", on_list_containers),
        METHOD("GetDevice", "s", "a{sv}", on_get_device),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable ledger[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Export", "stu", "a(ttqayayay)", on_export),
        SD_BUS_VTABLE_END,
};

static int on_get_dispatch_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(
                call, "a{sd}", 3, "requests_total{capability=\"shell.exec\",outcome=\"finished\"}", 4.0,
                "request_duration_seconds_bucket{le=\"+Inf\"}", 4.0, "request_duration_seconds_count", 4.0);
}

static int on_get_matrix_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "a{sd}", 1, "events_unsent", 2.0);
}

static const sd_bus_vtable matrix_component[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetMetrics", "", "a{sd}", on_get_matrix_metrics),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable dispatch_component[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetMetrics", "", "a{sd}", on_get_dispatch_metrics),
        SD_BUS_VTABLE_END,
};

static const struct {
        const char *name, *path, *interface; /* NULL: as the name */
        const sd_bus_vtable *vtable;
} objects[] = {
        { "org.devbox.Dispatch1", "/org/devbox/Dispatch1", NULL, dispatch },
        { "org.devbox.Ledger1", "/org/devbox/Ledger1", NULL, ledger },
        { NULL, "/org/devbox/Dispatch1", "org.devbox.Component1", dispatch_component },
        { "org.devbox.Matrix1", "/org/devbox/Matrix1", "org.devbox.Component1", matrix_component },
        { NULL, "/org/devbox/Mesh1", "org.devbox.Component1", component },
        { "org.devbox.Mesh1", "/org/devbox/Mesh1", NULL, mesh }, /* last: the test waits for it */
};

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        int r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(objects); i++) {
                r = sd_bus_add_object_vtable(bus, NULL, objects[i].path,
                                             objects[i].interface ?: objects[i].name, objects[i].vtable,
                                             NULL);
                if (r >= 0 && objects[i].name)
                        r = sd_bus_request_name(bus, objects[i].name, 0);
        }
        return r < 0 ? EXIT_FAILURE : sd_event_loop(event);
}
