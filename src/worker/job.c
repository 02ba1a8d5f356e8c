/* SPDX-License-Identifier: MIT */
/* What the capabilities share. */

#include "worker/job.h"

#include "worker/beneath.h"

/* Of two limits of which 0 means none. */
static uint64_t lower(int64_t requested, int64_t allowed)
{
        return (uint64_t) (requested > 0 && requested < allowed ? requested : allowed);
}

usec_t job_timeout_usec(const Job *job)
{
        return lower(job->request->limits.timeout_ms, job->capability->timeout_s * 1000) * USEC_PER_MSEC;
}

uint64_t job_output_max(const Job *job)
{
        return lower(job->request->limits.max_output, job->capability->max_output);
}

int job_open_root(const Job *job)
{
        const PathRoot *root = path_root_find(job->roots, job->request->arguments.root);

        return root ? beneath_open_root(root->path) : -ENOENT;
}

static const char *cure(int error)
{
        switch (error) {
        case -EACCES:
                return "; on the device: devboxctl device grant";
        case -EEXIST:
                return "; devboxctl run --replace replaces it";
        default:
                return "";
        }
}

int job_fail_file(const Job *job, Output *output, int error, JobOutcome *ret_outcome)
{
        const Arguments *arguments = &job->request->arguments;

        if (error == -ELOOP) {
                *ret_outcome = job_failed(DEVBOX_ERROR_PATH_DENIED, NULL);
                return 0;
        }

        *ret_outcome = job_exited(1);
        return output_printf(output, OUTPUT_STDERR, "%s:%s: %s%s\n", arguments->root,
                             strempty(arguments->path), strerror(-error), cure(error));
}
