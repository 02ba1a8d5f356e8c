/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of the collector's tests: a bus, the fake systemd1, a real devbox-collector. */

#include "fake.h"
#include "harness.h"
#include "sample/sample.h"

#define COLLECTOR         "org.devbox.Collector1"
#define COLLECTOR_PATH    "/org/devbox/Collector1"
#define COLLECTOR_PROGRAM "src/collector/devbox-collector"
#define GET_SYSTEM        COLLECTOR ".GetSystem"
#define GET_UNITS         COLLECTOR ".GetUnits"
#define GET_SNAPSHOT      COLLECTOR ".GetSnapshot"
#define RESTART           "org.devbox.Component1.Restart"

typedef struct World {
        TestBus *bus;
        TestDaemon *systemd, *collector;
        sd_bus *client; /* the bus's */
} World;

/* cmocka fixtures: with the services docker, ssh and gone; without a collector. */
int world_up(void **state);
int world_up_without_collector(void **state);
int world_down(void **state);

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

void world_start_collector(World *world);

#define SYSTEMD_UNAVAILABLE "org.devbox.Error.SystemdUnavailable"

/* "docker=active/running,ssh=…": the reply to GetUnits, in static memory. */
const char *world_units(const World *world);

bool world_healthy(const World *world);
double world_metric(const World *world, const char *metric);

/* Calls that are under way. */
typedef struct Replies {
        size_t n_done, n_errors, n_wanted;
        size_t n_late;        /* errors that say that systemd did not answer in time */
        char error_name[128]; /* of the last error */
} Replies;

int replies_on_reply(sd_bus_message *reply, void *replies, sd_bus_error *error);
bool replies_complete(void *replies);

/* Sends `n` calls more and counts their replies. */
void replies_send(Replies *replies, sd_bus *client, const char *method, size_t n);
