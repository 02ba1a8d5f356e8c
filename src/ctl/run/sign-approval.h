/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/operator/key.h"
#include "ctl/run/requests-client.h"
#include "ctl/verb.h"

/* Signs an approval of the request with the approver's own key, after its content was shown on standard
 * error. The content is read from the document that is signed for, not from what the hub says about it. The
 * caller frees the envelope. Returns 0, or a DevboxError with its detail in `ctl->problem`. Errors: -ENOMEM.
 */
int sign_approval(Ctl *ctl, const KeySource *source, const RequestRow *row, char **ret_envelope);
