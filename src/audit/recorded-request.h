/* SPDX-License-Identifier: MIT */
#pragma once

/* Judges an acceptance by the fields that its entry records, for requests that are not in evidence. What
 * is not recorded (signatures, times of the request, redacted values) is not judged, so a request that is
 * allowed here may still not have been allowed. */

#include "audit/body.h"

typedef struct RecordedRequest {
        const Manifest *manifest; /* in force */
        const AuditBody *body;    /* of req.accepted */
        uint64_t time_ms;         /* of the entry */
} RecordedRequest;

/* The capability that the entry names; NULL: not in the manifest. */
const Capability *recorded_request_capability(const RecordedRequest *recorded);

/* 0: nothing recorded contradicts the manifest; then `ret_redacted` is whether every value that is missing
 * is one that the manifest does not let the chain record. Errors: the DevboxError by which it would have
 * been rejected; -ENOMEM. */
int recorded_request_check(const RecordedRequest *recorded, bool *ret_redacted);
