/* SPDX-License-Identifier: MIT */
#pragma once

/* Commands that are being worked on, from the journal to their answer. One that this process began and did
 * not answer is begun again, or answered as interrupted, by the next one (command-journal.h). */

#include <sys/queue.h>

#include "matrix/command-journal.h"
#include "matrix/command.h"
#include "matrix/daemon-internal.h"
#include "matrix/run-output.h"
#include "proto/frames.h"
#include "proto/id.h"

typedef struct Execution {
        LIST_ENTRY(Execution) entry;
        MatrixDaemon *self;
        JournalCommand journal;
        Command command;
        BusRequest call;

        /* run.c: of COMMAND_REQUEST */
        char request_id[ULID_SIZE]; /* empty: it was not submitted yet */
        int fd;                     /* the end of its stream */
        sd_event_source *stream, *timer;
        Frames frames;
        RunOutput output;
        uint64_t n_received; /* bytes of output on this stream, also what is not in `output` */
        unsigned n_failed;   /* attempts to submit it since the last one that was answered */
        cJSON *end;          /* its last frame */
        bool shown;          /* a message says that it runs … */
        size_t n_shown;      /* … with that many bytes of its output */
        bool typed, typing;  /* people have seen that it runs; they see it now */
        char waits[16];      /* the state that was shown as what it waits for; empty: none */
        usec_t began_usec;   /* CLOCK_MONOTONIC */
} Execution;

/* Rolls back or commits what was written in the transaction, sends it, and frees the execution. */
void execution_finish(Execution *execution, Transaction *transaction, int r);

/* Answers with the sentence of a DevboxError, or of an errno (< 0). `detail` may be NULL. */
void execution_reject(Execution *execution, int reason, const char *detail);

/* Answers with a sentence of ours, as a refusal. */
void execution_refuse(Execution *execution, const char *sentence);

/* Answers with a line, and what is below it. */
void execution_answer(Execution *execution, const char *line, Bytes output);

/* ---- how each kind begins: it ends with one of the functions above, now or later */

void run_start(Execution *execution);      /* run.c */
void run_take_back(Execution *execution);  /* its message was redacted: it is cancelled */
void run_done(Execution *execution);       /* frees what run_start() has made */
void decision_start(Execution *execution); /* decision.c */
void cancel_start(Execution *execution);
void revoke_start(Execution *execution); /* revocation.c */
void help_start(Execution *execution);   /* inquiry.c */
void status_start(Execution *execution);
void devices_start(Execution *execution);
void requests_start(Execution *execution);
