/* SPDX-License-Identifier: MIT */
/* The machine as a whole: opening and closing it, and planning the requests of all its parts. */

#include "e2ee/e2ee-internal.h"

#include "basic/fd.h"
#include "e2ee/account.h"
#include "e2ee/claim.h"
#include "e2ee/cross-signing.h"
#include "e2ee/device-list.h"
#include "e2ee/inbound.h"
#include "e2ee/key-query.h"
#include "e2ee/outbound.h"
#include "e2ee/parked.h"
#include "e2ee/verification.h"

#define KEPT_MS (30 * 24 * MS_PER_HOUR)

/* To-device messages are repeated only until the sync token has moved on, and a key that was not received in
 * a month will not be. */
static int forget_old(E2ee *e2ee)
{
        int64_t before = e2ee_now(e2ee) - KEPT_MS;

        int r = query_run(e2ee->database, "DELETE FROM olm_hash WHERE seen_ms < ?", "i", before);
        return r < 0 ? r : query_run(e2ee->database, "DELETE FROM parked WHERE parked_ms < ?", "i", before);
}

/* Our own list is queried at every start, to compare the keys that the server has for this device.
 */
static int begin(E2ee *e2ee, const E2eeOptions *options)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(e2ee->database, &transaction);
        if (r == 0)
                r = quarantine_count_death(e2ee);
        if (r == 0)
                r = account_open(e2ee, options->user_id, options->device_id);
        if (r == 0)
                r = device_list_track(e2ee, e2ee->user_id);
        if (r == 0)
                r = device_list_mark_dirty(e2ee, e2ee->user_id);
        if (r == 0)
                r = forget_old(e2ee);
        if (r == 0)
                r = e2ee_plan(e2ee);
        if (r == 0)
                r = transaction_commit(&transaction);
        return r < 0 ? r : quarantine_death_counted(e2ee);
}

int e2ee_open(const E2eeOptions *options, E2ee **ret_e2ee)
{
        _cleanup_(e2ee_closep) E2ee *e2ee = calloc(1, sizeof *e2ee);

        if (!e2ee)
                return -ENOMEM;
        *e2ee = (E2ee){ .database = options->database,
                        .pickle_key = options->pickle_key,
                        .now_ms = options->now_ms,
                        .userdata = options->userdata,
                        .pinned_only = options->pinned_only,
                        .on_skipped = options->on_skipped,
                        .mark_fd = -EBADF };

        int r = quarantine_open(e2ee);
        if (r == 0)
                r = begin(e2ee, options);
        if (r < 0)
                return r;

        *ret_e2ee = TAKE_PTR(e2ee);
        return 0;
}

E2ee *e2ee_close(E2ee *e2ee)
{
        if (!e2ee)
                return NULL;

        (void) fd_close(e2ee->mark_fd);
        inbound_cache_done(&e2ee->inbound_cache);
        free(e2ee->user_id);
        free(e2ee->device_id);
        free(e2ee->device_keys);
        free(e2ee);
        return NULL;
}

const char *e2ee_curve25519(const E2ee *e2ee)
{
        return e2ee->curve25519;
}

const char *e2ee_ed25519(const E2ee *e2ee)
{
        return e2ee->ed25519;
}

const char *e2ee_fault_to_string(E2eeFault fault)
{
        static const char *const names[_E2EE_FAULT_MAX] = {
                [E2EE_FAULT_ROLLED_BACK] = "rolled_back",
                [E2EE_FAULT_DEVICE_REPLACED] = "device_replaced",
                [E2EE_FAULT_DEVICE_DELETED] = "device_deleted",
                [E2EE_FAULT_FOREIGN_IDENTITY] = "foreign_identity",
                [E2EE_FAULT_IDENTITY_REPLACED] = "identity_replaced",
                [E2EE_FAULT_IDENTITY_REFUSED] = "identity_refused",
        };

        assert((unsigned) fault < _E2EE_FAULT_MAX);
        return names[fault];
}

int e2ee_fault(E2ee *e2ee, E2eeFault *ret_fault)
{
        int64_t fault = 0;

        int r = query_integer(e2ee->database, &fault, "SELECT fault FROM account", "");
        if (r < 0)
                return r;

        *ret_fault = (E2eeFault) fault;
        return 0;
}

int e2ee_plan(E2ee *e2ee)
{
        static int (*const plans[])(E2ee *) = { account_plan, key_query_plan, cross_signing_plan, claim_plan,
                                                parked_plan,  outbound_plan,  verification_plan };

        for (size_t i = 0; i < ELEMENTSOF(plans); i++) {
                int r = plans[i](e2ee);
                if (r < 0)
                        return r;
        }
        return 0;
}
