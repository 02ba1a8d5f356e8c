/* SPDX-License-Identifier: MIT */
/* The steps of a device that joins, on both sides. */

#include "join-attempt.h"

int attempt_invite(Attempt *attempt)
{
        return enrol_world_invite(attempt->world, &attempt->token);
}

static int start_at(Attempt *attempt, uint8_t body[static CLAIM_BODY_MAX], size_t *ret_size)
{
        return join_start(&attempt->world->device_store,
                          &(JoinRequest){ .token = &attempt->token,
                                          .device_key = key_pair_public(world_key(KEY_DEVICE)),
                                          .description = "Debian GNU/Linux 12 (b\xc3\xb6okworm), x86_64",
                                          .now_ms = WORLD_NOW + (uint64_t) attempt->ahead_ms },
                          body, ret_size);
}

int attempt_start(Attempt *attempt)
{
        uint8_t body[CLAIM_BODY_MAX];
        size_t size;

        return start_at(attempt, body, &size);
}

int attempt_sign(Attempt *attempt)
{
        uint8_t body[CLAIM_BODY_MAX];
        Signature signature;
        size_t size;

        int r = start_at(attempt, body, &size);
        if (r != 0)
                return r;
        assert_ok(dsse_sign(world_key(KEY_DEVICE), CLAIM_TYPE, BYTES(body, size), &signature));
        return join_sign(&attempt->world->device_store, &signature, attempt->sealed, &attempt->sealed_size);
}

static int ask(Attempt *attempt, int expected)
{
        _cleanup_(claim_outcome_done) ClaimOutcome outcome = CLAIM_OUTCOME_NULL;
        _cleanup_(answer_freep) Answer *answer = NULL;
        Invitation invitation;

        int r = attempt_sign(attempt);
        if (r == 0)
                r = hub_claim(&attempt->world->hub, BYTES(attempt->sealed, attempt->sealed_size), "there",
                              &outcome);
        if (r == 0)
                r = join_open(&attempt->world->device_store, BYTES(outcome.answer, outcome.answer_size),
                              &answer, attempt->device_digits);
        if (r != 0)
                return r;

        assert_true(answer->state == expected || answer->state == ANSWER_ADMITTED);
        assert_int_equal(assert_ok(invitation_find(&attempt->world->hub, attempt->token.id, &invitation)),
                         1);
        enrolment_digits(&invitation.claim_sha256, invitation.hub_nonce, attempt->hub_digits);
        assert_string_equal(attempt->hub_digits, attempt->device_digits);
        return 0;
}

int attempt_ask_pending(Attempt *attempt)
{
        return ask(attempt, ANSWER_PENDING);
}

int attempt_admit(Attempt *attempt)
{
        Database *database = attempt->world->hub_store.database;
        _cleanup_(freep) char *manifest = NULL;
        ManifestFloor floor;
        AdmissionOutcome outcome;

        /* An operator who asks again sends the same manifest again. */
        int r = manifest_store_last(database, "laptop", &floor, &manifest);
        if (r < 0)
                return r;
        if (r == 0)
                manifest = enrol_world_manifest(attempt->world, "laptop", KEY_DEVICE, KEY_MANIFEST);
        return hub_admit(&attempt->world->hub, "laptop", manifest, &(LostChain){ 0 }, &outcome);
}

int attempt_ask_admitted(Attempt *attempt)
{
        return ask(attempt, ANSWER_ADMITTED);
}

int attempt_finish(Attempt *attempt)
{
        return join_finish(&attempt->world->device_store);
}

int attempt_complete(Attempt *attempt)
{
        return admission_complete(attempt->world->hub_store.database, "laptop", WORLD_NOW);
}

int attempt_confirm(Attempt *attempt)
{
        return join_confirm(&attempt->world->device_store);
}

int (*const attempt_steps[ATTEMPT_STEPS])(Attempt *) = {
        attempt_invite,       attempt_start,  attempt_sign,     attempt_ask_pending, attempt_admit,
        attempt_ask_admitted, attempt_finish, attempt_complete, attempt_confirm,
};

Attempt attempt_of(EnrolWorld *world)
{
        Attempt attempt = { .world = world };

        enrol_world_token(world, "laptop", 1, NULL, &attempt.token);
        return attempt;
}
