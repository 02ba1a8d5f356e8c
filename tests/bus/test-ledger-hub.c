/* SPDX-License-Identifier: MIT */
/* The real ledger on a private bus: what mesh and dispatcher record on a hub, and what a hub as a witness
 * gets from a device. */

#include "ledger-world.h"

/* The id of the outbox makes a repeated call harmless. */
static void test_a_hub_records_events(void **state)
{
        LedgerBus *world = *state;
        static const struct {
                const char *kind, *device, *id, *value, *wanted;
                int entries;
        } rows[] = {
                { "claimed", "dev-b", "01K75A3Q0000000000000000AA", "482 913", NULL, 1 },
                { "claimed", "dev-b", "01K75A3Q0000000000000000AA", "482 913", NULL, 0 },
                { "admitted", "dev-b", "01K75A3Q0000000000000000AA", "482 913", "BadRequest", 0 },
                { "drift", "", "01K75A3Q0000000000000000AB", "mtu", NULL, 1 },
                { "approved", "dev-b", "01K75A3Q0000000000000000AC", "local:ana", NULL, 1 },
                { "unpinned", "dev-b", "01K75A3Q0000000000000000AD", "x", "BadRequest", 0 },
                { "claimd", "dev-b", "01K75A3Q0000000000000000AE", "x", "BadRequest", 0 },
                { "claimed", "dev-b", "1", "x", "BadSchema", 0 },
                { "claimed", "-", "01K75A3Q0000000000000000AF", "x", "BadSchema", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t size = chain_size(world);
                sd_bus_message *call = new_call(world, "Record");

                assert_ok(sd_bus_message_append(call, "ssa{sv}", rows[i].kind, rows[i].device, 2, "id", "s",
                                                rows[i].id, "detail", "s", rows[i].value));
                sd_bus_message_unref(finish_call(world->client, call, rows[i].wanted));
                assert_int_equal(chain_size(world) - size, rows[i].entries);
        }

        sd_bus_message *call = new_call(world, "Record");
        assert_ok(sd_bus_message_append(call, "ssa{sv}", "claimed", "dev-b", 0));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Record");
        assert_ok(sd_bus_message_append(call, "ssa{sv}", "claimed", "dev-b", 1, "id", "t", (uint64_t) 1));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call_text(world, "Unpin", "dev-b", "PeerUnknown");
        verify_chain(world);
}

/* What the hub asks for: the entries from some number on, and the documents behind these alone. */
/* An empty list would say that the chain of a device has ended, or not begun. */
static void test_export_of_an_unknown_device(void **state)
{
        const LedgerBus *world = *state;
        static const struct {
                const char *device, *wanted;
        } rows[] = { { "", NULL }, { "dev-a", NULL }, { "nosuch", "PeerUnknown" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                sd_bus_message *call = new_call(world, "Export");

                assert_ok(sd_bus_message_append(call, "stu", rows[i].device, (uint64_t) 0, (uint32_t) 1));
                sd_bus_message_unref(finish_call(world->client, call, rows[i].wanted));
        }
}

static void test_growth(void **state)
{
        LedgerBus *world = *state;
        static const struct {
                uint64_t back; /* entries before the end */
                const char *document;
                bool sent;
        } rows[] = {
                { 1000, "manifest.v1", true }, { 1000, "request.v1", true }, { 1, "request.v1", true },
                { 1, "manifest.v1", false },   { 0, "request.v1", false },
        };

        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        uint64_t size = chain_size(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                sd_bus_message *call = new_call(world, "ExportGrowth");
                const char *evidence, *checkpoint;

                assert_ok(sd_bus_message_append(call, "t", size - MIN(rows[i].back, size)));
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                        finish_call(world->client, call, NULL);
                assert_ok(sd_bus_message_skip(reply, "a(ttqayayay)"));
                assert_ok(sd_bus_message_read(reply, "ss", &evidence, &checkpoint));
                assert_int_equal(strstr(evidence, rows[i].document) != NULL, rows[i].sent);
                assert_non_null(strstr(checkpoint, "checkpoint.v1"));
        }

        sd_bus_message *call = new_call(world, "ExportGrowth");
        assert_ok(sd_bus_message_append(call, "t", size + 1));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
}

/* Growth is passed on as it is; this one is of a device that the hub does not know. */
static void test_growth_is_what_a_witness_takes(void **state)
{
        LedgerBus *world = *state;
        static const struct {
                const char *evidence; /* NULL: what was exported */
                const char *wanted;
        } rows[] = { { NULL, "PeerUnknown" }, { "", "PeerUnknown" }, { "{}\n", "BadRequest" } };

        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                sd_bus_message *call = new_call(world, "ExportGrowth");
                const char *evidence, *checkpoint;

                assert_ok(sd_bus_message_append(call, "t", (uint64_t) 0));
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *growth =
                        finish_call(world->client, call, NULL);
                assert_ok(sd_bus_message_skip(growth, "a(ttqayayay)"));
                assert_ok(sd_bus_message_read(growth, "ss", &evidence, &checkpoint));
                assert_ok(sd_bus_message_rewind(growth, true));
                call = new_call(world, "Witness");
                assert_ok(sd_bus_message_append(call, "s", checkpoint));
                assert_ok(sd_bus_message_copy(call, growth, false));
                assert_ok(sd_bus_message_append(call, "s", rows[i].evidence ? rows[i].evidence : evidence));
                sd_bus_message_unref(finish_call(world->client, call, rows[i].wanted));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_a_hub_records_events),
                ledger_test(test_export_of_an_unknown_device),
                ledger_test(test_growth),
                ledger_test(test_growth_is_what_a_witness_takes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
