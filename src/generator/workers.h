/* SPDX-License-Identifier: MIT */
#pragma once

/* From the ceiling of this machine to what its workers may see, write and execute. */

#include "trust/ceiling.h"

typedef enum GeneratorWorker {
        GENERATOR_WORKER_EXEC,
        GENERATOR_WORKER_FSR,
        GENERATOR_WORKER_FSW,
        _GENERATOR_WORKER_MAX,
} GeneratorWorker;

const char *generator_worker_unit(GeneratorWorker which); /* "devbox-worker-exec@.service" */

/* A drop-in for all of them, where limits are required. The caller frees. Errors: -ENOMEM. */
int generator_format_limits(const char *source, char **ret_text);

/* The drop-in for the unit. The caller frees. Errors: -ENOMEM. */
int generator_format_worker(GeneratorWorker which, const Ceiling *ceiling, const char *source,
                            char **ret_text);
