/* SPDX-License-Identifier: MIT */
#include "run-calls.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/entry-bus.h"
#include "basic/bytes.h"
#include "basic/fd.h"
#include "basic/time.h"

#define STATE_SIZE 64

void outcome_done(Outcome *outcome)
{
        text_done(&outcome->out);
        text_done(&outcome->err);
        text_done(&outcome->end);
}

sd_bus_message *new_dispatch_call(const RunWorld *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->client, &call, DISPATCH, "/org/devbox/Dispatch1",
                                                 DISPATCH, member));
        return call;
}

/* Appends the other end of the stream that is returned. */
static int append_stream(sd_bus_message *call)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_ok(sd_bus_message_append(call, "h", fds[1]));
        (void) close(fds[1]);
        return fds[0];
}

static void read_id(const RunWorld *world, sd_bus_message *take_call, Outcome *outcome)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, take_call, NULL);
        const char *id;

        assert_ok(sd_bus_message_read(reply, "s", &id));
        (void) snprintf(outcome->id, sizeof outcome->id, "%s", id);
}

/* Run, up to the options. */
static sd_bus_message *new_run(const RunWorld *world, const char *capability, char **words)
{
        sd_bus_message *call = new_dispatch_call(world, "Run");

        assert_ok(sd_bus_message_append(call, "ss", "dev-a", capability));
        assert_ok(sd_bus_message_append_strv(call, words));
        return call;
}

int run(const RunWorld *world, const char *capability, char **words, Outcome *outcome)
{
        sd_bus_message *call = new_run(world, capability, words);

        assert_ok(sd_bus_message_append(call, "a{sv}", 0));
        int fd = append_stream(call);
        read_id(world, call, outcome);
        return fd;
}

int run_for(const RunWorld *world, uint64_t timeout_ms, char **words, Outcome *outcome)
{
        sd_bus_message *call = new_run(world, "shell.exec", words);

        assert_ok(sd_bus_message_append(call, "a{sv}", 1, "timeout_ms", "t", timeout_ms));
        int fd = append_stream(call);
        read_id(world, call, outcome);
        return fd;
}

sd_bus_message *new_run_of_event(const RunWorld *world, const char *event_id, char **words, bool known,
                                 int *ret_fd)
{
        sd_bus_message *call = new_dispatch_call(world, "Run");

        assert_ok(sd_bus_message_append(call, "ss", "dev-a", words[0]));
        assert_ok(sd_bus_message_append_strv(call, words + 1));
        assert_ok(sd_bus_message_append(call, "a{sv}", 4, "principal", "s", "@ana:hs.example", "room", "s",
                                        "!r:hs.example", "event_id", "s", event_id, "known", "b", known));
        *ret_fd = append_stream(call);
        return call;
}

int run_of_event(const RunWorld *world, const char *event_id, char **words, Outcome *outcome)
{
        int fd;

        read_id(world, new_run_of_event(world, event_id, words, false, &fd), outcome);
        return fd;
}

static void read_all(int fd, void *buffer, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = TEMP_FAILURE_RETRY(read(fd, (char *) buffer + done, size - done));

                assert_true(n > 0);
                done += (size_t) n;
        }
}

void submit_command(const RunWorld *world, const char *device, bool may_wait, char **words,
                    char ret_id[static 64])
{
        sd_bus_message *call = new_dispatch_call(world, "Submit");
        const char *id;

        assert_ok(sd_bus_message_append(call, "ss", device, "shell.exec"));
        assert_ok(sd_bus_message_append_strv(call, words));
        assert_ok(sd_bus_message_append(call, "a{sv}", 1, "may_wait", "b", may_wait));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_read(reply, "s", &id));
        (void) snprintf(ret_id, 64, "%s", id);
}

void follow(int take_fd, Outcome *outcome)
{
        _cleanup_(fd_closep) int fd = take_fd;
        const struct timeval timeout = { .tv_sec = TEST_DEADLINE_SEC };
        uint8_t header[5] = { 0 };
        static char payload[1024 * 1024];

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
        while (header[0] != 'R') {
                read_all(fd, header, sizeof header);
                uint32_t size = get_be32(header + 1);
                assert_true(size <= sizeof payload);
                read_all(fd, payload, size);
                text_append_bytes(header[0] == 'O'   ? &outcome->out
                                  : header[0] == 'E' ? &outcome->err
                                                     : &outcome->end,
                                  payload, size);
        }
        text_append_bytes(&outcome->out, "", 0);
        text_append_bytes(&outcome->err, "", 0);
}

static void print_logs(const RunWorld *world)
{
        static const char *const names[] = { "org.devbox.Agent1", DISPATCH, LEDGER };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, names[i]);

                print_message("%s:\n%s\n", names[i], strempty(log));
        }
}

void assert_end(const RunWorld *world, const Outcome *outcome, const char *part)
{
        if (strstr(strempty(outcome->end.data), part))
                return;

        print_logs(world);
        fail_msg("%s lacks %s; standard error: %s", strempty(outcome->end.data), part,
                 strempty(outcome->err.data));
}

/* Whether it has ended. */
static bool read_state(const RunWorld *world, const char *id, char ret_state[static STATE_SIZE])
{
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        (void) snprintf(ret_state, STATE_SIZE, "%s", dictionary_text(reply, "state"));
        return *dictionary_text(reply, "ended_at_ms") != '\0';
}

uint64_t request_left_ms(const RunWorld *world, const char *id)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        uint64_t expires_ms = strtoull(dictionary_text(reply, "expires_at_ms"), NULL, 10);
        return *dictionary_text(reply, "ended_at_ms") != '\0' || expires_ms < now_ms ? 0
                                                                                     : expires_ms - now_ms;
}

const char *wait_end(const RunWorld *world, const char *id)
{
        static char state[STATE_SIZE];

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20; i++) {
                if (read_state(world, id, state))
                        return state;
                (void) usleep(50000);
        }

        fail_msg("%s does not end", id);
        return state;
}

void wait_state(const RunWorld *world, const char *id, const char *wanted)
{
        char state[STATE_SIZE] = "";

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20 && !streq(state, wanted); i++) {
                (void) usleep(i > 0 ? 50000 : 0);
                (void) read_state(world, id, state);
        }
        assert_string_equal(state, wanted);
}

void run_ls(const RunWorld *world, const char *end)
{
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, end);
}

void decide(const RunWorld *world, const char *method, const char *id, const char *wanted)
{
        sd_bus_message *call = new_dispatch_call(world, method);

        assert_ok(sd_bus_message_append(call, "sa{sv}", id, 0));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

unsigned count_all_requests(const RunWorld *world)
{
        sd_bus_message *call = new_dispatch_call(world, "ListRequests");
        unsigned n = 0;

        assert_ok(sd_bus_message_append(call, "bu", 0, 1000));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        for (; assert_ok(sd_bus_message_at_end(reply, false)) == 0; n++)
                assert_ok(sd_bus_message_skip(reply, "a{sv}"));
        return n;
}

unsigned count_chain(const RunWorld *world, const char *const *parts)
{
        sd_bus_message *call = new_call(world->ledger, "Export");
        AuditEntry entry;
        unsigned n = 0;

        assert_ok(sd_bus_message_append(call, "stu", "", (uint64_t) 0, (uint32_t) UINT32_MAX));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "(ttqayayay)"));
        while (sd_bus_message_at_end(reply, false) == 0) {
                bool found = true;

                assert_ok(audit_entry_read(reply, &entry));
                for (size_t i = 0; found && parts[i]; i++)
                        found = memmem(entry.body.data, entry.body.size, parts[i], strlen(parts[i]));
                n += found;
        }

        return n;
}

void wait_chain(const RunWorld *world, const char *const *parts)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        while (count_chain(world, parts) == 0) {
                if (deadline_left(deadline) == 0)
                        fail_msg("no entry has %s, %s", parts[0], strempty(parts[1]));
                (void) usleep(20000);
        }
}

int start_sleep(const RunWorld *world, Outcome *outcome)
{
        char *words[] = { (char *) "sleep", (char *) "1000", NULL };
        int fd = run(world, "shell.exec", words, outcome);

        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 20; i++) {
                sd_bus_message *call = new_dispatch_call(world, "GetRequest");

                assert_ok(sd_bus_message_append(call, "s", outcome->id));
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                        finish_call(world->client, call, NULL);
                if (!streq(dictionary_text(reply, "state"), "queued"))
                        break;
                (void) usleep(50000);
        }
        return fd;
}
