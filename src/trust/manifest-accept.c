/* SPDX-License-Identifier: MIT */
/* Decides whether a device accepts a manifest: verify, parse, then the rules of The Update Framework against
 * rollback, forks and freezing, then the ceiling of the machine. */

#include "proto/error.h"
#include "trust/ceiling.h"

static uint64_t effective_now_ms(const ManifestJudge *judge)
{
        return MAX(judge->now_ms, judge->time_floor_ms);
}

/* Epoch and version never decrease; there is one manifest for each pair. */
static int compare_with_floor(const ManifestJudge *judge, ManifestVerdict *verdict)
{
        const Manifest *manifest = verdict->manifest;
        const ManifestFloor *floor = &judge->floor;

        if (manifest->epoch > judge->root->epoch)
                return DEVBOX_ERROR_ROOT_NEEDED;
        if (manifest->epoch < judge->root->epoch || manifest->epoch < floor->epoch)
                return DEVBOX_ERROR_MANIFEST_ROLLBACK;

        if (manifest->epoch == floor->epoch) {
                verdict->unchanged = sha256_equal(&verdict->digest, &floor->digest);
                if (manifest->version < floor->version)
                        return DEVBOX_ERROR_MANIFEST_ROLLBACK;
                if (manifest->version == floor->version && !verdict->unchanged)
                        return DEVBOX_ERROR_MANIFEST_FORK;
        }

        verdict->gap = !verdict->unchanged && !sha256_equal(&manifest->previous, &floor->digest);
        return 0;
}

static int check_manifest(const ManifestJudge *judge, ManifestVerdict *verdict)
{
        const Manifest *manifest = verdict->manifest;

        if (!streq(manifest->device, judge->device) ||
            !public_key_equal(&manifest->device_key, judge->device_key))
                return DEVBOX_ERROR_WRONG_DEVICE;

        int r = compare_with_floor(judge, verdict);
        if (r != 0)
                return r;

        /* The current one may have expired since: the next request is rejected for that. */
        if (!verdict->unchanged && effective_now_ms(judge) >= (uint64_t) manifest->expires_at_ms)
                return DEVBOX_ERROR_MANIFEST_EXPIRED;
        if (manifest_is_dated_ahead(manifest, judge->now_ms))
                return DEVBOX_ERROR_NOT_YET_VALID;

        if (judge->ceiling_unknown)
                return 0;

        return ceiling_check(judge->ceiling ? judge->ceiling : &(Ceiling){ 0 }, manifest, &verdict->fault);
}

int manifest_accept(const ManifestJudge *judge, const Envelope *envelope, ManifestVerdict *ret_verdict)
{
        ManifestVerdict verdict = { 0 };
        KeySet keys = root_key_set(judge->root, ROOT_ROLE_MANIFEST);

        int r = envelope_verify(envelope, ENVELOPE_MANIFEST, &keys, NULL);
        if (r != 0)
                return r > 0 ? DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE : r;

        r = root_check_expiry(judge->root, effective_now_ms(judge));
        if (r != 0)
                return r;

        verdict.digest = envelope->digest;
        r = manifest_parse(envelope_payload(envelope), &verdict.manifest, &verdict.fault);
        if (r == 0)
                r = check_manifest(judge, &verdict);
        if (r != 0) {
                manifest_verdict_done(&verdict);
                ret_verdict->fault = verdict.fault;
                return r;
        }

        *ret_verdict = verdict;
        return 0;
}
