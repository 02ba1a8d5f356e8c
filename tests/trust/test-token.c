/* SPDX-License-Identifier: MIT */
/* Invitations: their two spellings, and when they count. */

#include "trust/token.h"

#include "proto/error.h"

#include "world.h"

#define NULLS "0000000000000000000000000000000000000000000000000000000000000001"

static const char token_text[] =
        "{\"v\":1,\"network\":\"home\",\"id\":\"00112233445566778899aabbccddeeff\",\"secret\":\"" NULLS "\","
        "\"issued_at\":1760000000000,\"expires_at\":1760000600000,\"hub\":{\"box_pub\":\"" NULLS
        "\",\"wg_pub\":\"" NULLS "\",\"endpoints\":[\"hub.example:51820\",\"[2001:db8::1]:51820\"]},"
        "\"device\":\"laptop\",\"role\":\"device\","
        "\"root_sha256\":\"" NULLS "\"}";

static int accept(const World *world, const Edit *edit, WorldKey key, uint64_t now_ms)
{
        _cleanup_(freep) char *text = world_text(token_text, edit, edit ? 1 : 0);
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_TOKEN, text, key);
        _cleanup_(token_freep) Token *token = NULL;

        return token_accept(world->root, envelope, now_ms, &token);
}

static void test_when_a_token_counts(void **state)
{
        static const struct {
                int expected;
                Edit edit;
        } rows[] = {
                { DEVBOX_ERROR_BAD_SCHEMA, { "1760000600000", "1760000600001" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "1760000600000", "1760000000000" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "laptop", "Laptop" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "hub.example:51820", "hub.example" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "hub.example:51820", "hub.example:051820" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "hub.example:51820", "hub example:51820" } },
                { DEVBOX_ERROR_BAD_SCHEMA, { "\"role\"", "\"admin\":true,\"role\"" } },
                { DEVBOX_ERROR_BAD_SIG, { "home", "away" } },
        };
        World world;

        world_init(&world, NULL, 0);
        assert_err(accept(&world, NULL, KEY_TOKEN, WORLD_NOW), 0);
        assert_err(accept(&world, NULL, KEY_TOKEN, 1760000599999), 0);
        assert_err(accept(&world, NULL, KEY_TOKEN, 1760000600000), DEVBOX_ERROR_TOKEN_EXPIRED);
        assert_err(accept(&world, NULL, KEY_TOKEN, 1759999000000), DEVBOX_ERROR_NOT_YET_VALID);
        assert_err(accept(&world, NULL, KEY_MANIFEST, WORLD_NOW), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_int_equal(devbox_error_http_status(DEVBOX_ERROR_TOKEN_EXPIRED), 401);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(accept(&world, &rows[i].edit, KEY_TOKEN, WORLD_NOW), rows[i].expected);
        world_done(&world);
}

static void test_the_line_says_the_same(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_TOKEN, token_text, KEY_TOKEN),
                                           *again = NULL;
        _cleanup_(freep) char *line = NULL;
        _cleanup_(token_freep) Token *token = NULL;
        World world;

        world_init(&world, NULL, 0);
        assert_ok(token_text_format(envelope, &line));
        assert_true(startswith(line, "devbox-token-1."));
        assert_true(strlen(line) < 1024); /* QR version 24 holds it */
        assert_err(token_text_parse(line, &again), 0);
        assert_err(token_accept(world.root, again, WORLD_NOW, &token), 0);
        assert_string_equal(token->device, "laptop");
        assert_int_equal(token->hub.endpoints.n, 2);
        world_done(&world);
}

static void test_lines_that_are_none(void **state)
{
        static const char *const rows[] = { "",
                                            "devbox-token-1.",
                                            "devbox-token-1.e30",
                                            "devbox-token-1.e30.",
                                            "devbox-token-1.e30.AAAA",
                                            "devbox-token-2.e30.AAAA",
                                            "devbox-token-1.e3!.AAAA" };
        Envelope *envelope = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(token_text_parse(rows[i], &envelope), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_null(envelope);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_when_a_token_counts),
                cmocka_unit_test(test_the_line_says_the_same),
                cmocka_unit_test(test_lines_that_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
