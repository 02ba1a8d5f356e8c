/* SPDX-License-Identifier: MIT */
#pragma once

/* The bodies of DeviceLink and LinkRun, for link.c (the session) and link-run.c (a request in it). */

#include <cjson/cJSON.h>
#include <sys/queue.h>

#include "basic/backoff.h"
#include "dispatch/device-json.h"
#include "dispatch/facts.h"
#include "dispatch/link.h"
#include "dispatch/witness.h"
#include "proto/frames.h"
#include "trust/accept.h"

typedef enum LinkState { LINK_IDLE, LINK_FACTS, LINK_SESSION, LINK_DOCUMENTS, LINK_READY } LinkState;

struct DeviceLink {
        const LinkContext *context;
        char name[DEVICE_NAME_SIZE];
        LinkState state;
        FactsQuery query;
        DeviceFacts facts;
        HttpCall *step;
        uint8_t session[SESSION_NONCE_SIZE]; /* zeros: none yet */
        int64_t counter;
        usec_t used_at_usec;
        uint64_t entries;                    /* of the device's chain */
        int64_t rejected_version;            /* of the manifest that the device does not install; 0: none */
        char rejection[DEVICE_MESSAGE_SIZE]; /* why, and what to do */
        bool ledger_failed;                  /* in its last answer, the device could not write its chain */
        bool ledger_known;                   /* there was an answer that says so */
        sd_event_source *timer;              /* asks again */
        Backoff backoff;
        Witness *witness;
        TAILQ_HEAD(, LinkRun) runs; /* as they were started */
};

struct LinkRun {
        TAILQ_ENTRY(LinkRun) entry;
        DeviceLink *link;
        LinkRequest request;
        const LinkRunHandlers *handlers;
        void *userdata;
        HttpCall *call;                      /* NULL: waits for the session */
        uint8_t session[SESSION_NONCE_SIZE]; /* that it was sent in; where to, and whose result it is: */
        char address[sizeof((DeviceFacts *) 0)->address];
        PublicKey key;
        Frames frames;
        bool arrived;        /* perhaps, in an earlier attempt */
        unsigned n_renewals; /* of the session */
        char *result;        /* the envelope */
        Text refusal;        /* the body of a response that is no success */
        unsigned n_busy;
        DevboxError reason; /* of the answer */
        char message[DEVICE_MESSAGE_SIZE];
};

/* link.c: begins what is needed to send the runs that wait. */
void device_link_prepare(DeviceLink *link);

/* Forgets the session; the next use begins a new one, which the caller arranges. Requests that are under way
 * go on. */
void device_link_reset(DeviceLink *link);

/* device_link_prepare() after this time. */
void device_link_prepare_after(DeviceLink *link, usec_t after_usec);

/* link-run.c */
void link_run_send(LinkRun *run);

/* What may have arrived is asked for again, unless the device is revoked; another one ends with the reason.
 */
void link_run_fail(LinkRun *run, int reason);
