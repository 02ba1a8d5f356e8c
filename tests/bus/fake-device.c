/* SPDX-License-Identifier: MIT */
/* A machine that joins, as devboxctl sees it: org.devbox.Mesh1 of a device, the services of fake-services.c,
 * and the hub's HTTP at the addresses inside the tunnels. What was called is a line each on standard output.
 *
 * $FAKE_ROOT and $FAKE_MANIFEST are files with what the hub sends. $FAKE_REJECT is the code with which it
 * rejects the first claim. The second answer to a claim is the admission. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/sockaddr.h"
#include "crypto/x25519.h"
#include "trust/claim.h"

#include "fake-bytes.h"
#include "fake-services.h"

static struct {
        const char *join_state;
        char network[64], endpoint[128];
        Sha256 root;
        Token token;
        unsigned n_answers;
        bool rejected;
        int hub_fd; /* where the hub answers; $FAKE_GONE: until the device has joined */
} fake = { .join_state = "" };

static void record(const char *line)
{
        (void) puts(line);
        (void) fflush(stdout);
}

static char *read_file(const char *variable)
{
        char *text = NULL;

        return fd_read_file_at(AT_FDCWD, getenv(variable), 1024 * 1024, &text, NULL) < 0 ? NULL : text;
}

/* ---- Mesh1 */

static int on_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        bool begun = *fake.join_state != '\0';

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "role", "s", begun ? "device" : "", "state",
                                          "s", begun ? "up" : "unconfigured", "join_state", "s",
                                          fake.join_state);
        if (r >= 0 && begun)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "device", "s", fake.token.device,
                                          "network", "s", fake.network, "address", "s", "10.42.0.10",
                                          "hub_address", "s", "10.42.0.1", "endpoints", "as", 1,
                                          fake.endpoint);
        if (r >= 0 && begun)
                r = fake_append_bytes(reply, "root_sha256", fake.root.bytes, SHA256_SIZE);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_bytes(sd_bus_message *call, const void *bytes, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', bytes, size);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* A claim that a ledger signs: its keys are valid, but not proven to be its own. */
static size_t make_body(const PublicKey *device_key, uint8_t body[static CLAIM_BODY_MAX])
{
        Claim claim = { .device_key = *device_key, .description = "Debian" };
        Secret *wireguard, *ephemeral, *hub;
        uint8_t hub_key[X25519_SIZE];

        if (x25519_generate(&wireguard, claim.wireguard_key) < 0 ||
            x25519_generate(&ephemeral, claim.ephemeral_key) < 0 || x25519_generate(&hub, hub_key) < 0)
                return 0;
        memcpy(claim.token_id, fake.token.id, TOKEN_ID_SIZE);
        size_t size = claim_prove(&claim, wireguard, hub_key) == 0 ? claim_body_format(&claim, body) : 0;
        secret_free(wireguard);
        secret_free(ephemeral);
        secret_free(hub);
        return size;
}

static int on_join(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        uint8_t body[CLAIM_BODY_MAX];
        const void *token, *key;
        size_t size, key_size;
        PublicKey device_key;

        int r = sd_bus_message_read_array(call, 'y', &token, &size);
        if (r >= 0)
                r = sd_bus_message_read_array(call, 'y', &key, &key_size);
        if (r < 0 || key_size != sizeof device_key)
                return r < 0 ? r : -EBADMSG;
        if (size == 0 && *fake.join_state == '\0')
                return sd_bus_error_set(error, "org.devbox.Error.NotFound", NULL);
        if (size > 0 && token_parse((Bytes){ token, size }, &fake.token) != 0)
                return -EBADMSG;

        fake.root = fake.token.root_sha256;
        (void) snprintf(fake.network, sizeof fake.network, "%s", fake.token.network);
        (void) snprintf(fake.endpoint, sizeof fake.endpoint, "%s:%u", fake.token.endpoints[0].host,
                        fake.token.endpoints[0].port);
        if (size > 0)
                fake.join_state = "keys";
        record(size > 0 ? "Join" : "Join again");
        memcpy(&device_key, key, sizeof device_key);
        return reply_bytes(call, body, make_body(&device_key, body));
}

static int on_sign_join(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        record("SignJoin");
        if (streq(fake.join_state, "keys"))
                fake.join_state = "claimed";
        return reply_bytes(call, "sealed", 6);
}

static int append_admission(sd_bus_message *reply)
{
        static const uint8_t chain_id[16] = { 0xa0 };
        _cleanup_(freep) char *root = read_file("FAKE_ROOT"), *manifest = read_file("FAKE_MANIFEST");

        int r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "network", "s", fake.network,
                                      "prefix", "s", "10.42.0.0/24", "address", "s", "10.42.0.10",
                                      "hub_address", "s", "10.42.0.1", "roots", "as", 1, root, "manifest",
                                      "s", manifest);
        return r < 0 ? r : fake_append_bytes(reply, "chain_id", chain_id, sizeof chain_id);
}

static int on_open_answer(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        bool admitted = fake.n_answers++ > 0;

        if (admitted)
                fake.join_state = "admitted";
        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "state", "s",
                                          admitted ? "admitted" : "pending", "digits", "s", "482 913",
                                          "retry_ms", "t", UINT64_C(10));
        if (r >= 0 && admitted)
                r = append_admission(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_step(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(call);

        record(member);
        fake.join_state = streq(member, "FinishJoin")    ? "installed"
                          : streq(member, "ConfirmJoin") ? "joined"
                                                         : "";
        if (streq(fake.join_state, "joined") && getenv("FAKE_GONE"))
                (void) shutdown(fake.hub_fd, SHUT_RDWR);
        return sd_bus_reply_method_return(call, "");
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable mesh[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetStatus", "", "a{sv}", on_get_status),
        METHOD("Join", "ayays", "ay", on_join),
        METHOD("SignJoin", "ay", "ay", on_sign_join),
        METHOD("OpenAnswer", "ay", "a{sv}", on_open_answer),
        METHOD("FinishJoin", "", "", on_step),
        METHOD("ConfirmJoin", "", "", on_step),
        METHOD("Leave", "", "", on_step),
        SD_BUS_VTABLE_END,
};

/* ---- the hub's HTTP */

/* One request for each connection; its end is not looked for, because requests are small. */
static int on_connection(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
        const char *code = userdata ? getenv("FAKE_REJECT") : NULL;
        char request[4096], response[512];

        _cleanup_(fd_closep) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (read(fd, request, sizeof request) <= 0)
                return 0;

        if (code && !fake.rejected) {
                fake.rejected = true;
                (void) snprintf(
                        response, sizeof response,
                        "HTTP/1.1 401 Unauthorized\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n"
                        "{\"error\":{\"code\":\"%s\",\"message\":\"\"}}",
                        strlen("{\"error\":{\"code\":\"\",\"message\":\"\"}}") + strlen(code), code);
        } else
                (void) snprintf(response, sizeof response,
                                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nanswer");
        (void) fd_write_all(fd, bytes_of_string(response));
        (void) shutdown(fd, SHUT_WR);
        (void) read(fd, request, sizeof request);
        return 0;
}

static int add_listener(sd_event *event, const char *address, void *userdata)
{
        SockAddr bound;
        socklen_t size;

        int r = sockaddr_parse(address, &bound, &size);
        if (r < 0)
                return r;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
            bind(fd, &bound.any, size) < 0 || listen(fd, 8) < 0)
                return -errno;

        fake.hub_fd = fd;
        return sd_event_add_io(event, NULL, fd, EPOLLIN, on_connection, userdata);
}

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        int r = sd_event_default(&event);
        if (r >= 0)
                r = add_listener(event, "169.254.42.1:51821", &fake);
        if (r >= 0)
                r = add_listener(event, "10.42.0.1:8080", NULL);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = fake_services_add(bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/devbox/Mesh1", "org.devbox.Mesh1", mesh, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.devbox.Mesh1", 0);
        return r < 0 ? EXIT_FAILURE : sd_event_loop(event);
}
