/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Dispatch1 about requests, see org.devbox.Dispatch1(5). What a struct holds is borrowed
 * from its reply. Functions return 0, or a DevboxError with its detail, which the caller frees. Errors:
 * -ENOMEM. */

#include "basic/bytes.h"
#include "ctl/client.h"

extern const ClientDaemon dispatch_daemon;

/* Texts are NULL where there is none. */
typedef struct RequestRow {
        const char *id, *device, *capability, *subject, *description, *principal, *state, *reason, *message,
                *tier, *arguments, *request, *result;
        uint64_t created_at_ms, expires_at_ms, ended_at_ms, approvals, approvals_needed;
        int32_t exit_code, exit_signal;
} RequestRow;

/* Rows of RequestRow. */
int requests_client_list(sd_bus *bus, bool open_only, uint32_t max, ClientRows *ret_rows,
                         char **ret_problem);
extern const ClientQuery dispatch_list_approvals;
int requests_client_get(sd_bus *bus, const char *id, ClientRows *ret_row, char **ret_problem);

/* Approve, Deny, Withdraw, Cancel. */
int requests_client_decide(sd_bus *bus, const char *member, const char *id, char **ret_problem);

/* `envelope` is an approval by the approver's own key. */
int requests_client_approve_signed(sd_bus *bus, const char *id, const char *envelope, char **ret_problem);

typedef struct RunCall {
        const char *device, *capability;
        char *const *words;
        Bytes content; /* of fs.write; no data: none */
        bool replace, may_wait;
        uint64_t timeout_ms;
        int stream_fd; /* borrowed */
        const char
                *replay; /* the envelope of a request whose nonce must be rejected; instead of the others */
} RunCall;

/* `ret_id` is borrowed from the reply, which the caller unrefs. */
int requests_client_run(sd_bus *bus, const RunCall *call, sd_bus_message **ret_reply, const char **ret_id,
                        char **ret_problem);
