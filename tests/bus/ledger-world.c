/* SPDX-License-Identifier: MIT */
/* The world of the ledger's tests. */

#include "ledger-world.h"

#include <stdio.h>
#include <sys/stat.h>

#include "audit/chain-cursor.h"
#include "audit/ledger-database.h"
#include "basic/time.h"
#include "codec/binary-text.h"

void write_state_file(const LedgerBus *world, const char *name, const char *text)
{
        char path[256];

        (void) snprintf(path, sizeof path, "%s/%s", world->directory, name);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

TestDaemon *start_ledger(LedgerBus *world, bool no_wait)
{
        const char *const environment[] = { world->state_variable, world->ceiling_variable, NULL };

        return test_daemon_start_full(world->bus, &(TestDaemonOptions){ .program = LEDGER_PROGRAM,
                                                                        .name = LEDGER,
                                                                        .environment = environment,
                                                                        .no_wait = no_wait });
}

TestDaemon *start_mortal_ledger(LedgerBus *world, const char *kill_variable)
{
        (void) setenv("KILL_AT", strchr(kill_variable, '=') + 1, 1);
        (void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        (void) setenv("LD_PRELOAD", BUILD_DIR "/tests/bus/libkill-at.so", 1);
        TestDaemon *daemon = start_ledger(world, false);
        (void) unsetenv("LD_PRELOAD");
        return daemon;
}

void fill_state_directory(const LedgerBus *world)
{
        char seed[HEX_SIZE(KEY_SEED_SIZE)], path[128];
        Database *database;

        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        database_close(database);
        hex_format(secret_bytes(key_pair_seed(world_key(KEY_DEVICE))), seed);
        write_state_file(world, "identity", seed);
        write_state_file(
                world, "ceiling.yaml",
                "v: 1\ncapabilities: [shell.exec, fs.read, fs.write, service.restart, docker.exec]\n"
                "programs: [/usr/bin/ls, /usr/bin/df]\nread: [/home]\nwrite: [/srv/share]\n"
                "containers: [web]\nunits: [nginx.service]\n");
}

void ledger_bus_init(LedgerBus *world, TestBus *bus, const char *folder)
{
        world->bus = bus;
        world->client = bus->client;
        (void) snprintf(world->directory, sizeof world->directory, "%s/%s", bus->directory, folder);
        (void) snprintf(world->state_variable, sizeof world->state_variable, "STATE_DIRECTORY=%s",
                        world->directory);
        (void) snprintf(world->ceiling_variable, sizeof world->ceiling_variable,
                        "DEVBOX_CEILING=%s/ceiling.yaml", world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        fill_state_directory(world);
        test_bus_write_config(bus, "ledger:\n  trust_clock: true\n");
        world->made.shift_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC) - (int64_t) WORLD_NOW;
}

int ledger_bus_up_empty(void **state)
{
        LedgerBus *world = calloc(1, sizeof *world);

        assert_non_null(world);
        ledger_bus_init(world, test_bus_new(), "state");
        world->daemon = start_ledger(world, false);
        *state = world;
        return 0;
}

int ledger_bus_down(void **state)
{
        LedgerBus *world = *state;

        test_daemon_free(world->daemon);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

/* ---- calls; `wanted` is the last part of the error's name, NULL for none */

sd_bus_message *new_call(const LedgerBus *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->client, &call, LEDGER, LEDGER_PATH, LEDGER, member));
        return call;
}

sd_bus_message *finish_call(sd_bus *client, sd_bus_message *call, const char *wanted)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        char name[96] = "nothing";

        int r = sd_bus_call(client, call, 0, &error, &reply);
        if (wanted)
                (void) snprintf(name, sizeof name, "org.devbox.Error.%s", wanted);
        if (r < 0 ? !wanted || !streq(error.name, name) : wanted != NULL)
                fail_msg("%s: %s (%s) instead of %s", sd_bus_message_get_member(call),
                         r < 0 ? error.name : "no error", strempty(error.message), name);
        sd_bus_message_unref(call);
        return reply;
}

void call_text(const LedgerBus *world, const char *member, const char *text, const char *wanted)
{
        sd_bus_message *call = new_call(world, member);

        assert_ok(sd_bus_message_append(call, "s", text));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

const char *dictionary_text(sd_bus_message *reply, const char *key)
{
        const char *name, *contents;
        static char text[400000];

        text[0] = '\0';
        assert_ok(sd_bus_message_rewind(reply, true));
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &name));
                assert_ok(sd_bus_message_peek_type(reply, NULL, &contents));
                if (!streq(name, key))
                        assert_ok(sd_bus_message_skip(reply, "v"));
                else if (streq(contents, "s")) {
                        const char *value;

                        assert_ok(sd_bus_message_read(reply, "v", "s", &value));
                        (void) snprintf(text, sizeof text, "%s", value);
                } else if (streq(contents, "b")) {
                        int value;

                        assert_ok(sd_bus_message_read(reply, "v", "b", &value));
                        (void) snprintf(text, sizeof text, "%s", value ? "true" : "false");
                } else {
                        uint64_t value;

                        assert_ok(sd_bus_message_read(reply, "v", "t", &value));
                        (void) snprintf(text, sizeof text, "%llu", (unsigned long long) value);
                }
                assert_ok(sd_bus_message_exit_container(reply));
        }
        return text;
}

uint64_t chain_size(const LedgerBus *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(world->client, new_call(world, "GetStatus"), NULL);

        return strtoull(dictionary_text(reply, "size"), NULL, 10);
}

void enroll(LedgerBus *world, const char *device, const char *wanted)
{
        _cleanup_(freep) char *root = signed_root(&world->made);
        sd_bus_message *call = new_call(world, "Enroll");
        uint8_t chain[16];

        assert_ok(hex_parse(CHAIN_ID_HEX, chain, sizeof chain));
        assert_ok(sd_bus_message_append(call, "s", device));
        assert_ok(sd_bus_message_append_array(call, 'y', chain, sizeof chain));
        assert_ok(sd_bus_message_append(call, "s", root));
        assert_ok(sd_bus_message_append_array(call, 'y', world->made.root.bytes, 32));
        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

void begin_session(LedgerBus *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(world->client, new_call(world, "BeginSession"), NULL);
        const void *session;
        size_t size;

        assert_ok(sd_bus_message_read_array(reply, 'y', &session, &size));
        assert_int_equal(size, 16);
        hex_format(BYTES(session, size), world->made.session);
        world->made.counter = 0;
}

void make_ready(LedgerBus *world)
{
        enroll(world, "dev-a", NULL);
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);
        call_text(world, "InstallManifest", manifest, NULL);
        begin_session(world);
}

int ledger_bus_up(void **state)
{
        assert_int_equal(ledger_bus_up_empty(state), 0);
        make_ready(*state);
        return 0;
}

bool is_healthy(const LedgerBus *world)
{
        int healthy = true;

        assert_ok(sd_bus_get_property_trivial(world->client, LEDGER, LEDGER_PATH, "org.devbox.Component1",
                                              "Healthy", NULL, 'b', &healthy));
        return healthy;
}

sd_bus_message *put(const LedgerBus *world, const SignedBundle *bundle)
{
        sd_bus_message *call = new_call(world, "Accept");

        assert_ok(sd_bus_message_append(call, "ss", bundle->request, bundle->delivery));
        assert_ok(sd_bus_message_open_container(call, 'a', "s"));
        for (size_t i = 0; i < bundle->n_approvals; i++)
                assert_ok(sd_bus_message_append(call, "s", bundle->approvals[i]));
        assert_ok(sd_bus_message_close_container(call));
        return finish_call(world->client, call, NULL);
}

const char *judge(LedgerBus *world, const Case *given)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        static char text[128];

        signed_bundle(&world->made, given, &bundle);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = put(world, &bundle);
        (void) snprintf(text, sizeof text, "%s", dictionary_text(reply, "outcome"));
        if (streq(text, "denied"))
                (void) snprintf(text, sizeof text, "%s", dictionary_text(reply, "reason"));
        else if (streq(text, "known"))
                (void) snprintf(text, sizeof text, "known:%s", dictionary_text(reply, "state"));
        return text;
}

void verify_chain_of(const LedgerBus *world, const char *device)
{
        uint64_t size_before = chain_size(world); /* it may grow meanwhile */
        sd_bus_message *call = new_call(world, "Export");
        ChainId chain;
        ChainCursor walk;
        int r;

        assert_ok(hex_parse(CHAIN_ID_HEX, chain.bytes, sizeof chain.bytes));
        chain_cursor_begin(&walk, &chain, device);
        assert_ok(sd_bus_message_append(call, "stu", "", (uint64_t) 0, (uint32_t) UINT32_MAX));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "(ttqayayay)"));
        while ((r = sd_bus_message_enter_container(reply, 'r', "ttqayayay")) > 0) {
                const void *body, *prev, *hash;
                AuditEntry entry;
                size_t size;

                assert_ok(sd_bus_message_read(reply, "ttq", &entry.seq, &entry.time_ms, &entry.type));
                assert_ok(sd_bus_message_read_array(reply, 'y', &body, &entry.body.size));
                entry.body.data = body;
                assert_ok(sd_bus_message_read_array(reply, 'y', &prev, &size));
                assert_int_equal(size, 32);
                memcpy(&entry.prev, prev, 32);
                assert_ok(sd_bus_message_read_array(reply, 'y', &hash, &size));
                assert_int_equal(size, 32);
                memcpy(&entry.hash, hash, 32);
                assert_int_equal(chain_cursor_next(&walk, &entry), 0);
                assert_ok(sd_bus_message_exit_container(reply));
        }
        assert_ok(r);
        assert_true(walk.size >= size_before);
}

void verify_chain(const LedgerBus *world)
{
        verify_chain_of(world, "dev-a");
}
