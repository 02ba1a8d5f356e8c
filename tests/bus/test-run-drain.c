/* SPDX-License-Identifier: MIT */
/* Requests for devices that are away: they wait, and run in order when all devices come back at the same
 * time. $DEVBOX_DEVICES and $DEVBOX_REQUESTS of each make it a benchmark, which prints its rate. */

#include <stdio.h>

#include "basic/parse.h"
#include "basic/time.h"
#include "fleet-world.h"
#include "trust/result.h"

#define EACH_MAX 100

static uint64_t n_devices = 3, n_requests = 4;
static char ids[FLEET_MAX][EACH_MAX][64];

static void get_number(const char *name, uint64_t max, uint64_t *number)
{
        const char *text = getenv(name);

        if (text)
                assert_ok(parse_u64(text, 1, max, number));
}

static int up(void **state)
{
        get_number("DEVBOX_DEVICES", FLEET_MAX, &n_devices);
        get_number("DEVBOX_REQUESTS", EACH_MAX, &n_requests);
        assert_int_equal(run_world_up(state), 0);
        fleet_up(*state, n_devices, true);
        return 0;
}

static int down(void **state)
{
        fleet_down(*state);
        return run_world_down(state);
}

static sd_bus_message *get_request(const RunWorld *world, const char *id)
{
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        return finish_call(world->client, call, NULL);
}

/* All that the hub and the device know of a request. */
static void explain(const RunWorld *world, size_t device, const char *id)
{
        static const char *const keys[] = { "reason", "message", "result" };
        const struct {
                const TestBus *bus;
                const char *name;
        } logs[] = { { world->ledger->bus, DISPATCH },
                     { fleet_ledger(device)->bus, "org.devbox.Agent1" },
                     { fleet_ledger(device)->bus, LEDGER } };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = get_request(world, id);
        char *line, *rest;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                print_message("# %s %s: %s\n", id, keys[i], dictionary_text(reply, keys[i]));
        for (size_t i = 0; i < ELEMENTSOF(logs); i++) {
                _cleanup_(freep) char *log = test_bus_read_log(logs[i].bus, logs[i].name);

                for (rest = log; (line = strsep(&rest, "\n"));)
                        if (i > 0 || strstr(line, id) || strstr(line, "Cannot"))
                                print_message("# %s: %s\n", logs[i].name, line);
        }
}

static void wait_finished(const RunWorld *world, size_t device, const char *id)
{
        const char *state = wait_end(world, id);

        if (streq(state, "finished"))
                return;
        explain(world, device, id);
        fail_msg("%s is %s", id, state);
}

static Result *read_result(const RunWorld *world, const char *id)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = get_request(world, id);
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Result *result;

        const char *text = dictionary_text(reply, "result");
        assert_ok(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope));
        assert_ok(result_parse(envelope_payload(envelope), &result, NULL));
        return result;
}

/* Each ran once, after the one before had ended. */
static void check_device(const RunWorld *world, size_t i)
{
        int64_t ended_ms = 0, size = 0;

        for (size_t j = 0; j < n_requests; j++) {
                _cleanup_(result_freep) Result *result = read_result(world, ids[i][j]);

                assert_int_equal(result->status, RESULT_FINISHED);
                assert_int_equal(result->exit.code, 0);
                assert_true(result->started_at_ms >= ended_ms);
                assert_true(result->size > size);
                ended_ms = result->finished_at_ms;
                size = result->size;
        }

        assert_true(test_metric(fleet_ledger(i)->client, LEDGER, "requests_accepted_total") ==
                    (double) n_requests);
        verify_chain_of(fleet_ledger(i), world->others[i].name);
}

static void test_queued_requests_drain(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };

        for (size_t j = 0; j < n_requests; j++)
                for (size_t i = 0; i < n_devices; i++)
                        fleet_submit(world, i, words, ids[i][j]);
        atomic_store(&world->mesh_fails, true);
        fleet_wait_away(world);
        atomic_store(&world->mesh_fails, false);
        assert_true(test_metric(world->client, DISPATCH, "requests_queued") ==
                    (double) (n_devices * n_requests));

        usec_t began = time_now(CLOCK_MONOTONIC);
        fleet_start_agents(world);
        for (size_t i = 0; i < n_devices; i++)
                for (size_t j = 0; j < n_requests; j++)
                        wait_finished(world, i, ids[i][j]);
        usec_t usec = time_now(CLOCK_MONOTONIC) - began;

        for (size_t i = 0; i < n_devices; i++)
                check_device(world, i);
        print_message("# {\"kind\":\"drain\",\"devices\":%zu,\"requests\":%zu,\"per_s\":%.1f}\n", n_devices,
                      n_devices * n_requests,
                      (double) (n_devices * n_requests) * USEC_PER_SEC / (double) usec);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_queued_requests_drain, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
