/* SPDX-License-Identifier: MIT */
#pragma once

/* The hub's connection to the agent of one device: a session of its ledger, the documents that it must have,
 * and the requests under way. A request may be sent again after any failure: the device knows it by its
 * digest, runs it once, and answers with what became of it. What may have arrived is asked for until the
 * device has signed an answer; once it is withdrawn or has expired, by a delivery that withdraws it. */

#include "bus/client.h"
#include "dispatch/keys.h"
#include "http/client.h"
#include "proto/error.h"
#include "trust/result.h"

#define LINK_AGENT_PORT 51822

typedef struct DeviceLink DeviceLink;
typedef struct LinkRun LinkRun;

/* Shared by all links; borrowed. */
typedef struct LinkContext {
        sd_event *event;
        HttpClient *http;
        BusClient *mesh, *ledger;
        const DispatchKeys *keys;
        uint16_t agent_port;
} LinkContext;

typedef struct LinkRunHandlers {
        /* It is about to be sent. An error keeps it from it and ends the run with AUDIT_UNAVAILABLE. */
        int (*on_sending)(void *userdata);

        /* The device has it, or may have it as its answer was lost: from now on only its word ends it. */
        void (*on_arrived)(void *userdata);

        /* Whether output can be taken now; if not, until link_run_resume(). */
        bool (*has_room)(void *userdata);
        void (*on_output)(char type, Bytes output, void *userdata);

        /* Once, at the end; may free the run. `result` is what the device signed, verified and borrowed,
         * with its envelope; or NULL, if the device does not have the request, for a reason:
         * MESH_UNREACHABLE, or what the device rejected it for without a statement; or PEER_REVOKED, then
         * it may have it. */
        void (*on_end)(const Result *result, const char *envelope, int reason, const char *message,
                       void *userdata);
} LinkRunHandlers;

typedef struct LinkRequest {
        const char *envelope, *const *approvals;
        size_t n_approvals;
        const Sha256 *digest;
        uint64_t expires_ms;
        bool arrived;   /* perhaps: an earlier process sent it */
        bool withdrawn; /* already */
        bool may_wait;  /* is in order once an answer was lost */
        bool in_order;  /* sent after the end of those before it that are in order, too */
} LinkRequest;

int device_link_new(const LinkContext *context, const char *device, DeviceLink **ret_link);

/* Runs must be gone. */
DeviceLink *device_link_free(DeviceLink *link);
DEFINE_CLEANUP(DeviceLink, device_link_free);

const char *device_link_name(const DeviceLink *link);

/* The size of the device's audit chain in its last result; 0: there was none yet. */
uint64_t device_link_entries(const DeviceLink *link);

/* How many of them the hub has countersigned, as far as this link knows. */
uint64_t device_link_witnessed(const DeviceLink *link);

/* A sentence with why the device does not install the manifest of this version, as it said at the last
 * attempt, and what to do; NULL: it did not reject it. */
const char *device_link_rejection(const DeviceLink *link, uint64_t manifest_version);

/* A sentence with what keeps the hub from witnessing the device's chain, or the device from writing it, as
 * of the last attempt, static; NULL: nothing, or there was no attempt, and it is not known. */
const char *device_link_witness_problem(const DeviceLink *link);
const char *device_link_ledger_problem(const DeviceLink *link);
bool device_link_witness_is_known(const DeviceLink *link);
bool device_link_ledger_is_known(const DeviceLink *link);

/* Whether nothing is under way. */
bool device_link_is_idle(const DeviceLink *link);

/* `request` is borrowed until the run is freed. Errors: -ENOMEM. */
int link_run_start(DeviceLink *link, const LinkRequest *request, const LinkRunHandlers *handlers,
                   void *userdata, LinkRun **ret_run);

/* Hangs up, which cancels the request on the device. */
LinkRun *link_run_free(LinkRun *run);
DEFINE_CLEANUP(LinkRun, link_run_free);
void link_run_resume(LinkRun *run);

/* Whether the device may have it. */
bool link_run_may_have_arrived(const LinkRun *run);
bool link_run_is_in_order(const LinkRun *run);

/* Of one that may have arrived: hangs up, which cancels it on the device, and withdraws it there. */
void link_run_withdraw(LinkRun *run);
