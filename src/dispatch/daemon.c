/* SPDX-License-Identifier: MIT */
/* devbox-dispatch: its life. */

#include "dispatch/daemon.h"

#include <pwd.h>

#include "basic/parse.h"
#include "dispatch/daemon-internal.h"
#include "log/log.h"

#define STATE_DIRECTORY      "/var/lib/devbox/dispatch"
#define MESH_DEADLINE_USEC   (5 * USEC_PER_SEC)
#define LEDGER_DEADLINE_USEC (20 * USEC_PER_SEC) /* its commits wait for the disk */
#define OPERATIONS_MAX       256
#define OPERATIONS_CLIENT    64
#define LISTINGS_MAX         16
#define LISTINGS_CLIENT      4

static const BusService mesh_service = {
        .title = "devbox-mesh",
        .name = "org.devbox.Mesh1",
        .path = "/org/devbox/Mesh1",
        .deadline_usec = MESH_DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_UNAVAILABLE,
};

static const BusService ledger_service = {
        .title = "devbox-ledger",
        .name = "org.devbox.Ledger1",
        .path = "/org/devbox/Ledger1",
        .deadline_usec = LEDGER_DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
};

/* In the order of DispatchUser. */
static const char *const users[] = { "devbox-matrix", "devbox", "devbox-mesh", NULL };

static const char *environment(const char *name, const char *fallback)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : fallback;
}

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((DispatchDaemon *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

/* ---- what changes */

static void on_request_changed(const StoredRequest *request, void *owner)
{
        DispatchDaemon *self = owner;

        outbox_send(&self->outbox);
        int r = sd_bus_emit_signal(self->bus, self->component.object_path, DISPATCH_INTERFACE,
                                   "RequestChanged", "ss", request->id,
                                   dispatch_state_names[request->state]);
        if (r >= 0 && request->state == DISPATCH_APPROVING && request->n_approvals == 0)
                r = sd_bus_emit_signal(self->bus, self->component.object_path, DISPATCH_INTERFACE,
                                       "ApprovalNeeded", "sss", request->id, request->device,
                                       request->subject);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot emit a signal, ignoring");
}

static int on_mesh_event(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *kind = NULL, *name = NULL;

        if (sd_bus_message_read(message, "tss", NULL, &kind, &name) >= 0 && streq(kind, "revoked"))
                queue_revoke(((DispatchDaemon *) userdata)->queue, name);
        return 0;
}

/* ---- the object */

void *dispatch_daemon_new(void)
{
        DispatchDaemon *self = calloc(1, sizeof *self);

        if (!self)
                return NULL;

        self->mesh.service = &mesh_service;
        self->ledger.service = &ledger_service;
        self->operations = (BusCalls){ .max = OPERATIONS_MAX,
                                       .max_per_client = OPERATIONS_CLIENT,
                                       .free = dispatch_operation_free };
        self->listings = (BusCalls){ .max = LISTINGS_MAX,
                                     .max_per_client = LISTINGS_CLIENT,
                                     .free = dispatch_listing_free };
        self->component = (Component){
                .name = "Dispatch1",
                .append_metrics = dispatch_append_metrics,
                .restart = restart,
                .owner = self,
        };
        return self;
}

void dispatch_daemon_free(void *userdata)
{
        DispatchDaemon *self = userdata;

        /* In reverse dependency order: operations and links have pending calls of the clients. */
        bus_calls_done(&self->operations);
        bus_calls_done(&self->listings);
        bus_authority_free(self->authority);
        sd_bus_slot_unref(self->slot_interface);
        sd_bus_slot_unref(self->slot_events);
        component_detach(&self->component);
        outbox_done(&self->outbox);
        queue_free(self->queue);
        bus_client_done(&self->mesh);
        bus_client_done(&self->ledger);
        http_client_freep(&self->http);
        dispatch_keys_done(&self->keys);
        free(self);
}

static int load_keys(DispatchDaemon *self)
{
        const char *directory = environment("STATE_DIRECTORY", STATE_DIRECTORY);

        int r = dispatch_keys_load(directory, environment("CREDENTIALS_DIRECTORY", NULL), &self->keys);
        if (r == 0)
                return 0;

        (void) log_error_errno(r, "Cannot read the keys in %s: %s", directory,
                               r == -EBADMSG ? "they do not open with this seal"
                               : r == -EPERM ? "others may access them"
                                             : strerror(-r));
        return -EALREADY;
}

/* Another one in tests, where several devices are one machine. */
static uint16_t agent_port(void)
{
        const char *text = environment("DEVBOX_AGENT_PORT", NULL);
        uint64_t port = LINK_AGENT_PORT;

        return text && parse_u64(text, 1, UINT16_MAX, &port) == 0 ? (uint16_t) port : LINK_AGENT_PORT;
}

static int open_queue(DispatchDaemon *self)
{
        static const QueueHandlers handlers = { .on_changed = on_request_changed };
        const char *directory = environment("STATE_DIRECTORY", STATE_DIRECTORY);

        bus_client_attach(&self->mesh, self->bus);
        bus_client_attach(&self->ledger, self->bus);
        int r = http_client_new(daemon_event(self->daemon), &self->http);
        if (r < 0)
                return r;

        self->context = (LinkContext){ .event = daemon_event(self->daemon),
                                       .http = self->http,
                                       .mesh = &self->mesh,
                                       .ledger = &self->ledger,
                                       .keys = &self->keys,
                                       .agent_port = agent_port() };
        r = queue_new(&self->context, directory, &handlers, self, &self->queue);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot open the queue in %s", directory);
                return -EALREADY;
        }

        return outbox_init(&self->outbox, &dispatch_outbox_rows,
                           dispatch_store_database(queue_store(self->queue)), self->bus);
}

static int attach(DispatchDaemon *self)
{
        for (size_t i = 0; i < _DISPATCH_USER_MAX; i++) {
                const struct passwd *user = getpwnam(users[i]);

                self->uids[i] = user ? user->pw_uid : (uid_t) -1;
        }

        int r = bus_authority_new(self->bus, users, &self->authority);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(self->bus, &self->slot_events, "org.devbox.Mesh1", "/org/devbox/Mesh1",
                                      "org.devbox.Mesh1", "Event", on_mesh_event, NULL, self);
        if (r < 0)
                return r;
        r = component_attach(&self->component, self->bus);
        if (r < 0)
                return r;

        return dispatch_daemon_add_interface(self, self->bus, self->component.object_path,
                                             &self->slot_interface);
}

int dispatch_daemon_start(void *userdata, Daemon *daemon)
{
        DispatchDaemon *self = userdata;

        self->daemon = daemon;
        self->bus = daemon_bus(daemon);
        int r = load_keys(self);
        if (r < 0)
                return r;
        r = open_queue(self);
        if (r < 0)
                return r;
        r = attach(self);
        if (r < 0)
                return r;

        queue_resume(self->queue);
        outbox_send(&self->outbox);
        component_set_healthy(&self->component, true);
        return 0;
}

int dispatch_daemon_stop(void *userdata)
{
        DispatchDaemon *self = userdata;

        int r = component_retire(&self->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        daemon_exit(self->daemon, self->bus);
        return 0;
}
