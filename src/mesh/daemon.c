/* SPDX-License-Identifier: MIT */
/* devbox-mesh: its life, and the database it goes by.
 *
 * What was read from the database last is what the network is kept at. So a database that is locked, full or
 * gone changes nothing that runs; what must be written meanwhile is written later. */

#include "mesh/daemon.h"

#include <stdio.h>

#include "log/log.h"
#include "mesh/daemon-internal.h"
#include "proto/error.h"

#define STATE_DIRECTORY "/var/lib/devbox/mesh"
#define HTTP_PORT       8080 /* without a valid configuration */

#define REVOCATIONS_MAX  64 /* that wait for their read-back */
#define DRIFT_EVENTS_MAX 10 /* a minute */
#define ADMISSIONS_MAX   16
#define CLAIM_EVENTS_MAX 10 /* a minute */

static const BusService dispatch_service = {
        .name = "org.devbox.Dispatch1",
        .path = "/org/devbox/Dispatch1",
        .deadline_usec = USEC_PER_SEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_UNAVAILABLE,
};

/* In the order of MeshUser. */
static const char *const users[] = { "devbox", "devbox-dispatch", "devbox-agent", "devbox-matrix", NULL };

static const char *const state_names[_MESH_STATE_MAX] = {
        [MESH_STATE_UNCONFIGURED] = "unconfigured",
        [MESH_STATE_DOWN] = "down",
        [MESH_STATE_DEGRADED] = "degraded",
        [MESH_STATE_UP] = "up",
};

const char *mesh_state_to_string(MeshState state)
{
        return state_names[state];
}

static const char *environment(const char *name, const char *fallback)
{
        const char *value = secure_getenv(name);

        return value && *value != '\0' ? value : fallback;
}

/* ---- the database */

static void set_failure(MeshDaemon *self, int failure)
{
        if ((failure == 0) != (self->failure == 0)) {
                if (failure != 0)
                        (void) log_full(LOG_ERR, failure,
                                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_MESH_DATABASE_LOST }),
                                        "mesh.db cannot be used; the network stays as it is");
                else
                        (void) log_full(LOG_NOTICE, 0,
                                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_MESH_DATABASE_BACK }),
                                        "mesh.db can be used again");
        }
        self->failure = failure;
}

static int reopen(MeshDaemon *self)
{
        int r = store_open(&self->store);

        set_failure(self, r);
        if (r < 0)
                self->reopen_at_usec = time_now(CLOCK_MONOTONIC) + backoff_next(&self->reopen_backoff);
        else
                backoff_reset(&self->reopen_backoff);
        return r;
}

static bool open_database(MeshDaemon *self)
{
        bool due = deadline_left(self->reopen_at_usec) == 0;

        return self->store.database || (due && reopen(self) == 0);
}

/* Until it was read once, the role of this machine is unknown. */
int mesh_need_store(MeshDaemon *self)
{
        if (!self->loaded)
                mesh_changed(self);

        return self->loaded && open_database(self) ? 0 : DEVBOX_ERROR_MESH_UNAVAILABLE;
}

int mesh_after_write(MeshDaemon *self, int result)
{
        set_failure(self, MIN(result, 0));
        return result < 0 ? DEVBOX_ERROR_MESH_UNAVAILABLE : result;
}

/* A key in the journal is revoked, also where the database does not know it yet. */
static void apply_journal(MeshDaemon *self)
{
        for (size_t i = 0; i < self->peers.n_peers; i++)
                if (journal_has(self->journal, &self->peers.peers[i].key))
                        self->peers.peers[i].state = PEER_STATE_REVOKED;
}

static int load_claim_key(MeshDaemon *self, const Node *node)
{
        _cleanup_(secret_freep) Secret *key = NULL;

        memset(self->claim_key, 0, sizeof self->claim_key);
        if (node->role != NODE_ROLE_HUB)
                return 0;
        int r = sealed_file_read(self->store.directory_fd, MESH_CLAIM_KEY, self->store.seal, &key);
        if (r >= 0)
                x25519_public(key, self->claim_key);
        return r;
}

static int load_desired(MeshDaemon *self, const Node *node)
{
        const Config *config = self->config.config;
        DesiredPorts ports = { .http = HTTP_PORT };

        if (node->role == NODE_ROLE_NONE) {
                desired_done(&self->desired);
                return 0;
        }
        if (config)
                ports = (DesiredPorts){ .http = (uint16_t) config->http_port,
                                        .tcp = config->mesh_tcp_ports,
                                        .udp = config->mesh_udp_ports };
        return desired_build(&self->store, node, self->journal, &ports, &self->desired);
}

static int load(MeshDaemon *self)
{
        Node node;

        int r = node_load(self->store.database, &node);
        if (r >= 0)
                r = peer_table_load(self->store.database, &self->peers);
        if (r < 0)
                return r;
        apply_journal(self);

        r = roots_load(self->store.database, &self->roots);
        if (r >= 0)
                r = load_claim_key(self, &node);
        if (r >= 0)
                r = load_desired(self, &node);
        if (r < 0)
                return r;

        self->node = node;
        return 0;
}

void mesh_changed(MeshDaemon *self)
{
        static const char *const properties[] = { "Role", "Peers", "Online", NULL };

        self->reload_wanted = true;
        if (!open_database(self)) {
                mesh_update_state(self);
                return;
        }
        int r = load(self);
        set_failure(self, r);
        self->reload_wanted = r < 0;
        self->loaded |= r >= 0;

        reconciler_kick(self->reconciler);
        mesh_update_state(self);
        (void) sd_bus_emit_properties_changed_strv(self->bus, self->component.object_path, MESH_INTERFACE,
                                                   (char **) properties);
}

/* ---- events */

void mesh_announce(MeshDaemon *self, MeshEvent event, const char *device, const char *detail)
{
        const MeshEventType *type = &mesh_event_types[event];
        const char *code = type->rejects ? detail : "";

        (void) log_full(type->level, 0,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_MESH_EVENT }, { "DEVBOX_PEER", device },
                                   { "DEVBOX_OUTCOME", type->name }, { "DEVBOX_DETAIL", detail }),
                        "%s%s%s%s%s", type->text, *device ? ": " : "", device,
                        *code == '\0' ? ""
                        : *device     ? ", "
                                      : ": ",
                        code);
        int r = sd_bus_emit_signal(self->bus, self->component.object_path, MESH_INTERFACE, "Event", "tsss",
                                   time_now(CLOCK_REALTIME) / USEC_PER_MSEC, type->name, device, detail);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot emit Event, ignoring");
}

/* The entries for the chain and the marks that they were made, or neither. */
static int store_events(MeshDaemon *self)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = self->store.database;

        int r = transaction_begin(database, &transaction);
        for (size_t i = 0; r >= 0 && i < self->backlog.n; i++) {
                const Peer *peer = peer_table_find(&self->peers, self->backlog.items[i].device);

                if (self->node.role == NODE_ROLE_HUB)
                        r = outbox_add_record(database, self->backlog.items[i].event,
                                              self->backlog.items[i].device, self->backlog.items[i].detail);
                if (r >= 0 && peer)
                        r = peer_store_marks(database, peer);
        }
        return r < 0 ? r : transaction_commit(&transaction);
}

void mesh_record_events(MeshDaemon *self)
{
        if (self->backlog.n > 0 && self->n_unrecorded == 0 && mesh_need_store(self) == 0 &&
            mesh_after_write(self, store_events(self)) == 0)
                self->backlog.n = 0;
}

/* A database that failed last is left to the next tick: each attempt at a locked one takes its time. */
void mesh_report(MeshDaemon *self, MeshEvent event, const char *device, const char *detail)
{
        mesh_announce(self, event, device, detail);
        if (!mesh_event_types[event].recorded)
                return;
        if (!event_backlog_add(&self->backlog, event, device, detail))
                log_warning("Too many events wait for the database, one is only in this log");
        else if (self->failure == 0)
                mesh_record_events(self);
}

/* ---- configuration */

int mesh_daemon_reload(void *userdata)
{
        MeshDaemon *self = userdata;

        config_holder_repeat(&self->config);
        int r = config_holder_load(&self->config);
        if (r < 0)
                return r;

        backoff_reset(&self->reopen_backoff);
        self->reopen_at_usec = 0;
        mesh_changed(self);
        (void) log_full(LOG_INFO, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_RELOADED }),
                        "Configuration and database were read again");
        return 0;
}

/* ---- the component */

/* Component1.Restart */
static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((MeshDaemon *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

int mesh_daemon_stop(void *userdata)
{
        MeshDaemon *self = userdata;

        int r = component_retire(&self->component);
        if (r < 0)
                (void) log_warning_errno(r, "Cannot give the name back, ignoring");

        daemon_exit(self->daemon, self->bus);
        return 0;
}

void *mesh_daemon_new(void)
{
        MeshDaemon *self = calloc(1, sizeof *self);

        if (!self)
                return NULL;

        self->store = STORE_NULL;
        self->reopen_backoff = (Backoff){ .min_usec = USEC_PER_SEC, .max_usec = 60 * USEC_PER_SEC };
        self->settle_error = -EINPROGRESS;
        (void) snprintf(self->problem, sizeof self->problem, "starting");
        self->revocations = (BusCalls){ .max = REVOCATIONS_MAX,
                                        .max_per_client = REVOCATIONS_MAX,
                                        .free = mesh_revocation_free };
        self->admissions = (BusCalls){ .max = ADMISSIONS_MAX,
                                       .max_per_client = ADMISSIONS_MAX,
                                       .free = mesh_admission_free };
        self->claim_limit = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = CLAIM_EVENTS_MAX };
        self->alarm_limit = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = CLAIM_EVENTS_MAX };
        self->drift_limit = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = DRIFT_EVENTS_MAX };
        self->endpoint_limit = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = 1 };
        self->locate_wanted = true;
        self->dispatch.service = &dispatch_service;
        self->config.consequence = "going on with the defaults";
        self->component = (Component){
                .name = "Mesh1",
                .append_metrics = mesh_append_metrics,
                .restart = restart,
                .owner = self,
        };
        return self;
}

void mesh_daemon_free(void *userdata)
{
        MeshDaemon *self = userdata;

        mesh_store_endpoints(self); /* here, for at shutdown the bus may go before SIGTERM comes */
        bus_authority_free(self->authority);
        bus_calls_done(&self->revocations);
        bus_calls_done(&self->admissions);
        bus_client_done(&self->dispatch);
        sd_bus_slot_unref(self->slot_interface);
        outbox_done(&self->outbox);
        component_detach(&self->component);
        reconciler_free(self->reconciler);
        resolver_free(self->resolver);
        free(self->unrecorded);
        roots_done(&self->roots);
        desired_done(&self->desired);
        peer_table_done(&self->peers);
        journal_free(self->journal);
        store_done(&self->store);
        config_holder_done(&self->config);
        free(self);
}

/* The journal first: no peer is loaded without it. */
static int open_state(MeshDaemon *self)
{
        int r = store_init(&self->store, environment("STATE_DIRECTORY", STATE_DIRECTORY),
                           environment("CREDENTIALS_DIRECTORY", NULL));
        if (r < 0)
                return r;
        r = journal_open(self->store.directory_fd, &self->journal);
        if (r < 0)
                return r;

        if (journal_n_torn(self->journal) > 0)
                log_warning("%zu entries of the revocation journal were never finished, ignoring",
                            journal_n_torn(self->journal));
        return mesh_recover_revocations(self);
}

static int add_objects(MeshDaemon *self)
{
        int r = resolver_new(self->event, mesh_on_hub_address, self, &self->resolver);
        if (r < 0)
                return r;

        r = outbox_init(&self->outbox, &mesh_outbox_rows, &self->store.database, self->bus);
        if (r < 0)
                return r;

        return reconciler_new(self->event, &self->desired, &mesh_reconciler_handlers, self,
                              &self->reconciler);
}

int mesh_daemon_start(void *userdata, Daemon *daemon)
{
        MeshDaemon *self = userdata;
        sd_bus *bus = daemon_bus(daemon);

        self->daemon = daemon;
        self->event = daemon_event(daemon);
        self->bus = bus;

        int r = config_holder_load(&self->config);
        if (r < 0)
                return r;
        r = open_state(self);
        if (r < 0)
                return r;
        bus_client_attach(&self->dispatch, bus);
        r = add_objects(self);
        if (r < 0)
                return r;
        r = bus_authority_new(bus, users, &self->authority);
        if (r < 0)
                return r;
        r = component_attach(&self->component, bus);
        if (r < 0)
                return r;
        r = mesh_add_interface(self, bus, self->component.object_path, &self->slot_interface);
        if (r < 0)
                return r;

        mesh_changed(self);
        if (!self->loaded)
                return mesh_remove_revoked(self);
        mesh_record_revocations(self);
        r = node_write_file(self->store.directory_fd, &self->node);
        if (r < 0) /* the disk may be full; the one of an earlier start says the same */
                (void) log_warning_errno(r, "Cannot write the role for devbox-generator, ignoring");
        return 0;
}
