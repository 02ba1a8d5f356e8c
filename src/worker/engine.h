/* SPDX-License-Identifier: MIT */
#pragma once

/* A client of the Docker Engine, or of Podman, on its Unix socket: one request at a time, until a common
 * deadline, given up when the agent cancels. Only the endpoints of docker.c are ever asked for. */

#include <cjson/cJSON.h>

#include "basic/time.h"
#include "worker/output.h"

typedef struct Engine Engine;

typedef struct EngineRequest {
        const char *path; /* "/containers/json?all=1": after the version of the API */
        const char *body; /* JSON of a POST; NULL: a GET */
        unsigned status;  /* the status of success; 101 is taken for 200 */
} EngineRequest;

/* Errors of all requests: -ECANCELED by the agent; -ETIMEDOUT; -ENOENT, -EACCES, -ECONNREFUSED no Engine at
 * that path; -ENXIO it answered 404; -EREMOTEIO another status; -EPROTO not what the API promises; -ENOMEM.
 */
int engine_new(const char *socket_path, int channel_fd, usec_t deadline_usec, Engine **ret_engine);
Engine *engine_free(Engine *engine);
DEFINE_CLEANUP(Engine, engine_free);

/* The JSON of the reply; the caller deletes it. */
int engine_call(Engine *engine, const EngineRequest *request, cJSON **ret_reply);

/* Passes on the body of the reply as it is received. The error of the handler ends the request. */
typedef int (*EngineReceive)(void *userdata, Bytes bytes);
int engine_stream(Engine *engine, const EngineRequest *request, EngineReceive receive, void *userdata);

static inline void cjson_deletep(cJSON **tree)
{
        cJSON_Delete(*tree);
}
