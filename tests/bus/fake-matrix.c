/* SPDX-License-Identifier: MIT */
/* An org.devbox.Matrix1 as devboxctl sees it. The password is "right"; each GetStatus and ListVerifications
 * after a change is one step further. $FAKE_USER is logged in from the start; $FAKE_STATE, $FAKE_FAULT
 * and $FAKE_OUTSIDER are how it is. What changed is a line each on standard output. */

#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

#define ERROR  "org.devbox.Error."
#define MATRIX "org.devbox.Matrix1"

static struct {
        char user[64]; /* empty: logged out */
        const char *state, *fault;
        char verified[64]; /* the other user */
        size_t verification_state;
} fake;

static const char *const steps[] = { "requested", "ready", "keys", "compared", "done", "cancelled" };
enum { REQUESTED, READY, KEYS, COMPARED, DONE, CANCELLED };

static void record(const char *what, const char *about)
{
        (void) printf("%s%s\n", what, about);
        (void) fflush(stdout);
}

static int on_login(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *server, *user, *kind, *secret;
        char line[256];

        int r = sd_bus_message_read(call, "ssss", &server, &user, &kind, &secret);
        if (r < 0)
                return r;
        if (streq(server, "https://away"))
                return sd_bus_error_set(error, ERROR "MatrixUnreachable", "no Matrix homeserver answers");
        if (!streq(secret, "right"))
                return sd_bus_error_set(error, ERROR "MatrixRefused",
                                        "the Matrix homeserver refuses it: Invalid password");

        (void) snprintf(fake.user, sizeof fake.user, "%s", user);
        (void) snprintf(line, sizeof line, "'%s' %s %s", server, user, kind);
        fake.state = "connecting";
        record("Login ", line);
        return sd_bus_reply_method_return(call, "");
}

static int on_reset_identity(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *password;

        int r = sd_bus_message_read(call, "s", &password);
        if (r < 0)
                return r;
        record("ResetIdentity ", fake.user);
        fake.fault = streq(password, "right") ? NULL : "identity_refused";
        return sd_bus_reply_method_return(call, "");
}

static int on_logout(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        record("Logout ", fake.user);
        fake.user[0] = '\0';
        return sd_bus_reply_method_return(call, "");
}

static int on_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *state = fake.state;

        if (fake.user[0] == '\0')
                return sd_bus_reply_method_return(call, "a{sv}", 1, "state", "s", "logged_out");

        if (streq(state, "connecting"))
                fake.state = "synced";
        return sd_bus_reply_method_return(
                call, "a{sv}", 13, "outsider", "s", strempty(getenv("FAKE_OUTSIDER")), "ready", "b",
                (int) streq(strempty(fake.fault), ""), "state", "s", state, "user", "s", fake.user, "server",
                "s", "https://matrix.example.org", "device", "s", "HUBDEVICE", "identity", "s",
                "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "rooms", "t", UINT64_C(2), "rooms_wanted",
                "t", UINT64_C(3), "unsent", "t", UINT64_C(0), "undecryptable", "t", UINT64_C(0), "skipped",
                "t", UINT64_C(7), "fault", "s", strempty(fake.fault));
}

static int on_list_rooms(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        if (fake.user[0] == '\0')
                return sd_bus_reply_method_return(call, "aa{sv}", 0);

        return sd_bus_reply_method_return(call, "aa{sv}", 2, 4, "kind", "s", "approvals", "room_id", "s",
                                          "!one:example.org", "alias", "s", "operator-approvals", "state",
                                          "s", "made", 5, "kind", "s", "device", "device", "s", "home-wsl",
                                          "alias", "s", "dev-home-wsl", "state", "s", "failed", "error", "s",
                                          "M_ROOM_IN_USE");
}

/* Those of ana and mia; another manifest pins mia's. */
static int on_get_identity(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *user;

        int r = sd_bus_message_read(call, "s", &user);
        if (r < 0)
                return r;
        if (fake.user[0] == '\0')
                return sd_bus_error_set(error, ERROR "MatrixLoggedOut",
                                        "no Matrix account is logged in; run: devboxctl matrix login");
        if (!streq(user, "@ana:example.org") && !streq(user, "@mia:example.org"))
                return sd_bus_error_set(error, ERROR "PersonUnknown",
                                        "the Matrix homeserver has no cross-signing identity of this user");

        return sd_bus_reply_method_return(call, "a{sv}", 2, "master_key", "s",
                                          "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw", "changed", "b",
                                          (int) streq(user, "@mia:example.org"));
}

/* ---- verification */

static int on_start(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *user;

        int r = sd_bus_message_read(call, "s", &user);
        if (r < 0)
                return r;

        (void) snprintf(fake.verified, sizeof fake.verified, "%s", user);
        fake.verification_state = REQUESTED;
        record("StartVerification ", user);
        return sd_bus_reply_method_return(call, "s", "$one");
}

/* Eve does not answer. */
static int on_list_verifications(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        size_t *state = &fake.verification_state;

        if (fake.verified[0] == '\0')
                return sd_bus_reply_method_return(call, "aa{sv}", 0);
        if (*state == REQUESTED && streq(fake.verified, "@eve:example.org"))
                *state = CANCELLED;

        int r = sd_bus_reply_method_return(
                call, "aa{sv}", 1, 6, "id", "s", "$one", "user", "s", fake.verified, "state", "s",
                steps[*state], "emojis", "as", 3, "🐶 Dog", "❤️ Heart", "🐱 Cat", "decimals", "s",
                "1234 5678 9012", "reason", "s", *state == CANCELLED ? "m.timeout" : "");
        if (*state == REQUESTED || *state == READY || *state == COMPARED)
                (*state)++;
        return r;
}

static int on_decide(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        bool confirm = streq(sd_bus_message_get_member(call), "ConfirmVerification");
        const char *id;

        int r = sd_bus_message_read(call, "s", &id);
        if (r < 0)
                return r;

        record(confirm ? "Confirm " : "Cancel ", id);
        fake.verification_state = confirm ? COMPARED : CANCELLED;
        return sd_bus_reply_method_return(call, "");
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Login", "ssss", "", on_login),
        METHOD("Logout", "", "", on_logout),
        METHOD("GetStatus", "", "a{sv}", on_get_status),
        METHOD("ListRooms", "", "aa{sv}", on_list_rooms),
        METHOD("GetIdentity", "s", "a{sv}", on_get_identity),
        METHOD("ResetIdentity", "s", "", on_reset_identity),
        METHOD("StartVerification", "s", "s", on_start),
        METHOD("ListVerifications", "", "aa{sv}", on_list_verifications),
        METHOD("ConfirmVerification", "s", "", on_decide),
        METHOD("CancelVerification", "s", "", on_decide),
        SD_BUS_VTABLE_END,
};

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        (void) snprintf(fake.user, sizeof fake.user, "%s", strempty(getenv("FAKE_USER")));
        fake.state = getenv("FAKE_STATE") ?: "synced";
        fake.fault = getenv("FAKE_FAULT");
        if (streq(fake.state, "expired")) {
                fake.state = "ended";
                fake.fault = "token_expired";
        }
        int r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/devbox/Matrix1", MATRIX, vtable, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, MATRIX, 0);
        return r < 0 ? EXIT_FAILURE : sd_event_loop(event);
}
