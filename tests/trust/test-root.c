/* SPDX-License-Identifier: MIT */
/* The chain of roots: the cases of the TUF conformance suite that concern it. */

#include "trust/root.h"

#include <stdio.h>

#include "proto/error.h"

#include "world.h"

#define VERSION(n)                                                                                          \
        {                                                                                                   \
                "\"version\":1", "\"version\":" n                                                           \
        }
#define EPOCH(n)                                                                                            \
        {                                                                                                   \
                "\"epoch\":1", "\"epoch\":" n                                                               \
        }
#define THRESHOLD(n)                                                                                        \
        {                                                                                                   \
                "\"threshold\":2", "\"threshold\":" n                                                       \
        }

/* The next root has only the keys C and the stranger's. */
#define NEW_KEYS                                                                                            \
        {                                                                                                   \
                "\"@root-a@\",\"@root-b@\",\"@root-c@\"", "\"@root-c@\",\"@stranger@\""                     \
        }

static Root *first_root(void)
{
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, world_root, KEY_ROOT_A, KEY_ROOT_B);
        Root *root;

        assert_int_equal(root_accept_first(envelope, NULL, &root), 0);
        return root;
}

static void test_first_root(void **state)
{
        _cleanup_(envelope_freep) Envelope *good =
                WORLD_SIGN(ENVELOPE_ROOT, world_root, KEY_ROOT_A, KEY_ROOT_C);
        _cleanup_(envelope_freep) Envelope *few = WORLD_SIGN(ENVELOPE_ROOT, world_root, KEY_ROOT_A);
        _cleanup_(envelope_freep) Envelope *other =
                WORLD_SIGN(ENVELOPE_MANIFEST, world_root, KEY_ROOT_A, KEY_ROOT_B);
        _cleanup_(root_freep) Root *root = NULL, *none = NULL;
        Sha256 pin = good->digest;

        assert_err(root_accept_first(good, &pin, &root), 0);
        assert_int_equal(root->version, 1);
        assert_int_equal(root->roles[ROOT_ROLE_ROOT].keys.n, 3);
        assert_int_equal(root->roles[ROOT_ROLE_APPROVAL].keys.n, 0);
        assert_err(root_accept_first(few, &pin, &none), DEVBOX_ERROR_ROOT_CHAIN);
        assert_err(root_accept_first(other, NULL, &none), DEVBOX_ERROR_ROOT_CHAIN);
        pin.bytes[0] ^= 1;
        assert_err(root_accept_first(good, &pin, &none), DEVBOX_ERROR_ROOT_CHAIN);
}

static const struct {
        const char *what;
        int expected;
        Edit edits[3];
        WorldKey keys[6];
} next_rows[] = {
        { "the same keys", 0, { VERSION("2") }, { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "old and new keys",
          0,
          { VERSION("2"), NEW_KEYS },
          { KEY_ROOT_A, KEY_ROOT_B, KEY_ROOT_C, KEY_STRANGER, _KEY_MAX } },
        { "one key may be old and new",
          0,
          { VERSION("2"), NEW_KEYS },
          { KEY_ROOT_A, KEY_ROOT_C, KEY_STRANGER, _KEY_MAX } },
        { "a higher epoch", 0, { VERSION("2"), EPOCH("2") }, { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "17: N+2", DEVBOX_ERROR_ROOT_CHAIN, { VERSION("3") }, { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "N again", DEVBOX_ERROR_ROOT_CHAIN, { { NULL } }, { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "17: new keys only",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), NEW_KEYS },
          { KEY_ROOT_C, KEY_STRANGER, _KEY_MAX } },
        { "old keys only",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), NEW_KEYS },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "17: too few old keys", DEVBOX_ERROR_ROOT_CHAIN, { VERSION("2") }, { KEY_ROOT_A, _KEY_MAX } },
        { "too few new keys",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), THRESHOLD("3") },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "a lower threshold counts only from then on",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), THRESHOLD("1") },
          { KEY_ROOT_A, _KEY_MAX } },
        { "another network",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), { "home", "away" } },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "an epoch that leaps",
          DEVBOX_ERROR_ROOT_CHAIN,
          { VERSION("2"), EPOCH("3") },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "a key twice",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"), { "@root-b@", "@root-a@" } },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "more needed than there are",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"), THRESHOLD("4") },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "a threshold of zero",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"), THRESHOLD("0") },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "an unknown role",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"), { "\"witness\"", "\"god\"" } },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "3: a key of small order",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"),
            { "@witness@", "0100000000000000000000000000000000000000000000000000000000000000" } },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        { "3: a key of zeros",
          DEVBOX_ERROR_BAD_SCHEMA,
          { VERSION("2"),
            { "@witness@", "0000000000000000000000000000000000000000000000000000000000000000" } },
          { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
};

static void test_next_root(void **state)
{
        _cleanup_(root_freep) Root *current = first_root();

        for (size_t i = 0; i < ELEMENTSOF(next_rows); i++) {
                _cleanup_(freep) char *text =
                        world_text(world_root, next_rows[i].edits, ELEMENTSOF(next_rows[i].edits));
                _cleanup_(envelope_freep) Envelope *envelope =
                        world_sign(ENVELOPE_ROOT, text, next_rows[i].keys);
                _cleanup_(root_freep) Root *next = NULL;
                int got = root_accept_next(current, envelope, &next);

                if (got != next_rows[i].expected)
                        fail_msg("%s: got %s", next_rows[i].what, devbox_error_code((DevboxError) got));
        }
}

/* A device that slept through a thousand rotations follows them; expiry counts on the last only. */
static void test_long_chain(void **state)
{
        _cleanup_(root_freep) Root *root = first_root();

        for (int version = 2; version <= ROOT_STEPS_MAX; version++) {
                char number[32], expiry[48];
                _cleanup_(freep) char *text = NULL;
                _cleanup_(envelope_freep) Envelope *envelope = NULL;
                Root *next;

                (void) snprintf(number, sizeof number, "\"version\":%d", version);
                (void) snprintf(expiry, sizeof expiry, "\"expires_at\":%lld", 1759000000001LL + version);
                text = world_text(
                        world_root,
                        (Edit[]){ { "\"version\":1", number }, { "\"expires_at\":1790000000000", expiry } },
                        2);
                envelope = WORLD_SIGN(ENVELOPE_ROOT, text, KEY_ROOT_A, KEY_ROOT_B);
                assert_int_equal(root_accept_next(root, envelope, &next), 0);
                root_free(root);
                root = next;
        }

        assert_err(root_check_expiry(root, 1759000001024), 0);
        assert_err(root_check_expiry(root, 1759000001025), DEVBOX_ERROR_ROOT_EXPIRED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_root),
                cmocka_unit_test(test_next_root),
                cmocka_unit_test(test_long_chain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
