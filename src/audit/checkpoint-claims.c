/* SPDX-License-Identifier: MIT */
/* The checkpoints that an auditor holds of one chain. */

#include "audit/checkpoint-claims.h"

void checkpoint_claims_done(CheckpointClaims *claims)
{
        for (size_t i = 0; i < claims->n; i++)
                envelope_free(claims->items[i].envelope);
        free(claims->items);
        *claims = (CheckpointClaims){ 0 };
}

int checkpoint_claims_add(CheckpointClaims *claims, const char *device, const char *envelope)
{
        _cleanup_(envelope_freep) Envelope *parsed = NULL;
        Checkpoint checkpoint;

        int r = envelope_parse(bytes_of_string(envelope), CHECKPOINT_TEXT_MAX, &parsed);
        if (r != 0)
                return r > 0 ? -EBADMSG : r;
        if (!streq(parsed->type, ENVELOPE_CHECKPOINT) ||
            checkpoint_parse(envelope_payload(parsed), &checkpoint) != 0)
                return -EBADMSG;
        if (!streq(checkpoint.device, device))
                return 0;

        /* Room doubles: at 1, 2, 4, 8, … */
        if ((claims->n & (claims->n - 1)) == 0) {
                CheckpointClaim *items =
                        realloc(claims->items, MAX(claims->n * 2, (size_t) 1) * sizeof *items);
                if (!items)
                        return -ENOMEM;
                claims->items = items;
        }

        claims->items[claims->n++] = (CheckpointClaim){ checkpoint, TAKE_PTR(parsed), NULL };
        return 0;
}

static int compare_size(const void *a, const void *b)
{
        uint64_t x = ((const CheckpointClaim *) a)->checkpoint.size,
                 y = ((const CheckpointClaim *) b)->checkpoint.size;

        return x < y ? -1 : x > y;
}

void checkpoint_claims_sort(CheckpointClaims *claims)
{
        if (claims->n > 0)
                qsort(claims->items, claims->n, sizeof *claims->items, compare_size);
}

CheckpointClaim *checkpoint_claims_next(CheckpointClaims *claims, uint64_t size)
{
        if (claims->next == claims->n || claims->items[claims->next].checkpoint.size > size)
                return NULL;

        return &claims->items[claims->next++];
}

void checkpoint_claims_defer(CheckpointClaims *claims, const char *conflict)
{
        CheckpointClaim *current = &claims->items[claims->next - 1];
        CheckpointClaim *place = &claims->items[claims->n_deferred++], deferred = *current;

        deferred.conflict = conflict;
        *current = *place; /* one that is no longer needed, or itself */
        *place = deferred;
}

static int signed_by_witness(const CheckpointClaim *claim, const Root *root)
{
        KeySet keys = root_key_set(root, ROOT_ROLE_WITNESS);

        int r = envelope_verify(claim->envelope, ENVELOPE_CHECKPOINT, &keys, NULL);
        return r < 0 ? r : r == 0;
}

static int signed_by_device(const CheckpointClaim *claim, const ChainState *state)
{
        KeySet keys = chain_state_device_keys(state);

        int r = envelope_verify(claim->envelope, ENVELOPE_CHECKPOINT, &keys, NULL);
        return r < 0 ? r : r == 0;
}

int checkpoint_claim_find_signer(const CheckpointClaim *claim, const ChainState *state)
{
        int by_device = signed_by_device(claim, state);
        if (by_device < 0)
                return by_device;

        for (size_t i = state->n_roots; i > 0; i--) {
                int r = signed_by_witness(claim, state->roots[i - 1].root);
                if (r < 0)
                        return r;
                if (r > 0)
                        return !by_device            ? SIGNED_BY_WITNESS_ALONE
                               : i == state->n_roots ? SIGNED_BY_WITNESS
                                                     : SIGNED_BY_RETIRED_WITNESS;
        }

        return by_device ? SIGNED_BY_DEVICE : SIGNED_BY_NONE;
}
