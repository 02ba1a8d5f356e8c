/* SPDX-License-Identifier: MIT */
/* Which worker carries out which capability. */

#include "agent/worker-kind.h"

#include "trust/envelope.h"
#include "trust/request.h"

static const char *const workers[_CAPABILITY_KIND_MAX] = {
        [CAPABILITY_SHELL_EXEC] = "exec",    [CAPABILITY_FS_LIST] = "fsr",
        [CAPABILITY_FS_READ] = "fsr",        [CAPABILITY_FS_WRITE] = "fsw",
        [CAPABILITY_DOCKER_LIST] = "docker", [CAPABILITY_DOCKER_LOGS] = "docker",
        [CAPABILITY_DOCKER_EXEC] = "docker",
};

const char *worker_kind(const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;

        if (envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope) != 0 ||
            request_parse(envelope_payload(envelope), &request, NULL) != 0 || request->kind < 0)
                return NULL;

        return workers[request->kind];
}
