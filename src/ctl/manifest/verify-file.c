/* SPDX-License-Identifier: MIT */
/* Judges a signed manifest as a device does. */

#include "ctl/manifest/verify-file.h"

#include "proto/error.h"

int manifest_file_verify(const ManifestFile *file, const Root *root, const Ceiling *ceiling, uint64_t now_ms,
                         SchemaFault *ret_fault)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_MANIFEST);
        ManifestVerdict verdict = { 0 };
        ManifestJudge judge = { .root = root,
                                .device = file->manifest->device,
                                .device_key = &file->manifest->device_key,
                                .ceiling = ceiling,
                                .now_ms = now_ms };

        int r = ceiling ? manifest_accept(&judge, file->envelope, &verdict)
                        : envelope_verify(file->envelope, ENVELOPE_MANIFEST, &keys, NULL);
        *ret_fault = verdict.fault;
        manifest_verdict_done(&verdict);
        if (r > 0 && !ceiling)
                r = DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE;
        if (r != 0 || ceiling)
                return r;

        r = root_check_expiry(root, judge.now_ms);
        if (r != 0)
                return r;
        if (file->manifest->epoch != root->epoch)
                return file->manifest->epoch > root->epoch ? DEVBOX_ERROR_ROOT_NEEDED
                                                           : DEVBOX_ERROR_MANIFEST_ROLLBACK;
        return judge.now_ms >= (uint64_t) file->manifest->expires_at_ms ? DEVBOX_ERROR_MANIFEST_EXPIRED : 0;
}
