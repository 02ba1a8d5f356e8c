/* SPDX-License-Identifier: MIT */
/* The components of devbox on this machine. */

#include "ctl/status/service-status.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "bus/systemd1.h"
#include "ctl/status/proc-net-tcp.h"

#define LISTENING_ON "Listening on " /* devbox-api(8) */

typedef struct UnitState {
        char load[32], active[32], sub[32];
} UnitState;

static const char *const state_table[_COMPONENT_STATE_MAX] = {
        [COMPONENT_UNKNOWN] = "unknown",     [COMPONENT_ABSENT] = "not-installed",
        [COMPONENT_STOPPED] = "stopped",     [COMPONENT_MASKED] = "masked",
        [COMPONENT_FAILED] = "failed",       [COMPONENT_STARTING] = "starting",
        [COMPONENT_SLEEPING] = "sleeping",   [COMPONENT_RUNNING] = "running",
        [COMPONENT_LISTENING] = "listening", [COMPONENT_CRASHING] = "crashing",
};

typedef struct ComponentRow {
        const char *name, *unit;
        const char *bus_name;  /* after "org.devbox."; NULL: not on the bus */
        const char *unhealthy; /* what to do if it reports that it is not healthy */
        unsigned roles;        /* of machines that have it; 0: all */
        bool activated;        /* the bus or a socket starts it on demand */
        bool optional;         /* it may be not installed */
} ComponentRow;

/* The targets of the roles, whose states are read with those of the components. */
enum { UNIT_HUB = _COMPONENT_MAX, UNIT_DEVICE, _UNIT_MAX };
enum { ROLE_HUB = 1 << 0, ROLE_DEVICE = 1 << 1 };

static const ComponentRow component_table[_COMPONENT_MAX] = {
        [COMPONENT_SOCKET] = { "socket", "devbox-api.socket" },
        [COMPONENT_API] = { "api", "devbox-api.service", "Api1",
                            "not healthy; run: devboxctl config check, and see: journalctl -u devbox-api" },
        [COMPONENT_COLLECTOR] = { "collector", "devbox-collector.service", "Collector1",
                                  "not healthy; run: devboxctl config check, and see: journalctl -u "
                                  "devbox-collector",
                                  .activated = true },
        [COMPONENT_LEDGER] = { "ledger", "devbox-ledger.service", "Ledger1",
                               "it cannot act: disk full, or its key is not adopted; see: journalctl -u "
                               "devbox-ledger, and devboxctl device status",
                               .activated = true, .optional = true },
        [COMPONENT_MESH] = { "mesh", "devbox-mesh.service", "Mesh1",
                             "the network is not in order; run: devboxctl doctor, and see: journalctl -u "
                             "devbox-mesh",
                             .roles = ROLE_HUB | ROLE_DEVICE, .activated = true },
        [COMPONENT_DISPATCH] = { "dispatch", "devbox-dispatch.service", "Dispatch1",
                                 "not healthy; see: journalctl -u devbox-dispatch", .roles = ROLE_HUB,
                                 .activated = true },
        [COMPONENT_MATRIX] = { "matrix", "devbox-matrix.service", "Matrix1",
                               "the homeserver does not answer, or the session has ended; see: journalctl "
                               "-u devbox-matrix",
                               .roles = ROLE_HUB, .activated = true },
        [COMPONENT_AGENT] = { "agent", "devbox-agent.service", "Agent1",
                              "the ledger does not answer it; see: journalctl -u devbox-agent",
                              .roles = ROLE_DEVICE, .activated = true },
};

static const char *unit_name(int i)
{
        return i == UNIT_HUB      ? "devbox-hub.target"
               : i == UNIT_DEVICE ? "devbox-device.target"
                                  : component_table[i].unit;
}

const char *component_state_to_string(ComponentState state)
{
        assert(state >= 0 && state < _COMPONENT_STATE_MAX);

        return state_table[state];
}

static int on_unit(const Systemd1Unit *unit, void *userdata)
{
        UnitState *states = userdata;

        for (int i = 0; i < _UNIT_MAX; i++)
                if (streq(unit->id, unit_name(i))) {
                        (void) snprintf(states[i].load, sizeof states[i].load, "%s", unit->load_state);
                        (void) snprintf(states[i].active, sizeof states[i].active, "%s", unit->active_state);
                        (void) snprintf(states[i].sub, sizeof states[i].sub, "%s", unit->sub_state);
                }

        return 0;
}

/* Leaves the states empty where systemd does not answer. */
static void get_unit_states(sd_bus *bus, UnitState states[static _UNIT_MAX])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *units[_UNIT_MAX];

        for (int i = 0; i < _UNIT_MAX; i++)
                units[i] = unit_name(i);

        int r = systemd1_new_list(bus, units, _UNIT_MAX, &call);
        if (r >= 0)
                r = sd_bus_call(bus, call, 0, NULL, &reply);
        if (r >= 0)
                (void) systemd1_read_list(reply, on_unit, states);
}

static ComponentState state_of(const UnitState *unit)
{
        static const struct {
                const char *active;
                ComponentState state;
        } rows[] = {
                { "active", COMPONENT_RUNNING },        { "reloading", COMPONENT_RUNNING },
                { "refreshing", COMPONENT_RUNNING },    { "activating", COMPONENT_STARTING },
                { "deactivating", COMPONENT_STARTING }, { "inactive", COMPONENT_STOPPED },
                { "failed", COMPONENT_FAILED },
        };

        if (streq(unit->load, "not-found"))
                return COMPONENT_ABSENT;
        if (streq(unit->load, "masked") && !streq(unit->active, "active"))
                return COMPONENT_MASKED;
        if (startswith(unit->sub, "auto-restart"))
                return COMPONENT_CRASHING;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(unit->active, rows[i].active))
                        return rows[i].state;

        return COMPONENT_UNKNOWN;
}

/* What systemd calls stopped may be started on demand, by the socket or the bus. What answers on the bus is
 * running. */
static void apply_activation(ServiceStatus *status)
{
        ComponentStatus *socket = &status->components[COMPONENT_SOCKET];
        ComponentStatus *api = &status->components[COMPONENT_API];

        if (socket->state == COMPONENT_RUNNING)
                socket->state = COMPONENT_LISTENING;
        if (api->state == COMPONENT_STOPPED && socket->state == COMPONENT_LISTENING)
                api->state = COMPONENT_SLEEPING;

        for (int i = 0; i < _COMPONENT_MAX; i++) {
                ComponentStatus *component = &status->components[i];

                if (component_table[i].activated && component->state == COMPONENT_STOPPED)
                        component->state = COMPONENT_SLEEPING;
                if (component->answers)
                        component->state = COMPONENT_RUNNING;
        }
}

/* The addresses of the socket, as systemd has them; those that are not open are left out, and counted. What
 * systemd or the kernel does not report counts as open. */
static int get_open_addresses(sd_bus *bus, char **ret_listens, size_t *ret_n_closed)
{
        _cleanup_(fd_closep) int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;
        _cleanup_(freep) char *path = NULL;
        const char *kind, *address;
        size_t n_closed = 0;

        int r = systemd1_unit_path(component_table[COMPONENT_SOCKET].unit, &path);
        if (r < 0)
                return r;

        r = sd_bus_get_property(bus, SYSTEMD1_NAME, path, SYSTEMD1_SOCKET, "Listen", NULL, &reply, "a(ss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &kind, &address)) > 0)
                if (listening_at(proc_fd, address) == 0)
                        n_closed++;
                else
                        text_appendf(&text, "%s%s", text.size > 0 ? ", " : "", address);

        r = text_take(&text, ret_listens, NULL);
        if (r >= 0)
                *ret_n_closed = n_closed;
        return r;
}

/* The addresses that the API reports in the status of its unit, or NULL. It keeps the sockets that it was
 * handed. */
static char *get_addresses_of_api(sd_bus *bus)
{
        _cleanup_(freep) char *path = NULL, *status = NULL;

        if (systemd1_unit_path(component_table[COMPONENT_API].unit, &path) < 0 ||
            sd_bus_get_property_string(bus, SYSTEMD1_NAME, path, SYSTEMD1_SERVICE, "StatusText", NULL,
                                       &status) < 0)
                return NULL;

        return startswith(status, LISTENING_ON) ? strdup(status + strlen(LISTENING_ON)) : NULL;
}

static int get_listens(sd_bus *bus, ServiceStatus *status)
{
        ComponentStatus *socket = &status->components[COMPONENT_SOCKET];
        char *addresses;
        size_t n_closed;

        int r = get_open_addresses(bus, &status->listens, &n_closed);
        if (r < 0)
                return r;

        socket->moved = socket->state == COMPONENT_LISTENING && n_closed > 0;
        addresses = status->components[COMPONENT_API].answers ? get_addresses_of_api(bus) : NULL;
        if (addresses) {
                free(status->listens);
                status->listens = addresses;
        }
        return 0;
}

static bool component_is_expected(const ComponentRow *row, ComponentState state, unsigned roles)
{
        return (row->roles == 0 || (row->roles & roles) != 0) &&
               !(row->optional && state == COMPONENT_ABSENT);
}

int service_status_get(sd_bus *bus, ServiceStatus *ret_status, char **ret_problem)
{
        _cleanup_(service_status_done) ServiceStatus status = { 0 };
        UnitState states[_UNIT_MAX] = { 0 };

        get_unit_states(bus, states);
        unsigned roles = (streq(states[UNIT_HUB].active, "active") ? ROLE_HUB : 0) |
                         (streq(states[UNIT_DEVICE].active, "active") ? ROLE_DEVICE : 0);

        for (int i = 0; i < _COMPONENT_MAX; i++) {
                ComponentStatus *component = &status.components[i];
                _cleanup_(freep) char *problem = NULL;
                int r;

                component->id = (ComponentId) i;
                component->name = component_table[i].name;
                component->unit = component_table[i].unit;
                component->state = state_of(&states[i]);
                component->expected = component_is_expected(&component_table[i], component->state, roles);
                if (!component_table[i].bus_name || !component->expected)
                        continue;

                r = component_client_get(bus, component_table[i].bus_name, &component->properties, &problem);
                component->answers = r == 0;
                if (r < 0)
                        return r;
                if (r == DEVBOX_ERROR_ACCESS_DENIED) {
                        *ret_problem = TAKE_PTR(problem);
                        return r;
                }
        }

        apply_activation(&status);

        int r = get_listens(bus, &status);
        if (r < 0)
                return r;

        *ret_status = TAKE(status, (ServiceStatus){ 0 });
        return 0;
}

void service_status_done(ServiceStatus *status)
{
        free(status->listens);
        *status = (ServiceStatus){ 0 };
}

const char *component_status_problem(const ComponentStatus *component)
{
        switch (component->state) {
        case COMPONENT_UNKNOWN:
                return "systemd does not report its state";
        case COMPONENT_ABSENT:
                return "run: scripts/install.sh";
        case COMPONENT_STOPPED:
                return "run: systemctl start devbox.target";
        case COMPONENT_MASKED:
                return "run: systemctl unmask devbox-api.socket devbox-api devbox-collector devbox-ledger "
                       "devbox-mesh devbox-dispatch devbox-matrix devbox-agent";
        case COMPONENT_FAILED:
                return "see: journalctl -u 'devbox-*'";
        case COMPONENT_CRASHING:
                return "it fails again and again; see: journalctl -u 'devbox-*'";
        default:
                if (component->moved)
                        return "not at the configured address yet; run: systemctl restart devbox-api.socket";
                return component->answers && !component->properties.healthy
                               ? component_table[component->id].unhealthy
                               : NULL;
        }
}

bool service_status_is_well(const ServiceStatus *status)
{
        for (int i = 0; i < _COMPONENT_MAX; i++)
                if (status->components[i].expected && component_status_problem(&status->components[i]))
                        return false;

        return true;
}

void service_status_add_json(Json *json, const char *key, const ServiceStatus *status)
{
        json_open_array(json, key);
        for (int i = 0; i < _COMPONENT_MAX; i++) {
                const ComponentStatus *component = &status->components[i];

                if (!component->expected)
                        continue;
                json_open_object(json, NULL);
                json_add_string(json, "name", component->name);
                json_add_string(json, "unit", component->unit);
                json_add_string(json, "state", component_state_to_string(component->state));
                json_add_string(json, "problem", component_status_problem(component));
                if (component->answers) {
                        json_add_string(json, "version", component->properties.version);
                        json_add_bool(json, "healthy", component->properties.healthy);
                        json_add_time(json, "started_at", component->properties.started_at_usec);
                }
                json_close_object(json);
        }
        json_close_array(json);
}
