/* SPDX-License-Identifier: MIT */
#pragma once

/* A job and the agent's end of its channel: runs the job while a thread receives what it sends. */

#include "test.h"

#include "worker/job.h"

#define JOB_OUTPUT_MAX (1024 * 1024)

typedef struct JobWorld {
        char directory[32]; /* the root "home" */
        PathRoot root;
        PathRoots roots;
        Capability capability;
        Request request;
        ExecutedArguments command;
        Job job;

        /* Of the last run. */
        int result;
        JobOutcome outcome;
        Output output;
        char streams[_OUTPUT_STREAM_MAX][JOB_OUTPUT_MAX + 1];
        size_t sizes[_OUTPUT_STREAM_MAX]; /* received */
        bool cancel_on_output;            /* the agent cancels when it has received something */
        bool close_on_output;             /* … or closes */
} JobWorld;

int job_world_up(void **state);
int job_world_down(void **state);

void job_world_run(JobWorld *world, JobFunction run);

/* Creates a file below the root. */
void job_world_write(JobWorld *world, const char *name, const char *content);
