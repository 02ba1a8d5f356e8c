/* SPDX-License-Identifier: MIT */
/* The world of the mesh's tests. */

#include "mesh-world.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "child.h"
#include "mesh/interface.h"
#include "namespace.h"
#include "netlink/wireguard-backend.h"

#define UAPI_FOLDER "/run/wireguard"

static bool entered;

/* ---- namespaces and wireguard-go */

int mesh_world_enter(void **state)
{
        entered = namespace_enter();
        if (entered && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                        mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)) {
                print_message("no mount namespace: %s\n", strerror(errno));
                entered = false;
        }
        return 0;
}

bool mesh_world_has_namespaces(void)
{
        return entered;
}

void mesh_world_skip(void)
{
        if (!entered)
                skip();
}

static int listen_uapi(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = INTERFACE_UAPI_PATH };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        (void) mkdir(UAPI_FOLDER, 0755);
        (void) unlink(address.sun_path);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(fd, 64), 0);
        return fd;
}

/* When it ends it would unlink the socket, which systemd keeps; its unit forbids that as this does. */
static void protect_socket(void)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(UAPI_FOLDER, UAPI_FOLDER, NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, UAPI_FOLDER, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
                _exit(126);
}

static void run_engine(int uapi, const ChildEnvironment *environment)
{
        static const char *const argv[] = { "wireguard-go", "--foreground", MESH_LINK, NULL };

        protect_socket();
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) dup2(uapi, 3);
        (void) dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* for its banner */
        (void) dup2(STDERR_FILENO, STDOUT_FILENO);
        (void) execvpe(argv[0], (char *const *) argv, environment->variables);
        _exit(127);
}

void mesh_world_start_engine(MeshWorld *world)
{
        ChildEnvironment environment;

        child_environment_init(&environment);
        child_environment_set(&environment, "WG_UAPI_FD=3");
        child_environment_set(&environment, "LOG_LEVEL=error");
        world->engine = fork();
        assert_true(world->engine >= 0);
        if (world->engine == 0)
                run_engine(world->uapi, &environment);
}

void mesh_world_stop_engine(MeshWorld *world)
{
        if (world->engine == 0)
                return;
        (void) kill(world->engine, SIGKILL);
        (void) waitpid(world->engine, NULL, 0);
        world->engine = 0;
}

/* ---- the daemon */

static void start(MeshWorld *world, bool no_wait)
{
        const char *const environment[] = { world->state_variable, world->left ? world->kill_variable : NULL,
                                            "LD_PRELOAD=" BUILD_DIR "/tests/bus/libkill-at.so",
                                            "ASAN_OPTIONS=verify_asan_link_order=0", NULL };

        world->daemon = test_daemon_start_full(world->bus, &(TestDaemonOptions){ .program = MESH_PROGRAM,
                                                                                 .name = MESH,
                                                                                 .environment = environment,
                                                                                 .no_wait = no_wait });
}

void mesh_world_start(MeshWorld *world)
{
        start(world, false);
}

void mesh_world_begin(MeshWorld *world)
{
        start(world, true);
}

void mesh_world_stop(MeshWorld *world)
{
        assert_int_equal(test_daemon_stop(world->daemon), 0);
        world->daemon = test_daemon_free(world->daemon);
}

void mesh_world_preload(MeshWorld *world)
{
        char path[112];

        (void) snprintf(path, sizeof path, "%s/kill-at", world->bus->directory);
        (void) snprintf(world->kill_variable, sizeof world->kill_variable, "KILL_AT=%s", path);
        _cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, sizeof *world->left), 0);
        world->left = mmap(NULL, sizeof *world->left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(world->left, MAP_FAILED);
}

bool mesh_world_was_killed(const sd_bus_error *error)
{
        return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                      SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

void mesh_world_restart_killed(MeshWorld *world)
{
        assert_int_equal(test_daemon_wait(world->daemon), 128 + SIGKILL);
        world->daemon = test_daemon_free(world->daemon);
        test_bus_wait_owner(world->bus, MESH, false); /* else calls go to the one that is gone */
        atomic_store(world->left, 0);
        mesh_world_start(world);
}

int mesh_world_up(void **state)
{
        MeshWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->uapi = -EBADF;
        world->bus = test_bus_new();
        world->client = world->bus->client;
        (void) snprintf(world->directory, sizeof world->directory, "%s/state", world->bus->directory);
        (void) snprintf(world->state_variable, sizeof world->state_variable, "STATE_DIRECTORY=%s",
                        world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        if (entered) {
                world->uapi = listen_uapi();
                mesh_world_start_engine(world);
        }
        mesh_world_start(world);
        *state = world;
        return 0;
}

void mesh_world_make_hub(MeshWorld *world)
{
        mesh_configure(world, MESH_PREFIX, "hub.example.org", NULL);
        mesh_world_stop(world);
        mesh_world_add_peer(world, "dev-a", 0xa1, "10.42.0.10");
        mesh_world_add_peer(world, "dev-b", 0xb2, "10.42.0.11");
        mesh_world_add_peer(world, "dev-c", 0xc3, "10.42.0.12");
        mesh_world_start(world);
        mesh_world_until(mesh_state_is, world, "up");
}

int mesh_world_up_hub(void **state)
{
        assert_int_equal(mesh_world_up(state), 0);
        if (entered)
                mesh_world_make_hub(*state);
        return 0;
}

int mesh_world_down(void **state)
{
        MeshWorld *world = *state;

        test_daemon_free(world->daemon);
        mesh_world_stop_engine(world);
        (void) fd_close(world->uapi);
        if (world->left)
                (void) munmap(world->left, sizeof *world->left);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

/* ---- the database and WireGuard, by hand */

WireguardKey mesh_world_key(uint8_t byte)
{
        WireguardKey key = { { byte } };

        key.bytes[31] = 1;
        return key;
}

void mesh_world_add_peer(const MeshWorld *world, const char *name, uint8_t key, const char *address)
{
        WireguardKey preshared_key = mesh_world_key((uint8_t) ~key);
        Peer peer = { .state = PEER_STATE_JOINING,
                      .keepalive_sec = MESH_KEEPALIVE,
                      .key = mesh_world_key(key),
                      .device_key = { { key } },
                      .chain = { { key } },
                      .since_ms = 1 };
        Store store;

        (void) snprintf(peer.name, sizeof peer.name, "%s", name);
        assert_ok(ip_prefix_parse(address, &peer.address));
        assert_ok(store_init(&store, world->directory, NULL));
        assert_ok(store_open(&store));
        assert_ok(peer_store(&store, &peer, &preshared_key));
        store_done(&store);
}

typedef struct ByHand {
        bool ended;
        int error;
        WireguardDevice *device;
} ByHand;

static void on_end(int error, WireguardDevice *device, void *owner)
{
        ByHand *by_hand = owner;

        by_hand->ended = true;
        by_hand->error = error;
        if (device)
                *by_hand->device = TAKE(*device, WIREGUARD_DEVICE_NULL);
}

/* Reads with `changes` of NULL, otherwise applies. */
static int by_hand(WireguardDevice *changes, WireguardDevice *ret_device)
{
        _cleanup_(wireguard_backend_freep) WireguardBackend *backend = NULL;
        _cleanup_(wireguard_call_freep) WireguardCall *call = NULL;
        ByHand self = { .device = ret_device };
        sd_event *event;

        assert_ok(sd_event_new(&event));
        assert_ok(wireguard_backend_new_uapi(event, INTERFACE_UAPI_PATH, TEST_DEADLINE_SEC * USEC_PER_SEC,
                                             &backend));
        int r = changes ? wireguard_apply(backend, changes, on_end, &self, &call)
                        : wireguard_read(backend, on_end, &self, &call);
        while (r >= 0 && !self.ended)
                assert_ok(sd_event_run(event, UINT64_MAX));
        call = wireguard_call_free(call);
        backend = wireguard_backend_free(backend);
        sd_event_unref(event);
        return r < 0 ? r : self.error;
}

int mesh_world_read(const MeshWorld *world, WireguardDevice *ret_device)
{
        return by_hand(NULL, ret_device);
}

void mesh_world_apply(const MeshWorld *world, WireguardDevice *changes)
{
        assert_ok(by_hand(changes, NULL));
}

bool mesh_world_has_peer(const MeshWorld *world, uint8_t key)
{
        _cleanup_(wireguard_device_done) WireguardDevice device = WIREGUARD_DEVICE_NULL;
        WireguardKey wanted = mesh_world_key(key);

        assert_ok(mesh_world_read(world, &device));
        return wireguard_device_find_peer(&device, &wanted);
}

void mesh_world_until(bool (*condition)(const MeshWorld *world, const void *argument),
                      const MeshWorld *world, const void *argument)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        while (!condition(world, argument)) {
                assert_true(deadline_left(deadline) > 0);
                (void) poll(NULL, 0, 5);
        }
}

/* ---- calls */

sd_bus_message *mesh_call(const MeshWorld *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->client, &call, MESH, MESH_PATH, MESH, member));
        return call;
}

sd_bus_message *mesh_finish(const MeshWorld *world, sd_bus_message *call, const char *wanted)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        char name[96] = "nothing";

        int r = world->call ? world->call(world, call, &error, &reply)
                            : sd_bus_call(world->client, call, 0, &error, &reply);
        if (wanted)
                (void) snprintf(name, sizeof name, "org.devbox.Error.%s", wanted);
        if (r < 0 ? !wanted || !streq(error.name, name) : wanted != NULL)
                fail_msg("%s: %s (%s) instead of %s", sd_bus_message_get_member(call),
                         r < 0 ? error.name : "no error", strempty(error.message), name);
        sd_bus_message_unref(call);
        return reply;
}

void mesh_call_name(const MeshWorld *world, const char *member, const char *name, const char *wanted)
{
        sd_bus_message *call = mesh_call(world, member);

        assert_ok(sd_bus_message_append(call, "s", name));
        sd_bus_message_unref(mesh_finish(world, call, wanted));
}

void mesh_configure(const MeshWorld *world, const char *prefix, const char *endpoint, const char *wanted)
{
        sd_bus_message *call = mesh_call(world, "ConfigureHub");

        assert_ok(sd_bus_message_append(call, "a{sv}", 3, "network", "s", "home", "prefix", "s", prefix,
                                        "endpoints", "as", 1, endpoint));
        sd_bus_message_unref(mesh_finish(world, call, wanted));
}

/* Texts and numbers; other values are skipped. */
static void read_value(sd_bus_message *reply, char *text, size_t size)
{
        const char *contents, *string;
        uint64_t number;

        assert_ok(sd_bus_message_peek_type(reply, NULL, &contents));
        if (streq(contents, "s")) {
                assert_ok(sd_bus_message_read(reply, "v", "s", &string));
                (void) snprintf(text, size, "%s", string);
        } else if (streq(contents, "t")) {
                assert_ok(sd_bus_message_read(reply, "v", "t", &number));
                (void) snprintf(text, size, "%llu", (unsigned long long) number);
        } else
                assert_ok(sd_bus_message_skip(reply, "v"));
}

const char *mesh_read_key(sd_bus_message *reply, const char *key)
{
        static char text[512];
        const char *name;

        text[0] = '\0';
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &name));
                if (streq(name, key))
                        read_value(reply, text, sizeof text);
                else
                        assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        assert_ok(sd_bus_message_exit_container(reply));
        return text;
}

const char *mesh_status(const MeshWorld *world, const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(world, mesh_call(world, "GetStatus"), NULL);

        return mesh_read_key(reply, key);
}

const char *mesh_peer(const MeshWorld *world, const char *name, const char *key)
{
        sd_bus_message *call = mesh_call(world, "GetPeer");

        assert_ok(sd_bus_message_append(call, "s", name));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = mesh_finish(world, call, NULL);
        return mesh_read_key(reply, key);
}

bool mesh_state_is(const MeshWorld *world, const void *state)
{
        return streq(mesh_status(world, "state"), state);
}

bool mesh_has_drift(const MeshWorld *world, const void *kind)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(world, mesh_call(world, "GetDrift"), NULL);
        bool found = false;

        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        while (!assert_ok(sd_bus_message_at_end(reply, false)))
                found |= streq(mesh_read_key(reply, "kind"), kind);
        return found;
}
