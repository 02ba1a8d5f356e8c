/* SPDX-License-Identifier: MIT */
/* Approvals: the attacks as rows, each with the exact reason of its rejection. */

#include <sodium.h>

#include "proto/error.h"

#include "world.h"

static const Row approval_rows[] = {
        { "28: none", DEVBOX_ERROR_APPROVAL_MISSING, { .request = WRITE } },
        { "29: of another request",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          { .request = WRITE, .n_approvals = 1, .approval = { { "000000000001", "000000000002" } } } },
        { "29: the arguments changed after it",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "@@request@@", "00000000000000000000000000000000000000000000000000000000"
                                           "000000aa" } } } },
        { "for another device",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          { .request = WRITE, .n_approvals = 1, .approval = { { "dev-a", "dev-b" } } } },
        { "issued before the request",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "1760000005000", "1759999960000" }, { "1760000065000", "1759999990000" } } } },
        { "30: by the requester",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@ana" } } } },
        { "30: by an approver who is not listed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@mal" } } } },
        { "30: one person twice",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = RESTART,
            .n_approvals = 2,
            .approval = { { "\"reaction\"", "\"message\"" } },
            .second = { { "\"reaction\"", "\"message\"" }, { "$ask", "$ask2" } } } },
        { "one of the two it needs",
          DEVBOX_ERROR_APPROVAL_MISSING,
          { .request = RESTART, .n_approvals = 1, .approval = { { "\"reaction\"", "\"message\"" } } } },
        { "31: expired",
          DEVBOX_ERROR_APPROVAL_EXPIRED,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "1760000005000", "1759999978000" }, { "1760000065000", "1759999979000" } } } },
        { "valid for longer than five minutes",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = WRITE, .n_approvals = 1, .approval = { { "1760000065000", "1760000305001" } } } },
        { "a no",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval = { { "\"approve\"", "\"deny\"" } } } },
        { "32: a reaction where a message is needed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = RESTART, .n_approvals = 1 } },
        { "33: the attester claims the signed tier",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = DOCKER, .n_approvals = 1, .approval = { { "\"reaction\"", "\"signed\"" } } } },
        { "the approver's key over a reaction, where the signed tier is needed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = DOCKER, .n_approvals = 1, .approval_key = KEY_BOB } },
        { "the approver's key over a message, where the signed tier is needed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = DOCKER,
            .n_approvals = 1,
            .approval_key = KEY_BOB,
            .approval = { { "\"reaction\"", "\"message\"" } } } },
        { "the approver's key over the tier that is needed, or a higher one",
          0,
          { .request = WRITE,
            .n_approvals = 1,
            .approval_key = KEY_BOB,
            .approval = { { "\"reaction\"", "\"signed\"" } } } },
        { "an approver's key for another approver",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = DOCKER,
            .n_approvals = 1,
            .approval_key = KEY_BOB,
            .approval = { { "\"reaction\"", "\"signed\"" }, { "@bob", "@eve" } } } },
        { "signed by the dispatcher",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval_key = KEY_DISPATCHER } },
        { "signed by an unknown key",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval_key = KEY_STRANGER } },
        { "without a message, by who can only write one",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = WRITE, .n_approvals = 1, .approval = { { "\"approval_msg_id\":\"$ask\",", "" } } } },
        { "a good one and a bad one",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 2, .second_key = KEY_STRANGER } },
};

static void test_approval_attacks(void **state)
{
        World world;

        world_init(&world, NULL, 0);
        world_judge_rows(&world, approval_rows, ELEMENTSOF(approval_rows));
        world_done(&world);
}

/* 30: with an empty set of approvers no approval counts. */
static void test_empty_approver_set(void **state)
{
        static const Edit no_approvers[] = {
                { "{\"mxid\":\"@bob:hs.example\",\"pub\":\"@bob@\"},{\"mxid\":\"@eve:hs.example\"},{"
                  "\"mxid\":\"@ana:hs.example\"}",
                  "" },
        };
        World world;

        world_init(&world, no_approvers, 1);
        assert_err(world_judge(&world, &(Case){ .request = WRITE, .n_approvals = 1 }),
                   DEVBOX_ERROR_APPROVAL_DENIED);
        assert_err(world_judge(&world, &(Case){ .request = WRITE }), DEVBOX_ERROR_APPROVAL_DENIED);
        assert_err(world_judge(&world, &(Case){ 0 }), 0);
        world_done(&world);
}

#define BY_LOCAL_ANA                                                                                        \
        {                                                                                                   \
                "@ana:hs.example", "local:ana"                                                              \
        }
#define LOCAL_WRITE                                                                                         \
        {                                                                                                   \
                KIND("fs.write"),                                                                           \
                        ARGS("{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\",\"content_"              \
                             "b64\":\"aGk=\"}"),                                                            \
                        BY_LOCAL_ANA                                                                        \
        }
#define BY(approver)                                                                                        \
        {                                                                                                   \
                "@bob:hs.example", approver                                                                 \
        }
#define MESSAGE                                                                                             \
        {                                                                                                   \
                "\"reaction\"", "\"message\""                                                               \
        }
#define OUTSIDE_ROOMS                                                                                       \
        {                                                                                                   \
                "\"approval_msg_id\":\"$ask\",\"reaction_event_id\":\"$thumb\","                            \
                "\"room\":\"!approvals:hs.example\",",                                                      \
                        ""                                                                                  \
        }

/* A Unix user of the hub and the dashboard are principals as a Matrix user is; they are in no room. */
static const Edit local_people[] = {
        { "{\"mxid\":\"@ana:hs.example\"},{", "{\"mxid\":\"local:ana\"},{" },
        { "{\"mxid\":\"@eve:hs.example\"},{\"mxid\":\"@ana:hs.example\"}",
          "{\"mxid\":\"dashboard\"},{\"mxid\":\"local:ana\"}" },
};
static const Row local_rows[] = {
        { "requested locally, approved on the dashboard",
          0,
          { .request = LOCAL_WRITE,
            .n_approvals = 1,
            .approval = { BY("dashboard"), MESSAGE, OUTSIDE_ROOMS } } },
        { "approved in a room", 0, { .request = LOCAL_WRITE, .n_approvals = 1 } },
        { "a reaction outside of rooms",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = LOCAL_WRITE, .n_approvals = 1, .approval = { BY("dashboard"), OUTSIDE_ROOMS } } },
        { "the dashboard in a room",
          DEVBOX_ERROR_BAD_SCHEMA,
          { .request = LOCAL_WRITE, .n_approvals = 1, .approval = { BY("dashboard"), MESSAGE } } },
        { "by the requester",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = LOCAL_WRITE,
            .n_approvals = 1,
            .approval = { BY("local:ana"), MESSAGE, OUTSIDE_ROOMS } } },
        { "by another user of the hub",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = LOCAL_WRITE,
            .n_approvals = 1,
            .approval = { BY("local:ben"), MESSAGE, OUTSIDE_ROOMS } } },
};

static void test_principals_outside_rooms(void **state)
{
        World world;

        world_init(&world, local_people, ELEMENTSOF(local_people));
        world_judge_rows(&world, local_rows, ELEMENTSOF(local_rows));
        world_done(&world);
}

#define SECOND_BY(approver)                                                                                 \
        {                                                                                                   \
                BY(approver), MESSAGE, OUTSIDE_ROOMS                                                        \
        }

/* Two principals of one person are one approver, and one requester. */
static const Edit people[] = {
        { "{\"mxid\":\"@ana:hs.example\"},{\"mxid\":\"@bob:hs.example\"}",
          "{\"mxid\":\"@ana:hs.example\",\"person\":\"ana\"}" },
        { "\"@bob@\"},{\"mxid\":\"@eve:hs.example\"},{\"mxid\":\"@ana:hs.example\"}",
          "\"@bob@\",\"person\":\"bob\"},{\"mxid\":\"local:bob\",\"person\":\"bob\"},{\"mxid\":"
          "\"dashboard\"},"
          "{\"mxid\":\"local:ana\",\"person\":\"ana\"}" },
};
static const Row people_rows[] = {
        { "by the requester under another name",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = WRITE, .n_approvals = 1, .approval = SECOND_BY("local:ana") } },
        { "one person twice under two names",
          DEVBOX_ERROR_APPROVAL_DENIED,
          { .request = RESTART,
            .n_approvals = 2,
            .approval = { MESSAGE },
            .second = SECOND_BY("local:bob") } },
        { "by two persons",
          0,
          { .request = RESTART,
            .n_approvals = 2,
            .approval = { MESSAGE },
            .second = SECOND_BY("dashboard") } },
        { "by another person",
          0,
          { .request = WRITE, .n_approvals = 1, .approval = SECOND_BY("local:bob") } },
};

static void test_names_of_one_person(void **state)
{
        World world;

        world_init(&world, people, ELEMENTSOF(people));
        world_judge_rows(&world, people_rows, ELEMENTSOF(people_rows));
        world_done(&world);
}

/* Where the root lists approval keys, the manifest's key cannot add one. */
static void test_root_limits_approval_signers(void **state)
{
        static const Case approved = { .request = DOCKER,
                                       .n_approvals = 1,
                                       .approval = { { "\"reaction\"", "\"signed\"" } },
                                       .approval_key = KEY_BOB };
        PublicKey other = *key_pair_public(world_key(KEY_STRANGER)),
                  bob = *key_pair_public(world_key(KEY_BOB));
        World world;

        world_init(&world, NULL, 0);
        world.root->roles[ROOT_ROLE_APPROVAL] = (RootKeys){ .threshold = 1, .keys = { &other, 1 } };
        assert_err(world_judge(&world, &approved), DEVBOX_ERROR_APPROVAL_DENIED);

        world.root->roles[ROOT_ROLE_APPROVAL].keys.items = &bob;
        assert_err(world_judge(&world, &approved), 0);

        world.root->roles[ROOT_ROLE_APPROVAL] = (RootKeys){ 0 };
        world_done(&world);
}

/* Ten thousand altered approvals: every bit of payload, signature and type is somewhere among them. */
static void test_altered_approvals(void **state)
{
        _cleanup_(freep) char *request_text = NULL, *delivery_text = NULL, *approval_text = NULL;
        _cleanup_(envelope_freep) Envelope *request = NULL, *delivery = NULL, *approval = NULL;
        Case given = { .request = WRITE, .n_approvals = 1 };
        uint8_t seed[randombytes_SEEDBYTES] = { 7 }, draws[10000 * 8];
        char hex[65];
        World world;

        world_init(&world, NULL, 0);
        world_digest_hex(&world.device.manifest_digest, hex);
        request_text = world_text(
                world_request, (Edit[]){ given.request[0], given.request[1], { "@@manifest@@", hex } }, 3);
        request = WORLD_SIGN(ENVELOPE_REQUEST, request_text, KEY_DISPATCHER);
        world_digest_hex(&request->digest, hex);
        delivery_text = world_text(world_delivery, &(Edit){ "@@request@@", hex }, 1);
        delivery = WORLD_SIGN(ENVELOPE_DELIVERY, delivery_text, KEY_DISPATCHER);
        approval_text = world_text(world_approval, &(Edit){ "@@request@@", hex }, 1);
        approval = WORLD_SIGN(ENVELOPE_APPROVAL, approval_text, KEY_ATTESTER);

        AcceptInput input = {
                .request = request, .delivery = delivery, .approvals = { approval }, .n_approvals = 1
        };
        randombytes_buf_deterministic(draws, sizeof draws, seed);

        for (size_t i = 0; i < 10001; i++) {
                AcceptVerdict verdict = ACCEPT_VERDICT_NULL;
                uint8_t *where = NULL, before = 0;

                if (i <
                    10000) { /* the last round is unaltered: it shows that the others could have passed */
                        size_t place = (draws[i * 8] | (size_t) draws[i * 8 + 1] << 8) %
                                       (approval->payload_size + SIGNATURE_SIZE);

                        where = place < approval->payload_size ? approval->payload + place
                                                               : approval->signatures[0].signature.bytes +
                                                                         (place - approval->payload_size);
                        before = *where;
                        *where ^= (uint8_t) (1 << (draws[i * 8 + 2] & 7));
                }

                assert_err(accept_request(&world.device, &world.ledger, &input, &verdict),
                           i < 10000 ? DEVBOX_ERROR_APPROVAL_DENIED : 0);
                accept_verdict_done(&verdict);
                if (where)
                        *where = before;
        }

        world_done(&world);
}

/* Of two entries that allow the same, the stricter one counts, whatever their order. */
static void test_strictest_entry_counts(void **state)
{
        static const Edit both[] = {
                { "\"capabilities\":[{", "\"capabilities\":[{\"name\":\"fs.write\",\"id\":\"free\","
                                         "\"approval\":\"none\",\"roots\":[\"srv\"]},{" },
        };
        World world;

        world_init(&world, both, 1);
        assert_err(world_judge(&world, &(Case){ .request = WRITE }), DEVBOX_ERROR_APPROVAL_MISSING);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_approval_attacks),
                cmocka_unit_test(test_empty_approver_set),
                cmocka_unit_test(test_principals_outside_rooms),
                cmocka_unit_test(test_names_of_one_person),
                cmocka_unit_test(test_root_limits_approval_signers),
                cmocka_unit_test(test_altered_approvals),
                cmocka_unit_test(test_strictest_entry_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
