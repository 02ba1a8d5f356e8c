/* SPDX-License-Identifier: MIT */
/* devbox-agent: its parts and its end. It holds no key and no state: all of that is the ledger's. */

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "agent/agent-internal.h"
#include "agent/bodies.h"
#include "basic/fd.h"
#include "log/log.h"

#define WORKER_DIRECTORY "/run/devbox"
#define CONNECTIONS_MAX  16
#define IDLE_EXIT_USEC   (300 * USEC_PER_SEC)
#define LEDGER_CALL_USEC (20 * USEC_PER_SEC) /* its commits wait for the disk */
#define MESH_CALL_USEC   (5 * USEC_PER_SEC)
#define OUTPUT_BUDGET    (64 * 1024 * 1024)
#define SOCKET_BYTES     (208 * 1024) /* the kernel's net.core.wmem_max: what is in flight in the tunnel */
#define CONNECTION_BYTES (80 * 1024)  /* room for a whole message of a worker beside the headers */

static const BusService ledger_service = {
        .title = "devbox-ledger",
        .name = "org.devbox.Ledger1",
        .path = "/org/devbox/Ledger1",
        .deadline_usec = LEDGER_CALL_USEC,
        .unavailable = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_AUDIT_UNAVAILABLE,
};

static const BusService mesh_service = {
        .title = "devbox-mesh",
        .name = "org.devbox.Mesh1",
        .path = "/org/devbox/Mesh1",
        .deadline_usec = MESH_CALL_USEC,
        .unavailable = DEVBOX_ERROR_MESH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_MESH_UNAVAILABLE,
};

/* ---- HTTP */

/* Whom the listener lets in may use every route. */
static bool admit(HttpRequest *request, const HttpRoute *route, void *owner)
{
        return true;
}

static void on_response(const HttpRoute *route, unsigned status, void *owner)
{
        idle_touch(&((Agent *) owner)->idle);
}

/* Runs whose hub was cut off still get their ends. */
static void on_drained(void *owner)
{
        Agent *agent = owner;

        (void) component_retire(&agent->component);
        daemon_exit(agent->daemon, agent->bus);
}

/* The name of the socket is the address that may connect (devbox-generator(8)). */
static int listen_take(Agent *agent, int take_fd, const char *name)
{
        _cleanup_(fd_closep) int fd = take_fd;
        HttpListenerOptions options = { .max_connections = CONNECTIONS_MAX,
                                        .own_host = true,
                                        .may_pause = true };
        HttpListener *listener;

        int r = ip_prefix_parse(name, &options.sources);
        return r < 0 ? r : http_server_listen_take(agent->server, TAKE_FD(fd), &options, &listener);
}

static int listen_sockets(Agent *agent)
{
        static const HttpHandlers handlers = { .admit = admit,
                                               .on_response = on_response,
                                               .on_drained = on_drained };
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        char **names = NULL;

        limits.budget_bytes = OUTPUT_BUDGET;
        limits.socket_bytes = SOCKET_BYTES;
        limits.connection_bytes = CONNECTION_BYTES;
        int r = http_server_new(agent->event, agent_routes, &handlers, &limits, &agent->server);
        if (r < 0)
                return r;

        http_server_set_owner(agent->server, agent);
        int n = sd_listen_fds_with_names(true, &names);
        if (n <= 0)
                return log_error_errno(n < 0 ? n : -ENOTCONN,
                                       "No socket of systemd: start devbox-agent.socket");

        for (int i = 0; i < n; i++) {
                int error = listen_take(agent, SD_LISTEN_FDS_START + i, names[i]);
                if (error < 0)
                        r = log_error_errno(error, "Cannot listen on the socket %s", names[i]);
                free(names[i]);
        }
        free(names);
        return r;
}

/* ---- org.devbox.Component1 */

static int append_metrics(sd_bus_message *reply, void *owner)
{
        const Agent *agent = owner;
        const HttpStats *http = http_server_stats(agent->server);
        const ComponentMetric metrics[] = {
                { "runs", agent->runs.n },
                { "runs_total", agent->runs.total },
                { "runs_failed_total", agent->runs.failed_total },
                { "runs_cancelled_total", agent->runs.cancelled_total },
                { "connections", http->n_connections },
                { "connections_total", http->connections_total },
                { "connections_rejected_total", http->rejected_total },
        };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

static int restart(void *owner, const char **ret_detail)
{
        daemon_stop(((Agent *) owner)->daemon, DAEMON_EXIT_RESTART);
        return 0;
}

static void update_health(void *owner)
{
        Agent *agent = owner;

        component_set_healthy(&agent->component, !agent->ledger.lost);
}

/* ---- the object */

void *agent_new(void)
{
        Agent *agent = calloc(1, sizeof *agent);
        const char *directory = secure_getenv("DEVBOX_WORKER_DIRECTORY");

        if (!agent)
                return NULL;

        agent->worker_directory = directory ? directory : WORKER_DIRECTORY;
        agent->ledger.service = &ledger_service;
        agent->mesh.service = &mesh_service;
        agent->component = (Component){ .name = "Agent1",
                                        .append_metrics = append_metrics,
                                        .restart = restart,
                                        .update_health = update_health,
                                        .owner = agent };
        return agent;
}

void agent_free(void *self)
{
        Agent *agent = self;

        runs_done(&agent->runs);
        bus_client_done(&agent->ledger);
        bus_client_done(&agent->mesh);
        http_server_freep(&agent->server);
        component_detach(&agent->component);
        idle_done(&agent->idle);
        free(agent);
}

static int on_idle(void *owner)
{
        Agent *agent = owner;

        if (http_server_stats(agent->server)->n_connections == 0 && agent->runs.n == 0)
                daemon_stop(agent->daemon, EXIT_SUCCESS);
        return 0;
}

int agent_start(void *self, Daemon *daemon)
{
        Agent *agent = self;

        agent->daemon = daemon;
        agent->event = daemon_event(daemon);
        agent->bus = daemon_bus(daemon);

        bus_client_attach(&agent->ledger, agent->bus);
        bus_client_attach(&agent->mesh, agent->bus);
        int r = component_attach(&agent->component, agent->bus);
        if (r < 0)
                return r;
        r = idle_init(&agent->idle, agent->event, IDLE_EXIT_USEC, on_idle, agent);
        if (r < 0)
                return r;

        update_health(agent);
        r = listen_sockets(agent);
        return r < 0 ? -EALREADY : 0;
}

int agent_stop(void *self)
{
        http_server_drain(((Agent *) self)->server);
        return 0;
}
