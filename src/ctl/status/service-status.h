/* SPDX-License-Identifier: MIT */
#pragma once

/* How devbox itself is: its socket, the API behind it and the collector, as systemd and they themselves
 * tell. Asking wakes nobody. */

#include "codec/json.h"
#include "ctl/status/client.h"

typedef enum ComponentState {
        COMPONENT_UNKNOWN, /* systemd does not answer */
        COMPONENT_ABSENT,  /* not installed */
        COMPONENT_STOPPED,
        COMPONENT_MASKED, /* nobody can start it */
        COMPONENT_FAILED,
        COMPONENT_STARTING,
        COMPONENT_SLEEPING, /* starts when somebody asks */
        COMPONENT_LISTENING,
        COMPONENT_RUNNING,
        _COMPONENT_STATE_MAX,
        _COMPONENT_STATE_INVALID = -EINVAL,
} ComponentState;

const char *component_state_to_string(ComponentState state);

typedef enum ComponentId {
        COMPONENT_SOCKET,
        COMPONENT_API,
        COMPONENT_COLLECTOR,
        _COMPONENT_MAX,
} ComponentId;

typedef struct ComponentStatus {
        const char *name, *unit;
        ComponentState state;
        bool moved;   /* the socket: is not open at all of its addresses */
        bool answers; /* on the bus; then what follows holds */
        ComponentProperties properties;
} ComponentStatus;

typedef struct ServiceStatus {
        ComponentStatus components[_COMPONENT_MAX];
        char *listens; /* really, now: "127.0.0.1:8080, /run/devbox/api.sock"; empty if unknown */
} ServiceStatus;

/* Returns DEVBOX_ERROR_ACCESS_DENIED when the caller may not ask; then `ret_problem` says what to do. */
int service_status_get(sd_bus *bus, ServiceStatus *ret_condition, char **ret_problem);
void service_status_done(ServiceStatus *condition);

/* What to do about a component, or NULL if it is as it should be. */
const char *component_condition_problem(const ComponentStatus *component);

/* An array of objects: name, unit, state, version, healthy, started_at. */
void service_status_add_json(Json *json, const char *key, const ServiceStatus *condition);
