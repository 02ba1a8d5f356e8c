/* SPDX-License-Identifier: MIT */
#pragma once

/* The answer to a command that runs on a device:
 *
 *         wait      🔒 on the command   "waits for an approval (7KQ2PD, 5 minutes)"
 *         progress  ⏳                   "⏳ home-wsl · ls · 4.0 s" and what it printed so far
 *         end       ✅ ⚠ ⛔              "✅ home-wsl · ls · exit 0 · 0.2 s" and what it printed
 *
 * All are one message, which is edited. A refusal is only its sentence. Wait and progress are left out for
 * what ends soon; end counts once. All functions run inside the caller's transaction. Errors of all
 * functions: those of store/database.h, and -ENOMEM. */

#include "basic/time.h"
#include "matrix/answer.h"
#include "matrix/run-output.h"

/* What takes longer is typed at, until the first answer. */
#define RUN_TYPING_USEC (300 * USEC_PER_MSEC)

/* When progress is first shown, and after that at most this often: only if there is new output. */
#define RUN_PROGRESS_FIRST_USEC (1 * USEC_PER_SEC)
#define RUN_PROGRESS_USEC       (2 * USEC_PER_SEC)

#define RUN_RETRY_USEC (1 * USEC_PER_SEC)

typedef struct RunAnswer {
        const char *event_id;         /* of the command */
        const char *device, *subject; /* "home-wsl", "ls": command_subject() */
        Bytes output;                 /* so far, both streams as they arrived */
        size_t n_left_out;            /* as in Answer */
        UploadWriter *file;           /* with all of it, at the end; NULL: `output` has it */
        usec_t took_usec;
} RunAnswer;

typedef struct RunWait {
        const char *request_id;
        bool approval; /* else the device is away */
        usec_t left_usec;
} RunWait;

/* The last frame of a run: org.devbox.Dispatch1, Run. */
typedef struct RunOutcome {
        const char *state, *reason, *message; /* reason and message NULL: none */
        int exit_code, exit_signal;           /* -1 and 0: none */
        uint64_t n_cut, n_lost;               /* bytes of output beyond RUN_OUTPUT_MAX; that never arrived */
} RunOutcome;

int run_answer_wait(Database *database, const RunAnswer *answer, const RunWait *wait);
int run_answer_progress(Database *database, const RunAnswer *answer);
int run_answer_end(Database *database, const RunAnswer *answer, const RunOutcome *outcome);

/* The command was refused before there was a request, for a DevboxError or for what command_parse() says. */
int run_answer_reject(Database *database, const char *event_id, const char *sentence);
