/* SPDX-License-Identifier: MIT */
#pragma once

/* The steps of a device that joins, on both sides, in the order of the protocol. Each may be done again; it
 * returns 0, or why it was refused: a DevboxError or an errno. */

#include "enrol-world.h"
#include "mesh/join.h"

#define ATTEMPT_STEPS 9

typedef struct Attempt {
        EnrolWorld *world;
        Token token;
        int64_t ahead_ms; /* the clock of the device, against that of the hub at first */
        uint8_t sealed[CLAIM_SEALED_MAX];
        size_t sealed_size;
        char hub_digits[ENROLMENT_DIGITS_SIZE], device_digits[ENROLMENT_DIGITS_SIZE];
} Attempt;

Attempt attempt_of(EnrolWorld *world);

int attempt_invite(Attempt *attempt);
int attempt_start(Attempt *attempt);
int attempt_sign(Attempt *attempt);
int attempt_ask_pending(Attempt *attempt);
int attempt_admit(Attempt *attempt);
int attempt_ask_admitted(Attempt *attempt);
int attempt_finish(Attempt *attempt);
int attempt_complete(Attempt *attempt);
int attempt_confirm(Attempt *attempt);

/* All of them. */
extern int (*const attempt_steps[ATTEMPT_STEPS])(Attempt *);
