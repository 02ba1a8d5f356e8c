/* SPDX-License-Identifier: MIT */
#pragma once

/* Judges a signed manifest as a device does, but for what only the device knows: its name, its key and the
 * last version. */

#include "ctl/manifest/file.h"
#include "trust/root.h"

/* The file must be signed; `ceiling` may be NULL. Returns 0, or the reason for which a device rejects it,
 * with `ret_fault` if a part of it is the reason. Errors: -ENOMEM. */
int manifest_file_verify(const ManifestFile *file, const Root *root, const Ceiling *ceiling, uint64_t now_ms,
                         SchemaFault *ret_fault);
