/* SPDX-License-Identifier: MIT */
#pragma once

/* The components of devbox on this machine, as systemd and they themselves report them. Nothing is started
 * by asking. */

#include "codec/json.h"
#include "ctl/status/component-client.h"

typedef enum ComponentState {
        COMPONENT_UNKNOWN, /* systemd does not answer */
        COMPONENT_ABSENT,  /* not installed */
        COMPONENT_STOPPED,
        COMPONENT_MASKED, /* cannot be started */
        COMPONENT_FAILED,
        COMPONENT_CRASHING, /* systemd restarts it after a failure */
        COMPONENT_STARTING,
        COMPONENT_SLEEPING, /* starts on demand */
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
        COMPONENT_LEDGER,
        COMPONENT_MESH,
        COMPONENT_DISPATCH,
        COMPONENT_MATRIX,
        COMPONENT_AGENT,
        _COMPONENT_MAX,
} ComponentId;

typedef struct ComponentStatus {
        ComponentId id;
        const char *name, *unit;
        ComponentState state;
        bool expected; /* this machine's role has it */
        bool moved;    /* the socket: is not open at all of its addresses */
        bool answers;  /* on the bus; then `properties` is set */
        ComponentProperties properties;
} ComponentStatus;

typedef struct ServiceStatus {
        ComponentStatus components[_COMPONENT_MAX];
        char *listens; /* really, now: "127.0.0.1:8080, /run/devbox/api.sock"; empty if unknown */
} ServiceStatus;

/* Returns DEVBOX_ERROR_ACCESS_DENIED when the caller may not ask; then `ret_problem` is what to do. */
int service_status_get(sd_bus *bus, ServiceStatus *ret_status, char **ret_problem);
void service_status_done(ServiceStatus *status);

/* What to do about a component, or NULL if it is as it should be. */
const char *component_status_problem(const ComponentStatus *component);

bool service_status_is_well(const ServiceStatus *status);

/* An array of objects: name, unit, state, version, healthy, started_at. */
void service_status_add_json(Json *json, const char *key, const ServiceStatus *status);
