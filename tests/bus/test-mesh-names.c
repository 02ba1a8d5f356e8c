/* SPDX-License-Identifier: MIT */
/* Hostile names at each method of org.devbox.Mesh1 that takes one: the documented error, and nothing of them
 * is stored. Tokens are signed by the operator, so that the name alone is what is wrong with them. */

#include <stdio.h>

#include "enrol-calls.h"
#include "trust/envelope.h"

#define TEN    "aaaaaaaaaa"
#define SIXTY  TEN TEN TEN TEN TEN TEN
#define BY_ANA "@ana:hs.example"
#define ROOM   (TOKEN_SIZE_MAX + 256)

static const char *const names[] = {
        "",
        SIXTY "aaaa", /* one too many */
        SIXTY SIXTY SIXTY SIXTY,
        ".",
        "..",
        "a.b",
        "a/b",
        "../hub",
        "a b",
        "a\n",
        "a\tb",
        "\033[2J",
        "\x7f",
        "\u202eboh",   /* right to left */
        "a\u200b",     /* of no width */
        "l\u0430ptop", /* a Cyrillic letter */
        "LAPTOP",
        "Laptop",
        "-a",
        "a-",
        "a_b",
        "' OR 1=1 --",
};

static void finish(sd_bus_message *call, const char *wanted)
{
        sd_bus_message_unref(mesh_finish(hub.world, call, wanted));
}

/* ---- what is stored */

static Database *database;

static int64_t count(const char *sql)
{
        int64_t n = 0;

        assert_ok(query_integer(database, &n, sql, ""));
        return n;
}

/* There is one invitation, for the one good name. */
static void assert_nothing_stored(void)
{
        assert_int_equal(count("SELECT count(*) FROM token"), 1);
        assert_int_equal(count("SELECT count(*) FROM device"), 0);
        assert_int_equal(count("SELECT count(*) FROM manifest"), 0);
        assert_int_equal(count("SELECT count(*) FROM wireguard_key"), 0);
        assert_int_equal(count("SELECT count(*) FROM outbox WHERE device NOT IN ('', 'laptop')"), 0);
}

/* ---- Invite */

/* The bytes of a token with another name, signed. */
static size_t format_with(const Token *token, const char *name, uint8_t bytes[static ROOM])
{
        uint8_t whole[TOKEN_SIZE_MAX];
        size_t size = token_format(token, whole) - SIGNATURE_SIZE, length = strlen(token->device);
        const uint8_t *at = memmem(whole, size, token->device, length);
        Signature signature;

        assert_non_null(at);
        size_t before = (size_t) (at - whole), after = size - before - length;
        memcpy(bytes, whole, before);
        bytes[before - 1] = (uint8_t) strlen(name);
        memcpy(bytes + before, name, strlen(name));
        memcpy(bytes + before + strlen(name), at + length, after);
        size = before + strlen(name) + after;
        assert_ok(dsse_sign(world_key(KEY_TOKEN), TOKEN_TYPE, BYTES(bytes, size), &signature));
        memcpy(bytes + size, signature.bytes, SIGNATURE_SIZE);
        return size + SIGNATURE_SIZE;
}

static void invite(const Token *token, const char *name, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Invite");
        uint8_t bytes[ROOM];

        assert_ok(sd_bus_message_append_array(call, 'y', bytes, format_with(token, name, bytes)));
        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        finish(call, wanted);
}

/* ---- the others */

static void configure(const char *name)
{
        sd_bus_message *call = mesh_call(hub.world, "ConfigureHub");

        assert_ok(sd_bus_message_append(call, "a{sv}", 2, "network", "s", name, "endpoints", "as", 1,
                                        "192.0.2.1"));
        finish(call, "BadRequest");
}

static void call_with(const char *member, const char *name, const char *second, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, member);

        assert_ok(sd_bus_message_append(call, "s", name));
        if (second)
                assert_ok(sd_bus_message_append(call, "s", second));
        finish(call, wanted);
}

static void set_peer(const char *name)
{
        sd_bus_message *call = mesh_call(hub.world, "SetPeer");

        assert_ok(sd_bus_message_append(call, "sa{sv}", name, 1, "keepalive_sec", "t", UINT64_C(7)));
        finish(call, "PeerUnknown");
}

static void call_all(const char *name)
{
        static const struct {
                const char *member, *second;
        } rows[] = { { "GetPeer", NULL },
                     { "Withdraw", NULL },
                     { "Admit", "{}" },
                     { "Revoke", NULL },
                     { "RevokeFor", BY_ANA } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                call_with(rows[i].member, name, rows[i].second, "PeerUnknown");
        set_peer(name);
}

static void claim_from(const uint8_t *sealed, size_t size, const char *source, const char *wanted)
{
        sd_bus_message *call = mesh_call(hub.world, "Claim");

        assert_ok(sd_bus_message_append_array(call, 'y', sealed, size));
        assert_ok(sd_bus_message_append(call, "s", source));
        finish(call, wanted);
}

static void open_database(void)
{
        char path[160];

        (void) snprintf(path, sizeof path, "%s/mesh.db", hub.world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &mesh_schema, &database));
}

static void test_names(void **state)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        Token token, other;

        machines_skip();
        machine_enter(&hub);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                configure(names[i]);
        assert_string_equal(mesh_status(hub.world, "role"), "");

        enrol_start_hub(&token);
        open_database();
        other = token;
        other.id[0]++;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                print_message("name %zu\n", i);
                invite(&other, names[i], "BadRequest");
                call_all(names[i]);
                call_with("GetManifest", names[i], NULL, "PeerUnknown");
                assert_nothing_stored();
        }

        /* The hub's own, and one that a device waits with. */
        invite(&other, "hub", "BadRequest");
        call_all("hub");
        assert_nothing_stored();
        size_t size = enrol_claim(world_key(KEY_DEVICE), &token, sealed);
        for (size_t i = 1; i < ELEMENTSOF(names); i++)
                claim_from(sealed, size, names[i], "BadRequest");
        assert_string_equal(enrol_pending("state"), "issued");
        claim_from(sealed, size, "192.0.2.2", NULL);
        invite(&other, "laptop", "Busy");
        assert_string_equal(enrol_pending("state"), "claimed");
        assert_nothing_stored();
        database = database_close(database);
}

int main(void)
{
        const struct CMUnitTest tests[] = { machines_test(test_names) };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
