/* SPDX-License-Identifier: MIT */
#pragma once

/* What a client of org.devbox.Dispatch1 does: runs a request, follows its frames, asks for its state. */

#include "basic/text.h"
#include "run-world.h"

typedef struct Outcome {
        char id[64];
        Text out, err, end; /* end: the payload of the last frame */
} Outcome;

void outcome_done(Outcome *outcome);

/* The caller passes it on to finish_call(). */
sd_bus_message *new_dispatch_call(const RunWorld *world, const char *member);

/* Run. Returns the client's end of the stream. */
int run(const RunWorld *world, const char *capability, char **words, Outcome *outcome);
int run_for(const RunWorld *world, uint64_t timeout_ms, char **words, Outcome *outcome); /* shell.exec */

/* The same for an event of @ana:hs.example's. `known`: only if it has caused a request already. */
sd_bus_message *new_run_of_event(const RunWorld *world, const char *event_id, char **words, bool known,
                                 int *ret_fd);
int run_of_event(const RunWorld *world, const char *event_id, char **words, Outcome *outcome);

/* Runs `ls -- /home` to its end, as assert_end(). */
void run_ls(const RunWorld *world, const char *end);

/* Submit of shell.exec. */
void submit_command(const RunWorld *world, const char *device, bool may_wait, char **words,
                    char ret_id[static 64]);

/* Receives all frames up to the last, and closes the stream. */
void follow(int take_fd, Outcome *outcome);

/* The last frame has this part; otherwise fails with the logs of the daemons. */
void assert_end(const RunWorld *world, const Outcome *outcome, const char *part);

/* Approve or Deny; `wanted` as in finish_call(). */
void decide(const RunWorld *world, const char *method, const char *id, const char *wanted);

void wait_state(const RunWorld *world, const char *id, const char *wanted);

/* Runs what sleeps until it is killed; returns when it is not queued any more. */
int start_sleep(const RunWorld *world, Outcome *outcome);

/* How many requests the hub knows. */
unsigned count_all_requests(const RunWorld *world);

/* How long it still lives; 0: it has ended or expired. */
uint64_t request_left_ms(const RunWorld *world, const char *id);

/* Waits until the request has ended. Returns the state, in static memory. */
const char *wait_end(const RunWorld *world, const char *id);

/* How many entries of the chain have all of these parts, for example an event and its details; NULL ends
 * them. The device and the hub have one chain here. */
unsigned count_chain(const RunWorld *world, const char *const *parts);

/* Until there is one. */
void wait_chain(const RunWorld *world, const char *const *parts);
