/* SPDX-License-Identifier: MIT */
#pragma once

/* Brings the running state of the link to the desired one, and keeps it there:
 *
 *     find the link → rules → read → difference → apply → read back → … → no difference: link settled
 *
 * once a second, after each change of a link, and when kicked. One call is under way at a time. Keys to
 * remove go before everything else: a read is broken off for them, an apply is waited for. */

#include "mesh/interface.h"

#define RECONCILE_POLL_USEC (1 * USEC_PER_SEC)

typedef struct Reconciler Reconciler;

/* The owner. None of them may free the reconciler. */
typedef struct ReconcilerHandlers {
        /* The device was read; NULL: there is none, so no peer is loaded. */
        void (*on_running)(const WireguardDevice *running, void *owner);
        /* Something that had been as desired differed, and is being repaired. */
        void (*on_drift)(const Drift *drift, void *owner);
        /* A round has ended: in sync, or with an error; `stage` names what failed. */
        void (*on_settled)(int error, const char *stage, void *owner);
        /* Each second, before the round. */
        void (*on_tick)(void *owner);
} ReconcilerHandlers;

/* `desired` is borrowed and read in each round; generation 0: nothing is desired, and nothing is touched. */
int reconciler_new(sd_event *event, const Desired *desired, const ReconcilerHandlers *handlers, void *owner,
                   Reconciler **ret_reconciler);
Reconciler *reconciler_free(Reconciler *reconciler);
DEFINE_CLEANUP(Reconciler, reconciler_free);

/* Begins a round in the next iteration of the loop. */
void reconciler_kick(Reconciler *reconciler);

/* Removes these peers now, and reads back: on_running() follows. They must be in the journal. Errors:
 * -ENOMEM. */
int reconciler_remove_peers(Reconciler *reconciler, const WireguardKey *keys, size_t n_keys);

/* Sets the endpoint of a peer in the next round, whatever it is now. */
void reconciler_set_endpoint(Reconciler *reconciler, const WireguardKey *key,
                             const WireguardEndpoint *endpoint);

/* Takes link and rules away; nothing may be desired any more. */
int reconciler_remove_link(Reconciler *reconciler);

InterfaceKind reconciler_interface_kind(const Reconciler *reconciler);
