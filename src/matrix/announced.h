/* SPDX-License-Identifier: MIT */
#pragma once

/* VerificationChanged of org.devbox.Matrix1, which is emitted where something has changed. */

#include <stddef.h>

/* The last VerificationChanged of each; what there is no room for is announced more than once. */
typedef struct AnnouncedVerifications {
        char ids[32][24];
        const char *states[32]; /* literals */
        size_t n;
} AnnouncedVerifications;
