/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "crypto/ed25519.h"

/* The keys of the hub that manifests name. */
typedef struct DispatchKeys {
        PublicKey dispatcher, attester;
} DispatchKeys;

/* org.devbox.Dispatch1.GetKeys. Returns 0, or a DevboxError with its detail, which the caller frees. Errors:
 * -ENOMEM. */
int dispatch_client_get_keys(sd_bus *bus, DispatchKeys *ret_keys, char **ret_problem);
