/* SPDX-License-Identifier: MIT */
#pragma once

/* The kind of worker for a request's envelope, which the ledger has verified: "exec". NULL: none of this
 * version. */
const char *worker_kind(const char *envelope);
