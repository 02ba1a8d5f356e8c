/* SPDX-License-Identifier: MIT */
/* Approvals that an entry records, by the rules of the manifest: whom it may have been approved by. */

#include "audit/recorded-request.h"

#include "proto/error.h"

#include "trust/world.h"

/* ana requests; bob has two principals. */
static const Edit people[] = {
        { "{\"mxid\":\"@ana:hs.example\"},{\"mxid\":\"@bob:hs.example\"}",
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\"}" },
        { "\"@bob@\"},{\"mxid\":\"@eve:hs.example\"},{\"mxid\":\"@ana:hs.example\"}",
          "\"@bob@\",\"person\":\"bob\"},{\"mxid\":\"local:bob\",\"person\":\"bob\"},{\"mxid\":"
          "\"dashboard\"},"
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\"},{\"mxid\":\"local:ana\",\"person\":\"ana\"}" },
};

static const struct {
        const char *approvers[2]; /* NULL: none */
        int tier, expected;
} rows[] = {
        { { "@bob:hs.example", "dashboard" }, APPROVAL_MESSAGE, 0 },
        { { "local:bob", "dashboard" }, APPROVAL_MESSAGE, 0 },
        { { "@bob:hs.example" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_MISSING },
        { { NULL }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_MISSING },
        { { "@bob:hs.example", "dashboard" }, APPROVAL_REACTION, DEVBOX_ERROR_APPROVAL_DENIED },
        { { "@bob:hs.example", "@bob:hs.example" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_DENIED },
        { { "@bob:hs.example", "local:bob" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_DENIED },
        { { "@ana:hs.example", "dashboard" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_DENIED },
        { { "local:ana", "dashboard" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_DENIED },
        { { "@mal:hs.example", "dashboard" }, APPROVAL_MESSAGE, DEVBOX_ERROR_APPROVAL_DENIED },
};

static void test_who_approved(void **state)
{
        World world;

        world_init(&world, people, ELEMENTSOF(people));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                AuditApproval approvals[2] = { { 0 } };
                AuditBody body = { .capability = (char *) "service.restart",
                                   .entry = (char *) "nginx",
                                   .principal = (char *) "@ana:hs.example",
                                   .arguments = (char *) "{\"unit\":\"nginx.service\"}",
                                   .approvals = { .items = approvals } };
                const RecordedRequest recorded = { world.manifest, &body, WORLD_NOW };
                bool redacted;

                for (; body.approvals.n < 2 && rows[i].approvers[body.approvals.n]; body.approvals.n++)
                        approvals[body.approvals.n] =
                                (AuditApproval){ .approver = (char *) rows[i].approvers[body.approvals.n],
                                                 .tier = rows[i].tier };
                if (recorded_request_check(&recorded, &redacted) != rows[i].expected)
                        fail_msg("row %zu", i);
        }
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_who_approved) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
