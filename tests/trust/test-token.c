/* SPDX-License-Identifier: MIT */
/* Invitations: their two encodings, and when they are valid. */

#include "trust/token.h"

#include <stdio.h>

#include "proto/error.h"

#include "world.h"

#define NOW_SEC 1760000000u
#define NOW_MS  (NOW_SEC * UINT64_C(1000))

static const Sha256 root_sha256 = { { 7 } };

static Token example(void)
{
        Token token = { .id = { 1 },
                        .secret = { 2 },
                        .expires_at_sec = NOW_SEC + 600,
                        .root_sha256 = root_sha256,
                        .hub_claim_key = { 3 },
                        .hub_wireguard_key = { 4 },
                        .network = "home",
                        .device = "home-wsl",
                        .endpoints = { { "vps.example.org", 51820 } },
                        .n_endpoints = 1 };

        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        return token;
}

static Token longest(void)
{
        Token token = example();

        memset(token.network, 'n', sizeof token.network - 1);
        memset(token.device, 'd', sizeof token.device - 1);
        token.n_endpoints = TOKEN_ENDPOINTS_MAX;
        for (size_t i = 0; i < TOKEN_ENDPOINTS_MAX; i++) {
                memset(token.endpoints[i].host, 'h', TOKEN_HOST_MAX);
                token.endpoints[i].port = 65535;
        }
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        return token;
}

static void test_round_trip(void **state)
{
        const Token rows[] = { example(), longest() };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char text[TOKEN_TEXT_SIZE_MAX], surrounded[TOKEN_TEXT_SIZE_MAX + 16];
                Token token;

                token_text_format(&rows[i], text);
                assert_true(strlen(text) < sizeof text);
                (void) snprintf(surrounded, sizeof surrounded, " \n%s\r\n", text);
                assert_ok(token_text_parse(surrounded, &token));
                assert_memory_equal(&token, &rows[i], sizeof token);
        }
}

/* A QR code of version 12 with the lowest error correction, 73 columns with its margin, holds 367 bytes. */
static void test_token_fits_a_terminal(void **state)
{
        Token token = example();
        char text[TOKEN_TEXT_SIZE_MAX];

        token_text_format(&token, text);
        assert_true(startswith(text, "devbox1:"));
        assert_true(strlen(text) <= 367);
}

/* What becomes of the bytes: the error of parsing, or that of accepting. */
static int judge(const World *world, Bytes bytes)
{
        Token token;
        int r = token_parse(bytes, &token);

        return r != 0 ? r : token_accept(world->root, &root_sha256, &token, NOW_MS);
}

static void test_every_flipped_bit_is_rejected(void **state)
{
        uint8_t bytes[TOKEN_SIZE_MAX];
        Token token = example();
        size_t size = token_format(&token, bytes);
        World world;

        world_init(&world, NULL, 0);
        assert_ok(judge(&world, BYTES(bytes, size)));
        for (size_t bit = 0; bit < size * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
                int outcome = judge(&world, BYTES(bytes, size));
                assert_true(outcome == DEVBOX_ERROR_BAD_ENVELOPE || outcome == DEVBOX_ERROR_BAD_SIG);
                bytes[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        for (size_t shorter = 0; shorter < size; shorter++)
                assert_err(token_parse(BYTES(bytes, shorter), &token), DEVBOX_ERROR_BAD_ENVELOPE);
        bytes[size] = 0;
        assert_err(token_parse(BYTES(bytes, size + 1), &token), DEVBOX_ERROR_BAD_ENVELOPE);
        world_done(&world);
}

static void test_validity_period(void **state)
{
        static const Sha256 other = { { 8 } };
        static const struct {
                uint64_t now_ms;
                int expected;
        } rows[] = {
                { NOW_MS, 0 },
                { NOW_MS + 599999, 0 },
                { NOW_MS + 600000, DEVBOX_ERROR_TOKEN_EXPIRED },
                { UINT64_MAX, DEVBOX_ERROR_TOKEN_EXPIRED },
                { NOW_MS - 1, DEVBOX_ERROR_NOT_YET_VALID },
                { 0, DEVBOX_ERROR_NOT_YET_VALID },
        };
        Token token = example(), forged = example(), foreign = example();
        World world;

        world_init(&world, NULL, 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(token_accept(world.root, &root_sha256, &token, rows[i].now_ms), rows[i].expected);

        assert_err(token_accept(world.root, &other, &token, NOW_MS), DEVBOX_ERROR_BAD_SIG);
        assert_ok(token_sign(&forged, world_key(KEY_MANIFEST)));
        assert_err(token_accept(world.root, &root_sha256, &forged, NOW_MS), DEVBOX_ERROR_BAD_SIG);
        strcpy(foreign.network, "away");
        assert_ok(token_sign(&foreign, world_key(KEY_TOKEN)));
        assert_err(token_accept(world.root, &root_sha256, &foreign, NOW_MS), DEVBOX_ERROR_BAD_SIG);
        assert_int_equal(devbox_error_http_status(DEVBOX_ERROR_TOKEN_EXPIRED), 401);
        world_done(&world);
}

static void test_unsignable_tokens(void **state)
{
        static const struct {
                const char *network, *device, *host;
                size_t n_endpoints;
                uint16_t port;
        } rows[] = {
                { "", "d", "h", 1, 1 },    { "n", "", "h", 1, 1 },      { "n", "Home", "h", 1, 1 },
                { "n", "a.b", "h", 1, 1 }, { "n", "d", "", 1, 1 },      { "n", "d", "h:1", 1, 1 },
                { "n", "d", "h o", 1, 1 }, { "n", "d", "[::1]", 1, 1 }, { "n", "d", "-h", 1, 1 },
                { "n", "d", "H", 1, 1 },   { "n", "d", "h", 0, 1 },     { "n", "d", "h", 5, 1 },
                { "n", "d", "h", 1, 0 },   { "n/x", "d", "h", 1, 1 },   { "n", "d", "\x1b[m", 1, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Token token = example();

                strcpy(token.network, rows[i].network);
                strcpy(token.device, rows[i].device);
                strcpy(token.endpoints[0].host, rows[i].host);
                token.endpoints[0].port = rows[i].port;
                token.n_endpoints = rows[i].n_endpoints;
                assert_err(token_sign(&token, world_key(KEY_TOKEN)), DEVBOX_ERROR_BAD_SCHEMA);
        }

        Token token = example();
        strcpy(token.endpoints[0].host, "2001:db8::1");
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
}

static void test_malformed_texts(void **state)
{
        static const char *const rows[] = { "",           "devbox1:",     "devbox1:AQ",
                                            "devbox2:AQ", "devbox1:AQ==", "devbox1:A!",
                                            "AQ" };
        char text[TOKEN_TEXT_SIZE_MAX], twice[2 * TOKEN_TEXT_SIZE_MAX];
        Token token = example();

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_err(token_text_parse(rows[i], &token), DEVBOX_ERROR_BAD_ENVELOPE);

        token = example();
        token_text_format(&token, text);
        (void) snprintf(twice, sizeof twice, "%s %s", text, text);
        assert_err(token_text_parse(twice, &token), DEVBOX_ERROR_BAD_ENVELOPE);
        (void) snprintf(twice, sizeof twice, "%s%s", text, text);
        assert_err(token_text_parse(twice, &token), DEVBOX_ERROR_BAD_ENVELOPE);
}

static void test_binding(void **state)
{
        const PublicKey *mine = key_pair_public(world_key(KEY_DEVICE));
        const PublicKey *other = key_pair_public(world_key(KEY_TOKEN));
        Token token = example();
        Sha256 digest;

        assert_true(token_admits(&token, mine) && token_admits(&token, other));
        sha256(BYTES_OF(mine->bytes), &digest);
        memcpy(token.device_key_sha256, digest.bytes, TOKEN_BINDING_SIZE);
        assert_true(token_admits(&token, mine));
        assert_false(token_admits(&token, other));
}

static void test_done_erases_secrets(void **state)
{
        static const Token zero;
        Token token = example();

        token_done(&token);
        assert_memory_equal(&token, &zero, sizeof token);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_token_fits_a_terminal),
                cmocka_unit_test(test_every_flipped_bit_is_rejected),
                cmocka_unit_test(test_validity_period),
                cmocka_unit_test(test_unsignable_tokens),
                cmocka_unit_test(test_malformed_texts),
                cmocka_unit_test(test_binding),
                cmocka_unit_test(test_done_erases_secrets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
