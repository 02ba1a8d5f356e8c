/* SPDX-License-Identifier: MIT */
/* A hub as devboxctl sees it: org.devbox.Mesh1 with one invitation and one peer, fake-dispatch.c and
 * fake-services.c. What changed is a line each on standard output.
 *
 * Claim() stands for a device: its bytes are the digits, "bound", whose source is known from the second
 * ListPending on, or "held". What $FAKE_FAIL names fails once. $FAKE_ROLE is its role from the start; of the
 * status it then has, $FAKE_STATE, $FAKE_BACKEND and $FAKE_HANDSHAKE (its age in seconds). */

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/uio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/time.h"
#include "trust/manifest.h"
#include "trust/token.h"

#include "fake-bytes.h"
#include "fake-dispatch.h"
#include "fake-services.h"

#define ERROR "org.devbox.Error."

static struct {
        sd_bus *bus;
        bool fails;
        char role[8], network[64], endpoint[128];
        uint64_t listen_port;
        size_t n_roots;
        Sha256 root;
        struct {
                char name[DEVICE_NAME_SIZE], state[16], digits[16];
                bool listed;         /* since it was claimed */
        } invitation;                /* no name: none */
        char peer[DEVICE_NAME_SIZE]; /* empty: none */
        bool revoked;                /* the peer */
        char *manifest, manifest_of[DEVICE_NAME_SIZE];
} fake;

/* A key of the hub or the device: bytes that are easy to recognise. */
static const uint8_t wireguard_key[32] = { 1 }, claim_key[32] = { 2 };
static const uint8_t device_key[32] = { 0x8a, 0x88, 0xe3, 0xdd, 0x74, 0x09, 0xf1, 0x95, 0xfd, 0x52, 0xdb,
                                        0x2d, 0x3c, 0xba, 0x5d, 0x72, 0xca, 0x67, 0x09, 0xbf, 0x1d, 0x94,
                                        0x12, 0x1b, 0xf3, 0x74, 0x88, 0x01, 0xb4, 0x0f, 0x6f, 0x5c };

static void _printf_(1, 2) record(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void) vprintf(format, args);
        va_end(args);
        (void) putchar('\n');
        (void) fflush(stdout);
}

static int fail_once(const char *member, sd_bus_error *error)
{
        if (!fake.fails || !streq(member, getenv("FAKE_FAIL")))
                return 0;

        fake.fails = false;
        return sd_bus_error_set(error, ERROR "InternalError", "the disk is full");
}

static uint64_t now_ms(void)
{
        return time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
}

/* ---- replies */

static const char *fact(const char *variable, const char *usual)
{
        return getenv(variable) ?: usual;
}

static int append_network(sd_bus_message *reply)
{
        uint64_t age_ms = strtoull(fact("FAKE_HANDSHAKE", "0"), NULL, 10) * 1000;

        int r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "hub_address", "s",
                                      "10.42.0.1", "network", "s", fake.network, "prefix", "s",
                                      "10.42.0.0/24", "address", "s", "10.42.0.1", "listen_port", "t",
                                      fake.listen_port, "backend", "s", fact("FAKE_BACKEND", "kernel"),
                                      "problem", "s", "the UDP port", "endpoints", "as", 1, fake.endpoint,
                                      "last_handshake_ms", "t", age_ms == 0 ? 0 : now_ms() - age_ms);
        if (r >= 0)
                r = fake_append_bytes(reply, "public_key", wireguard_key, sizeof wireguard_key);
        return r < 0 ? r : fake_append_bytes(reply, "claim_key", claim_key, sizeof claim_key);
}

static int append_status(sd_bus_message *reply)
{
        bool configured = fake.role[0] != '\0';

        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "role", "s", fake.role, "state", "s",
                                          configured ? fact("FAKE_STATE", "up") : "unconfigured", "time_ms",
                                          "t", now_ms());
        if (r >= 0 && configured)
                r = append_network(reply);
        if (r >= 0 && fake.n_roots > 0)
                r = fake_append_bytes(reply, "root_sha256", fake.root.bytes, SHA256_SIZE);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_peer(sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s", fake.peer, "address",
                        "s", "10.42.0.10", "state", "s", fake.revoked ? "revoked" : "active", "presence",
                        "s", "online", "last_handshake_ms", "t", now_ms() - 100, "rx_bytes", "t",
                        UINT64_C(1258291), "tx_bytes", "t", UINT64_C(819200), "manifest_version", "t",
                        UINT64_C(1), "manifest_expires_at_ms", "t", now_ms() + UINT64_C(2591000000));
        if (r >= 0)
                r = fake_append_bytes(reply, "device_key", device_key, sizeof device_key);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_pending(sd_bus_message *reply)
{
        bool claimed = !streq(fake.invitation.state, "issued");
        bool bound = streq(fake.invitation.digits, "bound");
        bool located = fake.invitation.listed || !bound;

        fake.invitation.listed |= claimed;
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "name", "s", fake.invitation.name, "state",
                                          "s", fake.invitation.state, "expires_at_ms", "t",
                                          now_ms() + 599500);
        if (r >= 0 && claimed)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "bound", "b", bound, "source",
                                          "s", located ? "203.0.113.7" : "", "description", "s",
                                          "Ubuntu 24.04, x86_64", "claimed_at_ms", "t", now_ms(),
                                          "next_epoch", "t", UINT64_C(1), "next_version", "t", UINT64_C(1));
        if (r >= 0 && claimed && !bound)
                r = sd_bus_message_append(reply, "{sv}", "digits", "s", fake.invitation.digits);
        if (r >= 0 && claimed)
                r = fake_append_bytes(reply, "device_key", device_key, sizeof device_key);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* `append` writes one dictionary, of an array if `array`; NULL: an empty one. */
static int reply_with(sd_bus_message *call, bool array, int (*append)(sd_bus_message *reply))
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0 && array)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && append)
                r = append(reply);
        if (r >= 0 && array)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* ---- Mesh1 */

static int on_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply_with(call, false, append_status);
}

static int on_list_peers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply_with(call, true, *fake.peer ? append_peer : NULL);
}

static int reject_peer(sd_bus_message *call, sd_bus_error *error)
{
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0 || (*name != '\0' && streq(name, fake.peer)))
                return r < 0 ? r : 0;

        return sd_bus_error_set(error, ERROR "PeerUnknown", "no device of this name is enrolled here");
}

static int on_get_peer(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        int r = reject_peer(call, error);

        return r < 0 ? r : reply_with(call, false, append_peer);
}

static int on_get_drift(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        if (!*fake.peer)
                return sd_bus_reply_method_return(call, "aa{sv}", 0);

        return sd_bus_reply_method_return(call, "aa{sv}", 1, 4, "time_ms", "t", UINT64_C(1764252251000),
                                          "kind", "s", "allowed-ips", "peer", "s", fake.peer, "detail", "s",
                                          "10.42.0.0/16 instead of 10.42.0.10/32");
}

/* A text, or a list of one. */
static int read_into(sd_bus_message *call, const char *type, char *ret_text, size_t size)
{
        const char *text = "";

        int r = *type == 'a' ? sd_bus_message_read(call, "v", type, 1, &text)
                             : sd_bus_message_read(call, "v", type, &text);
        (void) snprintf(ret_text, size, "%s", text);
        return r;
}

static int on_configure_hub(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *key;

        int r = sd_bus_message_enter_container(call, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                r = sd_bus_message_read(call, "s", &key);
                if (r >= 0 && streq(key, "network"))
                        r = read_into(call, "s", fake.network, sizeof fake.network);
                else if (r >= 0 && streq(key, "endpoints"))
                        r = read_into(call, "as", fake.endpoint, sizeof fake.endpoint);
                else if (r >= 0 && streq(key, "listen_port"))
                        r = sd_bus_message_read(call, "v", "t", &fake.listen_port);
                else if (r >= 0 && streq(key, "prefix"))
                        r = sd_bus_message_skip(call, "v");
                else
                        return -EINVAL;
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(call);
        }
        if (r < 0)
                return r;

        (void) snprintf(fake.role, sizeof fake.role, "hub");
        record("ConfigureHub %s %s", fake.network, fake.endpoint);
        return reply_with(call, false, append_status);
}

static int on_set_root(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Envelope *envelope;
        const char *text;

        int r = fail_once("SetRoot", error);
        if (r >= 0)
                r = sd_bus_message_read(call, "s", &text);
        if (r < 0)
                return r;
        if (envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope) != 0)
                return -EBADMSG;

        fake.root = envelope->digest;
        envelope_free(envelope);
        record("SetRoot %zu", ++fake.n_roots);
        return sd_bus_reply_method_return(call, "");
}

static int on_get_roots(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return fake.n_roots == 0 ? sd_bus_reply_method_return(call, "as", 0)
                                 : sd_bus_reply_method_return(call, "as", 1, "root");
}

static int on_invite(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Token token;
        const void *bytes;
        size_t size;

        int r = fail_once("Invite", error);
        if (r >= 0)
                r = sd_bus_message_read_array(call, 'y', &bytes, &size);
        if (r < 0)
                return r;
        if (token_parse((Bytes){ bytes, size }, &token) != 0 ||
            !sha256_equal(&token.root_sha256, &fake.root) ||
            token.expires_at_sec * UINT64_C(1000) > now_ms() + TOKEN_LIFE_MAX_MS)
                return sd_bus_error_set(error, ERROR "Unauthorized", NULL);

        (void) snprintf(fake.invitation.name, sizeof fake.invitation.name, "%s", token.device);
        (void) snprintf(fake.invitation.state, sizeof fake.invitation.state, "issued");
        record("Invite %s at %s:%u", token.device, token.endpoints[0].host, token.endpoints[0].port);
        return sd_bus_reply_method_return(call, "a{sv}", 2, "expires_at_ms", "t",
                                          token.expires_at_sec * UINT64_C(1000), "address", "s",
                                          "10.42.0.10");
}

static int on_list_pending(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply_with(call, true, *fake.invitation.name ? append_pending : NULL);
}

static int on_claim(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const void *bytes;
        const char *source;
        size_t size;

        int r = sd_bus_message_read_array(call, 'y', &bytes, &size);
        if (r >= 0)
                r = sd_bus_message_read(call, "s", &source);
        if (r < 0)
                return r;

        (void) snprintf(fake.invitation.digits, sizeof fake.invitation.digits, "%.*s", (int) size,
                        (const char *) bytes);
        (void) snprintf(fake.invitation.state, sizeof fake.invitation.state, "%s",
                        streq(fake.invitation.digits, "held") ? "held" : "claimed");
        return sd_bus_reply_method_return(call, "ay", 0);
}

/* The manifest and the one who has it: "Admit home-wsl 1" by its version. */
static int keep_manifest(const char *member, const char *name, const char *text)
{
        Envelope *envelope;
        Manifest *manifest;

        if (envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope) != 0 ||
            manifest_parse(envelope_payload(envelope), &manifest, NULL) != 0)
                return -EBADMSG;

        bool for_device = memcmp(manifest->device_key.bytes, device_key, sizeof device_key) == 0;
        record("%s %s version %" PRIi64 "%s", member, name ? name : manifest->device, manifest->version,
               for_device ? " for its key" : "");
        free(fake.manifest);
        fake.manifest = strdup(text);
        (void) snprintf(fake.manifest_of, sizeof fake.manifest_of, "%s", manifest->device);
        manifest_free(manifest);
        envelope_free(envelope);
        return 0;
}

static int on_admit(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *name, *manifest;

        int r = sd_bus_message_read(call, "ss", &name, &manifest);
        if (r >= 0)
                r = keep_manifest("Admit", name, manifest);
        if (r < 0)
                return r;

        (void) snprintf(fake.peer, sizeof fake.peer, "%s", name);
        fake.revoked = false;
        fake.invitation.name[0] = '\0';
        return sd_bus_reply_method_return(call, "");
}

static int on_withdraw(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        record("Withdraw");
        fake.invitation.name[0] = '\0';
        return sd_bus_reply_method_return(call, "");
}

static int on_publish_manifest(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *manifest;

        int r = sd_bus_message_read(call, "s", &manifest);
        if (r >= 0)
                r = keep_manifest("PublishManifest", NULL, manifest);
        return r < 0 ? r : sd_bus_reply_method_return(call, "");
}

static int on_get_manifest(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *name;

        int r = sd_bus_message_read(call, "s", &name);
        if (r < 0)
                return r;
        if (streq(name, "hub") && !streq(name, fake.manifest_of))
                return sd_bus_error_set(error, ERROR "ManifestMissing", "the hub has no manifest");
        if (!fake.manifest || !streq(name, fake.manifest_of))
                return sd_bus_error_set(error, ERROR "PeerUnknown",
                                        "no device of this name is enrolled here");

        return sd_bus_reply_method_return(call, "s", fake.manifest);
}

static int on_revoke(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        int r = reject_peer(call, error);
        if (r < 0)
                return r;

        record("Revoke %s", fake.peer);
        fake.revoked = true;
        return sd_bus_reply_method_return(call, "a{sv}", 1, "elapsed_usec", "t", UINT64_C(4100));
}

static int on_revoke_all(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "as", 2, "home-wsl", "pc-aurgi");
}

static int on_set_peer(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        uint64_t keepalive_sec;
        const char *key;

        int r = reject_peer(call, error);
        if (r >= 0)
                r = sd_bus_message_read(call, "a{sv}", 1, &key, "t", &keepalive_sec);
        if (r < 0)
                return r;

        record("SetPeer %s %s %" PRIu64, fake.peer, key, keepalive_sec);
        return sd_bus_reply_method_return(call, "");
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable mesh[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetStatus", "", "a{sv}", on_get_status),
        METHOD("ListPeers", "b", "aa{sv}", on_list_peers),
        METHOD("GetPeer", "s", "a{sv}", on_get_peer),
        METHOD("GetDrift", "", "aa{sv}", on_get_drift),
        METHOD("ConfigureHub", "a{sv}", "a{sv}", on_configure_hub),
        METHOD("SetRoot", "s", "", on_set_root),
        METHOD("GetRoots", "", "as", on_get_roots),
        METHOD("Invite", "aya{sv}", "a{sv}", on_invite),
        METHOD("ListPending", "", "aa{sv}", on_list_pending),
        METHOD("Admit", "ss", "", on_admit),
        METHOD("Withdraw", "s", "", on_withdraw),
        METHOD("Claim", "ays", "ay", on_claim),
        METHOD("Revoke", "s", "a{sv}", on_revoke),
        METHOD("RevokeAll", "", "as", on_revoke_all),
        METHOD("SetPeer", "sa{sv}", "", on_set_peer),
        METHOD("PublishManifest", "s", "", on_publish_manifest),
        METHOD("GetManifest", "s", "s", on_get_manifest),
        SD_BUS_VTABLE_END,
};

int main(void)
{
        sd_event *event = NULL;

        fake.fails = getenv("FAKE_FAIL");
        (void) snprintf(fake.role, sizeof fake.role, "%s", fact("FAKE_ROLE", ""));
        (void) snprintf(fake.network, sizeof fake.network, "home");
        fake.listen_port = 51820;
        int r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&fake.bus);
        if (r >= 0)
                r = sd_bus_attach_event(fake.bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = fake_services_add(fake.bus);
        if (r >= 0)
                r = fake_dispatch_add(fake.bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(fake.bus, NULL, "/org/devbox/Mesh1", "org.devbox.Mesh1", mesh,
                                             NULL);
        if (r >= 0)
                r = sd_bus_request_name(fake.bus, "org.devbox.Mesh1", 0); /* last: the test waits for it */
        return r < 0 ? EXIT_FAILURE : sd_event_loop(event);
}
