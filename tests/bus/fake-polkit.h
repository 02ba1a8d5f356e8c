/* SPDX-License-Identifier: MIT */
#pragma once

/* A polkit that answers as a test says, and callers that are not root. */

#include "harness.h"

#define POLKIT_DENIED "org.devbox.Error.AccessDenied"
#define POLKIT_ASK    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"

typedef enum Verdict { DENY, ALLOW, CHALLENGE } Verdict;

typedef struct FakePolkit {
        sd_bus *bus;
        Verdict verdict;

        unsigned n_checks;
        uint32_t flags; /* of the last check, and its action */
        char action[64];
} FakePolkit;

void fake_polkit_start(FakePolkit *polkit, const TestBus *bus);
void fake_polkit_stop(FakePolkit *polkit);

/* A connection of that user, which the caller closes. */
sd_bus *connect_as(const TestBus *bus, uid_t uid);

typedef struct MethodRow {
        const char *member, *types; /* of its arguments, which are all empty: s, b, t, y for ay, D for a{sv},
                                       S for as, h for a pipe */
        const char *action;         /* that polkit is asked about; NULL: it is not asked */
        const char *allowed;        /* the error once it is allowed; empty: none; NULL: any */
} MethodRow;

/* Calls the method of the object that belongs to the name. Returns the name of the error, in static memory;
 * empty: none. */
const char *call_as(FakePolkit *polkit, sd_bus *caller, const char *name, const MethodRow *row,
                    bool interactive);

/* Calls each as a caller that is nobody: polkit is asked about the action of the row, and its answer counts.
 */
void assert_polkit_decides(const TestBus *bus, const char *name, const MethodRow *rows, size_t n);
