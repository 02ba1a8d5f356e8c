/* SPDX-License-Identifier: MIT */
/* devbox-worker-docker docker: carries out one request of containers. A program of its own, because loading
 * libcurl and its forty libraries takes longer than the start of the other workers. */

#include "worker/docker.h"
#include "worker/instance.h"

static int run(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        return docker_run(job, DOCKER_SOCKET, output, ret_outcome);
}

static const WorkerKind kinds[] = {
        { "docker",
          { [CAPABILITY_DOCKER_LIST] = run,
            [CAPABILITY_DOCKER_LOGS] = run,
            [CAPABILITY_DOCKER_EXEC] = run } },
        {},
};

int main(int argc, char **argv)
{
        return worker_main(argc, argv, kinds);
}
