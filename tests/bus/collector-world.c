/* SPDX-License-Identifier: MIT */
/* The world of the collector's tests. */

#include "collector-world.h"

#include <stdio.h>

#include "sample/sample-bus.h"

int world_up_without_collector(void **state)
{
        World *world = calloc(1, sizeof *world);

        assert_non_null(world);
        *state = world;
        world->bus = test_bus_new();
        world->client = world->bus->client;
        world->systemd = fake_start(world->bus);
        test_bus_write_config(world->bus, "services: [docker, ssh, gone]\n");
        fake_set_unit(world->bus, &(FakeUnit){ .id = "docker.service", .active_enter_at_usec = 1234567 });
        fake_set_unit(world->bus,
                      &(FakeUnit){ .id = "ssh.service", .active_state = "inactive", .sub_state = "dead" });
        return 0;
}

int world_up(void **state)
{
        int r = world_up_without_collector(state);

        world_start_collector(*state);
        return r;
}

int world_down(void **state)
{
        World *world = *state;

        test_daemon_free(world->collector);
        test_daemon_free(world->systemd);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

void world_start_collector(World *world)
{
        assert_null(world->collector);
        world->collector = test_daemon_start(world->bus, COLLECTOR_PROGRAM, COLLECTOR);
}

/* Again if this machine stalled for longer than the collector waits for systemd. */
static sd_bus_message *get_units(const World *world)
{
        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                usec_t waits_until = deadline_after(USEC_PER_SEC);
                sd_bus_message *reply = NULL;

                if (sd_bus_call_method(world->client, COLLECTOR, COLLECTOR_PATH, "org.devbox.Collector1",
                                       "GetUnits", &error, &reply, NULL) >= 0)
                        return reply;
                if (!sd_bus_error_has_name(&error, SYSTEMD_UNAVAILABLE) || deadline_left(waits_until) > 0)
                        fail_msg("GetUnits: %s: %s", error.name, error.message);
        }
}

const char *world_units(const World *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = get_units(world);
        _cleanup_(unit_samples_done) UnitSamples samples = { 0 };
        static char text[4096];

        assert_ok(unit_samples_read(reply, &samples));
        text[0] = '\0';
        for (size_t i = 0; i < samples.n_units; i++)
                (void) snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s/%s,",
                                samples.units[i].name, unit_sample_state(&samples.units[i]),
                                samples.units[i].sub_state);
        return text;
}

bool world_healthy(const World *world)
{
        int healthy = false;

        assert_ok(sd_bus_get_property_trivial(world->client, COLLECTOR, COLLECTOR_PATH,
                                              "org.devbox.Component1", "Healthy", NULL, 'b', &healthy));
        return healthy;
}

double world_metric(const World *world, const char *metric)
{
        return test_metric(world->client, COLLECTOR, metric);
}

int replies_on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Replies *replies = userdata;
        const sd_bus_error *failure = sd_bus_message_get_error(reply);

        replies->n_done++;
        if (failure) {
                replies->n_errors++;
                replies->n_late += streq(failure->name, SYSTEMD_UNAVAILABLE);
                (void) snprintf(replies->error_name, sizeof replies->error_name, "%s", failure->name);
        }
        return 0;
}

bool replies_complete(void *userdata)
{
        const Replies *replies = userdata;

        return replies->n_done >= replies->n_wanted;
}

void replies_send(Replies *replies, sd_bus *client, const char *method, size_t n)
{
        replies->n_wanted += n;
        for (size_t i = 0; i < n; i++)
                test_call_async(client, COLLECTOR, method, replies_on_reply, replies);
}
