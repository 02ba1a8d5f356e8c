/* SPDX-License-Identifier: MIT */
/* When an accepted request may start. */

#include "proto/error.h"

#include "world.h"

static int start(const World *world, const AcceptedRequest *accepted)
{
        return accept_start(&world->device, accepted);
}

/* Whatever would reject a new request rejects the start of an accepted one. */
static void test_start(void **state)
{
        static const Edit strict[] = { { "\"id\":\"ls-home\",", "\"id\":\"ls-home\",\"strict\":true,"
                                                                "\"window\":{\"utc\":\"00:00-12:00\"}," } };
        World world;
        AcceptVerdict verdict;

        world_init(&world, strict, 1);
        world.device.now_ms = WORLD_NOW;
        assert_err(world_judge_verdict(&world, &(Case){ 0 }, &verdict), 0);
        AcceptedRequest accepted = { .manifest = world.device.manifest_digest,
                                     .entry = verdict.capability->id,
                                     .start_until_ms = verdict.start_until_ms };
        assert_err(start(&world, &accepted), 0);

        world.device.revoked = true;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_PEER_REVOKED);
        world.device.revoked = false;
        world.device.manifest = NULL;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_MANIFEST_MISSING);
        world.device.manifest = world.manifest;
        world.root->epoch = 2;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_MANIFEST_MISSING);
        world.root->epoch = 1;
        world.manifest->expires_at_ms = WORLD_NOW;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_MANIFEST_EXPIRED);
        world.manifest->expires_at_ms++;
        world.manifest->issued_at_ms = WORLD_NOW + 30001;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_NOT_YET_VALID);
        world.manifest->issued_at_ms = 0;
        world.device.manifest_digest.bytes[0] ^= 1;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_STALE_MANIFEST);
        world.device.manifest_digest.bytes[0] ^= 1;
        world.device.clock_synchronised = false;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_CLOCK_UNSYNCED);
        world.device.clock_synchronised = true;
        world.device.manifest_confirmed_at_ms = WORLD_NOW - 86400001;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_MANIFEST_UNCONFIRMED);
        world.device.manifest_confirmed_at_ms = WORLD_NOW;
        world.device.time_floor_ms = WORLD_NOW + 30001;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_CLOCK_ROLLBACK);
        world.device.time_floor_ms = 0;
        accepted.start_until_ms = WORLD_NOW - 1;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_EXPIRED);
        accepted.start_until_ms = UINT64_MAX;
        world.manifest->expires_at_ms += 86400000;
        world.device.now_ms += 12 * 3600 * 1000;
        assert_err(start(&world, &accepted), DEVBOX_ERROR_OUTSIDE_WINDOW);
        accept_verdict_done(&verdict);
        world_done(&world);
}

/* It may start for as long as everything that it was accepted by is valid. */
static void test_start_deadline_of_keys_and_approvals(void **state)
{
        static const Case write = { .request = WRITE, .n_approvals = 1 };
        World world;
        AcceptVerdict verdict;

        world_init(&world, NULL, 0);
        world.manifest->dispatchers.items[0].not_after_ms = WORLD_NOW + 4;
        assert_err(world_judge_verdict(&world, &(Case){ 0 }, &verdict), 0);
        assert_true(verdict.start_until_ms == WORLD_NOW + 4);
        accept_verdict_done(&verdict);
        world.manifest->attesters.items[0].not_after_ms = WORLD_NOW + 3;
        assert_err(world_judge_verdict(&world, &write, &verdict), 0);
        assert_true(verdict.start_until_ms == WORLD_NOW + 3);
        accept_verdict_done(&verdict);
        world.manifest->expires_at_ms = WORLD_NOW + 3;
        assert_err(world_judge_verdict(&world, &write, &verdict), 0);
        assert_true(verdict.start_until_ms == WORLD_NOW + 2);
        accept_verdict_done(&verdict);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_start_deadline_of_keys_and_approvals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
