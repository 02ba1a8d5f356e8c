/* SPDX-License-Identifier: MIT */
/* What every daemon has on the bus: its well-known name and org.devbox.Component1.
 *
 * No bus is needed: a thread at the other end of a socket plays what little of one a component talks to
 * (Hello, RequestName, ReleaseName), and calls the component as a client would. */

#include "bus/component.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/error.h"
#include "test.h"

#define NAME "org.devbox.Test1"

typedef struct Peer Peer;

struct Peer {
        void (*talk)(Peer *peer); /* once the component owns its name */
        uint32_t name_outcome;    /* what RequestName answers */
        sd_bus *bus;
        pthread_t thread;
        _Atomic bool named; /* the component has its name */
        bool released, late_answered;
        int n_changed;
        bool healthy; /* in the last GetAll or PropertiesChanged */

        /* What the component answered, for the test to look at when the thread is done. */
        int result;
        double calls, uptime;
        char version[32], error_name[64], error_message[256];
        usec_t started_at_usec;
};

/* Ends when the component closes the socket. */
static void *peer_run(void *userdata)
{
        Peer *peer = userdata;
        bool talked = false;

        for (;;) {
                int r = sd_bus_process(peer->bus, NULL);
                if (r < 0)
                        return NULL;
                if (peer->named && !talked && peer->talk) {
                        talked = true;
                        peer->talk(peer);
                }
                if (r == 0 && sd_bus_wait(peer->bus, UINT64_MAX) < 0)
                        return NULL;
        }
}

static int on_late_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Peer *peer = userdata;

        peer->late_answered = !sd_bus_message_is_method_error(reply, NULL);
        return 0;
}

static int call_async(Peer *peer, const char *method)
{
        return sd_bus_call_method_async(peer->bus, NULL, NAME, "/org/devbox/Test1", "org.devbox.Component1",
                                        method, on_late_answer, peer, NULL);
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Peer *peer = userdata;

        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "Hello") > 0)
                return sd_bus_reply_method_return(message, "s", ":1.7");
        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "RequestName") > 0) {
                peer->named = peer->name_outcome == 1;
                return sd_bus_reply_method_return(message, "u", peer->name_outcome);
        }
        if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "ReleaseName") > 0) {
                /* A call that arrived just before the name was released. */
                peer->released = true;
                (void) call_async(peer, "GetMetrics");
                return sd_bus_reply_method_return(message, "u", 1);
        }
        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.Properties", "PropertiesChanged") > 0)
                peer->n_changed++;

        return 0;
}

/* The component and its loop. */
typedef struct Fixture {
        Peer peer;
        Component component;
        sd_event *event;
        sd_bus *bus;
        int n_calls;
        int restart_result;
} Fixture;

static int append_metrics(sd_bus_message *reply, void *owner)
{
        Fixture *fixture = owner;

        const ComponentMetric metrics[] = { { "calls_total", ++fixture->n_calls },
                                            { "uptime_seconds", 0.5 } };

        return component_append_metrics(reply, metrics, ELEMENTSOF(metrics));
}

static int restart(void *owner, const char **ret_detail)
{
        Fixture *fixture = owner;

        if (fixture->restart_result != 0) {
                *ret_detail = "config.yaml:3: no";
                return fixture->restart_result;
        }

        return sd_event_exit(fixture->event, 75);
}

static int set_up(void **state)
{
        Fixture *fixture = calloc(1, sizeof *fixture);
        sd_id128_t id = { .qwords = { 1, 2 } };
        int ends[2];

        assert_non_null(fixture);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);

        Peer *peer = &fixture->peer;
        peer->name_outcome = 1;
        assert_ok(sd_bus_new(&peer->bus));
        assert_ok(sd_bus_set_fd(peer->bus, ends[0], ends[0]));
        assert_ok(sd_bus_set_server(peer->bus, true, id));
        assert_ok(sd_bus_add_filter(peer->bus, NULL, on_message, peer));
        assert_ok(sd_bus_start(peer->bus));

        assert_ok(sd_event_new(&fixture->event));
        assert_ok(sd_bus_new(&fixture->bus));
        assert_ok(sd_bus_set_fd(fixture->bus, ends[1], ends[1]));
        assert_ok(sd_bus_set_bus_client(fixture->bus, true));
        assert_ok(sd_bus_start(fixture->bus));
        assert_ok(sd_bus_attach_event(fixture->bus, fixture->event, SD_EVENT_PRIORITY_NORMAL));

        fixture->component = (Component){ .name = "Test1",
                                          .append_metrics = append_metrics,
                                          .restart = restart,
                                          .owner = fixture,
                                          .healthy = true };
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        Fixture *fixture = *state;

        sd_bus_close_unref(fixture->peer.bus);
        sd_event_unref(fixture->event);
        free(fixture);
        return 0;
}

/* Runs the loop until it ends, and then closes the bus. Returns the loop's exit code. */
static int fixture_run(Fixture *fixture, void (*talk)(Peer *peer))
{
        fixture->peer.talk = talk;
        assert_int_equal(pthread_create(&fixture->peer.thread, NULL, peer_run, &fixture->peer), 0);

        assert_ok(component_attach(&fixture->component, fixture->bus));
        int code = sd_event_loop(fixture->event);

        component_detach(&fixture->component);
        fixture->bus = sd_bus_flush_close_unref(fixture->bus);
        assert_int_equal(pthread_join(fixture->peer.thread, NULL), 0);
        return code;
}

static void talk_about_everything(Peer *peer)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *metrics = NULL;
        _cleanup_(freep) char *text = NULL;
        int healthy = 0;

        int r = sd_bus_call_method(peer->bus, NAME, "/org/devbox/Test1", "org.devbox.Component1",
                                   "GetMetrics", NULL, &metrics, NULL);
        if (r >= 0)
                r = sd_bus_message_read(metrics, "a{sd}", 2, NULL, &peer->calls, NULL, &peer->uptime);
        if (r >= 0)
                r = sd_bus_get_property_string(peer->bus, NAME, "/org/devbox/Test1", "org.devbox.Component1",
                                               "Version", NULL, &text);
        if (r >= 0) {
                (void) snprintf(peer->version, sizeof peer->version, "%s", text);
                r = sd_bus_get_property_trivial(peer->bus, NAME, "/org/devbox/Test1",
                                                "org.devbox.Component1", "StartedAt", NULL, 't',
                                                &peer->started_at_usec);
        }
        if (r >= 0)
                r = sd_bus_get_property_trivial(peer->bus, NAME, "/org/devbox/Test1",
                                                "org.devbox.Component1", "Healthy", NULL, 'b', &healthy);
        peer->healthy = healthy;
        peer->result = r;
        (void) call_async(peer, "Restart");
}

static void test_a_client_sees_what_the_component_has(void **state)
{
        Fixture *fixture = *state;
        usec_t before_usec = time_now(CLOCK_REALTIME);

        assert_int_equal(fixture_run(fixture, talk_about_everything), 75);
        assert_ok(fixture->peer.result);
        assert_float_equal(fixture->peer.calls, 1, 0);
        assert_float_equal(fixture->peer.uptime, 0.5, 0);
        assert_string_equal(fixture->peer.version, DEVBOX_VERSION);
        assert_in_range(fixture->peer.started_at_usec, before_usec, time_now(CLOCK_REALTIME));
        assert_true(fixture->peer.healthy);
        assert_true(fixture->peer.late_answered); /* the reply to Restart was sent before the end */
}

static void talk_about_restart(Peer *peer)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        peer->result = sd_bus_call_method(peer->bus, NAME, "/org/devbox/Test1", "org.devbox.Component1",
                                          "Restart", &error, NULL, NULL);
        (void) snprintf(peer->error_name, sizeof peer->error_name, "%s", strempty(error.name));
        (void) snprintf(peer->error_message, sizeof peer->error_message, "%s", strempty(error.message));
        sd_bus_close(peer->bus);
}

static int on_hung_up(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return sd_event_exit(userdata, 3);
}

static void test_a_rejected_restart_has_its_reason(void **state)
{
        Fixture *fixture = *state;

        fixture->restart_result = DEVBOX_ERROR_CONFIG_INVALID;
        assert_ok(sd_bus_match_signal(fixture->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                      "org.freedesktop.DBus.Local", "Disconnected", on_hung_up,
                                      fixture->event));
        assert_int_equal(fixture_run(fixture, talk_about_restart), 3);
        assert_true(fixture->peer.result < 0);
        assert_string_equal(fixture->peer.error_name, "org.devbox.Error.ConfigInvalid");
        assert_true(endswith(fixture->peer.error_message, ": config.yaml:3: no"));
}

static void test_a_taken_name_ends_the_loop(void **state)
{
        Fixture *fixture = *state;

        fixture->peer.name_outcome = 3;
        assert_err(fixture_run(fixture, NULL), -EEXIST);
}

static int on_retire(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        Fixture *fixture = userdata;

        if (!fixture->peer.named) /* not yet: look again */
                return sd_event_source_set_enabled(source, SD_EVENT_ON);

        component_set_healthy(&fixture->component, false);
        component_set_healthy(&fixture->component, false); /* no news */
        component_set_healthy(&fixture->component, true);

        int r = component_retire(&fixture->component);
        if (r >= 0)
                r = component_retire(&fixture->component); /* once is enough */
        return sd_event_exit(fixture->event, r);
}

static void test_retiring_answers_what_had_come(void **state)
{
        _cleanup_(sd_event_source_unrefp) sd_event_source *timer = NULL;
        Fixture *fixture = *state;

        assert_ok(sd_event_add_time_relative(fixture->event, &timer, CLOCK_MONOTONIC, 50 * USEC_PER_MSEC, 1,
                                             on_retire, fixture));
        assert_ok(fixture_run(fixture, NULL));
        assert_true(fixture->component.retired);
        assert_true(fixture->peer.released);
        assert_true(fixture->peer.late_answered);
        assert_int_equal(fixture->n_calls, 1);
        assert_int_equal(fixture->peer.n_changed, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_client_sees_what_the_component_has, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_rejected_restart_has_its_reason, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_taken_name_ends_the_loop, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_retiring_answers_what_had_come, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
