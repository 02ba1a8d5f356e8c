/* SPDX-License-Identifier: MIT */
#pragma once

/* One permitted request, and what became of it. Each capability has one function that runs jobs of its kind.
 */

#include "basic/time.h"
#include "proto/error.h"
#include "trust/manifest.h"
#include "trust/request.h"
#include "trust/result.h"
#include "worker/output.h"

typedef struct Job {
        const Request *request;
        const Capability *capability;     /* the entry that allows it */
        const ExecutedArguments *command; /* shell.exec, docker.exec: what it executes; else NULL */
        const PathRoots *roots;           /* of the manifest */
} Job;

/* FINISHED with an exit code or signal, TIMEOUT, CANCELLED, or FAILED: it did not run, for `reason`. */
typedef struct JobOutcome {
        ResultStatus status;
        DevboxError reason; /* 0: none */
        const char *why;    /* completes "PROGRAM …"; static; NULL: the sentence of the reason */
        int exit_code;      /* -1: it did not exit */
        int exit_signal;
        bool process_may_continue; /* where it cannot be killed */
} JobOutcome;

static inline JobOutcome job_exited(int code)
{
        return (JobOutcome){ .status = RESULT_FINISHED, .exit_code = code };
}

static inline JobOutcome job_failed(DevboxError reason, const char *why)
{
        return (JobOutcome){ .status = RESULT_FAILED, .reason = reason, .why = why, .exit_code = -1 };
}

/* The time it may take: the lower of what the request and the entry say. */
usec_t job_timeout_usec(const Job *job);
uint64_t job_output_max(const Job *job);

/* Opens the declared root that the request names. Errors: -ENOENT no such root; those of
 * beneath_open_root(). */
int job_open_root(const Job *job);

/* Reports an error of a file to standard error: the outcome is an exit code of 1, or of
 * DEVBOX_ERROR_PATH_DENIED for one that leads out of its root. Errors: those of output_write(). */
int job_fail_file(const Job *job, Output *output, int error, JobOutcome *ret_outcome);

/* One for each capability. Errors: -ENOMEM and the like; -EPIPE, -ECONNRESET the agent is gone.
 * `ret_outcome` is set otherwise. */
typedef int (*JobFunction)(const Job *job, Output *output, JobOutcome *ret_outcome);
int exec_run(const Job *job, Output *output, JobOutcome *ret_outcome);
int fs_list_run(const Job *job, Output *output, JobOutcome *ret_outcome);
int fs_read_run(const Job *job, Output *output, JobOutcome *ret_outcome);
int fs_write_run(const Job *job, Output *output, JobOutcome *ret_outcome);
