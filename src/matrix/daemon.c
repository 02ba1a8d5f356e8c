/* SPDX-License-Identifier: MIT */
/* devbox-matrix: its life. */

#include <fcntl.h>

#include "basic/fd.h"
#include "basic/parse.h"
#include "log/log.h"
#include "matrix/daemon-internal.h"
#include "trust/sealed-file.h"

#define STATE_DIRECTORY   "/var/lib/devbox/matrix"
#define IDLE_SEC          60
#define OPERATIONS_MAX    32
#define OPERATIONS_CLIENT 8

#define MESH_USEC     (5 * USEC_PER_SEC)
#define DISPATCH_USEC (30 * USEC_PER_SEC) /* its own calls wait for the mesh and the ledger */

static const BusService mesh_service = {
        .title = "devbox-mesh",
        .name = "org.devbox.Mesh1",
        .path = "/org/devbox/Mesh1",
        .deadline_usec = MESH_USEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_TIMEOUT,
};

static const BusService dispatch_service = {
        .title = "devbox-dispatch",
        .name = "org.devbox.Dispatch1",
        .path = "/org/devbox/Dispatch1",
        .deadline_usec = DISPATCH_USEC,
        .unavailable = DEVBOX_ERROR_DISPATCH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_BUSY,
};

static const char *const users[] = { NULL };

static const char *environment(const char *name, const char *fallback)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : fallback;
}

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((MatrixDaemon *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

void matrix_work(MatrixDaemon *self)
{
        matrix_update_health(self);
        (void) idle_set_after(&self->idle, self->session ? USEC_INFINITY : self->idle_usec);
        if (!self->session)
                return;

        watch_work(self);
        matrix_announce_verifications(self);
        approvals_work(self);
        executions_start(self);
        session_send(self->session);
}

/* ---- what changes */

static int on_presence_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        watch_refresh(userdata);
        return 0;
}

static int on_approval_needed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        approvals_refresh(userdata);
        return 0;
}

/* ---- the object */

void *matrix_daemon_new(void)
{
        MatrixDaemon *self = calloc(1, sizeof *self);

        if (!self)
                return NULL;

        self->mesh.service = &mesh_service;
        self->dispatch.service = &dispatch_service;
        self->operations = (BusCalls){ .max = OPERATIONS_MAX,
                                       .max_per_client = OPERATIONS_CLIENT,
                                       .free = matrix_operation_free };
        self->component = (Component){
                .name = "Matrix1",
                .append_metrics = matrix_append_metrics,
                .restart = restart,
                .update_health = matrix_update_health,
                .owner = self,
        };
        return self;
}

void matrix_daemon_free(void *userdata)
{
        MatrixDaemon *self = userdata;

        /* In reverse dependency order: operations and the session have calls of the HTTP client. */
        bus_calls_done(&self->operations);
        idle_done(&self->idle);
        bus_authority_free(self->authority);
        sd_bus_slot_unref(self->slot_interface);
        for (size_t i = 0; i < MATRIX_SIGNALS; i++)
                sd_bus_slot_unref(self->signals[i]);
        component_detach(&self->component);
        matrix_account_close(self);
        bus_client_done(&self->mesh);
        bus_client_done(&self->dispatch);
        http_client_freep(&self->http);
        secret_free(self->key);
        free(self);
}

static int load_key(MatrixDaemon *self)
{
        _cleanup_(secret_freep) Secret *seal = NULL;

        self->state_directory = environment("STATE_DIRECTORY", STATE_DIRECTORY);
        _cleanup_(fd_closep) int directory_fd =
                open(self->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = directory_fd < 0
                        ? -errno
                        : seal_load(directory_fd, environment("CREDENTIALS_DIRECTORY", NULL), &seal);
        if (r == 0)
                r = seal_derive(seal, "matrix.db", &self->key);
        if (r == 0)
                return 0;

        (void) log_error_errno(r, "Cannot read the seal of %s", self->state_directory);
        return -EALREADY;
}

/* Without an account there is nothing to do until a call, for which the bus starts another process. */
static int on_idle(void *owner)
{
        MatrixDaemon *self = owner;

        if (!self->session && self->operations.n == 0)
                daemon_stop(self->daemon, EXIT_SUCCESS);
        return 0;
}

static int watch_idleness(MatrixDaemon *self)
{
        const char *text = environment("DEVBOX_IDLE_SEC", NULL);
        uint64_t seconds = IDLE_SEC;

        if (text)
                (void) parse_u64(text, 1, IDLE_SEC, &seconds);
        self->idle_usec = seconds * USEC_PER_SEC;
        return idle_init(&self->idle, self->event, self->idle_usec, on_idle, self);
}

static int follow_others(MatrixDaemon *self)
{
        static const struct {
                const BusService *service;
                const char *member;
                sd_bus_message_handler_t on_signal;
        } rows[MATRIX_SIGNALS] = {
                { &mesh_service, "Event", directory_on_event },
                { &mesh_service, "Event", watch_on_event },
                { &mesh_service, "PeerChanged", on_presence_changed },
                { &dispatch_service, "RequestChanged", approvals_on_changed },
                { &dispatch_service, "ApprovalNeeded", on_approval_needed },
        };
        int r = 0;

        bus_client_attach(&self->mesh, self->bus);
        bus_client_attach(&self->dispatch, self->bus);
        for (size_t i = 0; r >= 0 && i < MATRIX_SIGNALS; i++)
                r = sd_bus_match_signal_async(self->bus, &self->signals[i], rows[i].service->name,
                                              rows[i].service->path, rows[i].service->name, rows[i].member,
                                              rows[i].on_signal, NULL, self);
        return r;
}

static int attach(MatrixDaemon *self)
{
        int r = bus_authority_new(self->bus, users, &self->authority);
        if (r < 0)
                return r;
        r = component_attach(&self->component, self->bus);
        return r < 0 ? r : matrix_add_interface(self, self->component.object_path);
}

int matrix_daemon_start(void *userdata, Daemon *daemon)
{
        MatrixDaemon *self = userdata;

        self->daemon = daemon;
        self->event = daemon_event(daemon);
        self->bus = daemon_bus(daemon);
        int r = load_key(self);
        if (r < 0)
                return r;
        r = http_client_new(self->event, &self->http);
        if (r < 0)
                return r;
        r = follow_others(self);
        if (r < 0)
                return r;
        r = matrix_account_open(self);
        if (r < 0)
                return r;
        r = attach(self);
        if (r == 0)
                r = watch_idleness(self);
        if (r < 0)
                return r;

        matrix_work(self);
        return 0;
}

int matrix_daemon_stop(void *userdata)
{
        MatrixDaemon *self = userdata;

        int r = component_retire(&self->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        daemon_exit(self->daemon, self->bus);
        return 0;
}
