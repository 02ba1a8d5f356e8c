/* SPDX-License-Identifier: MIT */
#pragma once

/* The way between hub and agent, which loses or delays what a test wants: the hub's connections end here. */

#include "run-world.h"

typedef enum LossyMode {
        LOSSY_PASS,
        LOSSY_NO_ANSWER,  /* the next request arrives, and the hub's connection ends */
        LOSSY_NO_REQUEST, /* it does not arrive */
        LOSSY_AWAY,       /* after either, too: each connection ends at its beginning */
        LOSSY_HOLD,       /* the next request waits for LOSSY_PASS, or LOSSY_HOLD for the one after it */
        LOSSY_HELD,       /* after it: others overtake it */
        LOSSY_DROP,       /* the hub's connection of what is held ends; others pass */
        LOSSY_DEAD,       /* for ever: what is sent gets no answer, and there are no new connections */
} LossyMode;

typedef struct LossyLink LossyLink;

/* The dispatcher must be started again afterwards. */
LossyLink *lossy_link_new(RunWorld *world);
LossyLink *lossy_link_free(LossyLink *link);

void lossy_link_set(LossyLink *link, LossyMode mode);

/* As it was set, or LOSSY_AWAY, LOSSY_HELD after the next request. */
LossyMode lossy_link_mode(const LossyLink *link);

/* Until the hub has tried in vain once more. */
void lossy_link_wait_refused(const LossyLink *link);
