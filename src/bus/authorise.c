/* SPDX-License-Identifier: MIT */
/* Whether the caller of a method may call it.
 *
 * The user of a connection is looked up asynchronously, and once: a connection never changes its user, and
 * its unique name is never reused. */

#include "bus/authorise.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"
#include "bus/error.h"
#include "log/log.h"

#define CONNECTIONS_MAX      32 /* whose user is cached */
#define CALLS_MAX            64
#define CALLS_PER_CLIENT_MAX 32
#define USERS_MAX            8
#define UID_NONE             ((uid_t) -1)

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* A bit of CheckAuthorizationFlags. */
#define POLKIT_ALLOW_USER_INTERACTION 1u

/* A password may have to be typed. */
#define POLKIT_DEADLINE_USEC (5 * 60 * USEC_PER_SEC)

typedef struct Connection {
        char name[64]; /* empty: a free row */
        uid_t uid;
} Connection;

struct BusAuthority {
        sd_bus *bus;
        uid_t users[USERS_MAX]; /* UID_NONE: does not exist */
        Connection connections[CONNECTIONS_MAX];
        size_t next_connection; /* the row to be replaced */
        BusCalls calls;
        size_t n_lookups; /* pending ones */
        uint64_t last_id;
        BusAuthorityStats stats;
};

typedef struct Authorisation {
        BusCall call;
        BusAuthority *authority;
        BusContinuation continuation;
        void *userdata;
        bool anyone;
        unsigned users;
        sd_bus_message *check; /* the call of CheckAuthorization; NULL: polkit does not decide */
        uint64_t id;           /* names the check, to cancel it */
        bool looking_up, checking;
        sd_bus_slot *slot;
} Authorisation;

/* As text for polkit. */
static const char *cancellation_id(uint64_t id, char buffer[static 24])
{
        (void) snprintf(buffer, 24, "%" PRIu64, id);
        return buffer;
}

static Authorisation *authorisation_free(Authorisation *authorisation)
{
        BusAuthority *authority = authorisation->authority;

        if (authorisation->checking)
                (void) sd_bus_call_method_async(authority->bus, NULL, POLKIT_NAME, POLKIT_PATH,
                                                POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL,
                                                "s", cancellation_id(authorisation->id, (char[24]){ 0 }));
        authority->n_lookups -= authorisation->looking_up;
        sd_bus_slot_unref(authorisation->slot);
        sd_bus_message_unref(authorisation->check);
        bus_call_done(&authorisation->call);
        free(authorisation);
        return NULL;
}

DEFINE_CLEANUP(Authorisation, authorisation_free);

/* ---- outcomes: each frees the authorisation */

static void reject(Authorisation *authorisation, int reason)
{
        bus_reply_error(authorisation->call.message, reason, NULL);
        authorisation_free(authorisation);
}

static void deny(Authorisation *authorisation)
{
        sd_bus_message *message = authorisation->call.message;

        authorisation->authority->stats.denied_total++;
        (void) sd_bus_reply_method_errorf(message, devbox_error_bus_name(DEVBOX_ERROR_ACCESS_DENIED),
                                          "%s is for another user; see %s(5)",
                                          sd_bus_message_get_member(message),
                                          sd_bus_message_get_interface(message));
        authorisation_free(authorisation);
}

static void allow(Authorisation *authorisation)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                sd_bus_message_ref(authorisation->call.message);
        BusContinuation continuation = authorisation->continuation;
        void *userdata = authorisation->userdata;

        authorisation_free(authorisation);

        int r = sd_bus_message_rewind(message, true);
        if (r >= 0)
                r = continuation(message, userdata);
        if (r < 0 && r != -EBADMSG)
                (void) log_error_errno(r, "Cannot answer %s", sd_bus_message_get_member(message));
        if (r != 0)
                bus_reply_error(message, r == -EBADMSG ? DEVBOX_ERROR_BAD_REQUEST : r, NULL);
}

/* ---- polkit */

static int append_details(sd_bus_message *check, const char *const *details)
{
        int r = sd_bus_message_open_container(check, 'a', "{ss}");

        for (; r >= 0 && details && *details; details += 2)
                r = sd_bus_message_append(check, "{ss}", details[0], details[1]);

        return r < 0 ? r : sd_bus_message_close_container(check);
}

/* Made before the first wait, so that nothing is borrowed from `access` any longer. */
static int make_check(Authorisation *authorisation, const BusAccess *access)
{
        BusAuthority *authority = authorisation->authority;
        sd_bus_message *message = authorisation->call.message;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(message) > 0;

        authorisation->id = ++authority->last_id;
        int r = sd_bus_message_new_method_call(authority->bus, &authorisation->check, POLKIT_NAME,
                                               POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(authorisation->check, "(sa{sv})s", "system-bus-name", 1, "name",
                                          "s", sd_bus_message_get_sender(message), access->action);
        if (r >= 0)
                r = append_details(authorisation->check, access->details);
        if (r >= 0)
                r = sd_bus_message_append(authorisation->check, "us",
                                          interactive ? POLKIT_ALLOW_USER_INTERACTION : 0,
                                          cancellation_id(authorisation->id, (char[24]){ 0 }));
        return r;
}

static int on_checked(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Authorisation *authorisation = userdata;
        int authorised = false, challenge = false;

        if (sd_bus_message_is_method_error(reply,
                                           NULL)) /* `checking` stays: it may have been the deadline */
                (void) log_warning_errno(-sd_bus_message_get_errno(reply),
                                         "polkit did not decide about %s, denying it",
                                         sd_bus_message_get_member(authorisation->call.message));
        else {
                authorisation->checking = false;
                if (sd_bus_message_read(reply, "(bba{ss})", &authorised, &challenge, 0) < 0)
                        authorised = challenge = false;
        }

        if (authorised)
                allow(authorisation);
        else if (challenge) {
                (void) sd_bus_reply_method_errorf(authorisation->call.message,
                                                  SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                                  "Interactive authorization required");
                authorisation_free(authorisation);
        } else
                deny(authorisation);
        return 0;
}

static void ask_polkit(Authorisation *authorisation)
{
        BusAuthority *authority = authorisation->authority;

        int r = bus_call_watch_client(&authorisation->call);
        if (r >= 0)
                r = sd_bus_call_async(authority->bus, &authorisation->slot, authorisation->check, on_checked,
                                      authorisation, POLKIT_DEADLINE_USEC);
        if (r < 0) {
                reject(authorisation, r);
                return;
        }

        authorisation->checking = true;
}

/* ---- users */

static const Connection *find_connection(const BusAuthority *authority, const char *name)
{
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (streq(authority->connections[i].name, name))
                        return &authority->connections[i];

        return NULL;
}

static void cache_user(BusAuthority *authority, const char *name, uid_t uid)
{
        Connection *connection = &authority->connections[authority->next_connection];

        if (find_connection(authority, name) || strlen(name) >= sizeof connection->name)
                return;

        (void) snprintf(connection->name, sizeof connection->name, "%s", name);
        connection->uid = uid;
        authority->next_connection = (authority->next_connection + 1) % CONNECTIONS_MAX;
}

static bool user_has_access(const Authorisation *authorisation, uid_t uid)
{
        if (authorisation->anyone || uid == 0 || uid == geteuid())
                return true;

        for (size_t i = 0; i < USERS_MAX; i++)
                if (authorisation->users & 1u << i && authorisation->authority->users[i] == uid)
                        return uid != UID_NONE;

        return false;
}

static void decide(Authorisation *authorisation, uid_t uid)
{
        if (user_has_access(authorisation, uid))
                allow(authorisation);
        else if (authorisation->check)
                ask_polkit(authorisation);
        else
                deny(authorisation);
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Authorisation *authorisation = userdata;
        BusAuthority *authority = authorisation->authority;
        uint32_t uid;

        authority->n_lookups--;
        authorisation->looking_up = false;
        authorisation->slot = sd_bus_slot_unref(authorisation->slot);
        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "u", &uid) < 0) {
                authorisation_free(authorisation); /* the client has left the bus */
                return 0;
        }

        cache_user(authority, sd_bus_message_get_sender(authorisation->call.message), uid);
        decide(authorisation, uid);
        return 0;
}

static void look_up_user(Authorisation *authorisation)
{
        BusAuthority *authority = authorisation->authority;

        int r = sd_bus_call_method_async(authority->bus, &authorisation->slot, "org.freedesktop.DBus",
                                         "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "GetConnectionUnixUser", on_user, authorisation, "s",
                                         sd_bus_message_get_sender(authorisation->call.message));
        if (r < 0) {
                reject(authorisation, r);
                return;
        }

        authorisation->looking_up = true;
        authority->n_lookups++;
}

/* ---- the authority */

static int authorisation_new(BusAuthority *authority, sd_bus_message *message, const BusAccess *access,
                             Authorisation **ret_authorisation)
{
        Authorisation *authorisation = calloc(1, sizeof *authorisation);
        if (!authorisation)
                return -ENOMEM;

        int r = bus_call_init(&authorisation->call, &authority->calls, message);
        if (r != 0) {
                free(authorisation);
                return r;
        }

        authorisation->authority = authority;
        authorisation->anyone = access->anyone;
        authorisation->users = access->users;
        r = access->action ? make_check(authorisation, access) : 0;
        if (r < 0) {
                authorisation_free(authorisation);
                return r;
        }

        *ret_authorisation = authorisation;
        return 0;
}

int bus_authorise(BusAuthority *authority, sd_bus_message *message, const BusAccess *access,
                  BusContinuation continuation, void *userdata)
{
        Authorisation *authorisation;

        authority->stats.calls_total++;
        int r = authorisation_new(authority, message, access, &authorisation);
        if (r != 0) {
                bus_reply_error(message, r, NULL);
                return 1;
        }

        authorisation->continuation = continuation;
        authorisation->userdata = userdata;

        /* While users are looked up this call must not overtake an earlier one. */
        const Connection *connection = find_connection(authority, sd_bus_message_get_sender(message));
        if (connection && authority->n_lookups == 0)
                decide(authorisation, connection->uid);
        else
                look_up_user(authorisation);
        return 1;
}

static void free_call(BusCall *call)
{
        authorisation_free(CONTAINER_OF(call, Authorisation, call));
}

int bus_authority_new(sd_bus *bus, const char *const *users, BusAuthority **ret_authority)
{
        BusAuthority *authority = calloc(1, sizeof *authority);
        if (!authority)
                return -ENOMEM;

        *authority = (BusAuthority){
                .bus = sd_bus_ref(bus),
                .calls = { .max = CALLS_MAX, .max_per_client = CALLS_PER_CLIENT_MAX, .free = free_call }
        };
        for (size_t i = 0; i < USERS_MAX; i++)
                authority->users[i] = UID_NONE;
        for (size_t i = 0; users[i]; i++) {
                const struct passwd *user = getpwnam(users[i]);

                assert(i < USERS_MAX);
                if (user)
                        authority->users[i] = user->pw_uid;
        }
        endpwent();

        *ret_authority = authority;
        return 0;
}

BusAuthority *bus_authority_free(BusAuthority *authority)
{
        if (!authority)
                return NULL;

        bus_calls_done(&authority->calls);
        sd_bus_unref(authority->bus);
        free(authority);
        return NULL;
}

int bus_authority_caller(const BusAuthority *authority, sd_bus_message *message, uid_t *ret_uid)
{
        const Connection *connection =
                find_connection(authority, strempty(sd_bus_message_get_sender(message)));

        if (!connection)
                return -ENOENT;

        *ret_uid = connection->uid;
        return 0;
}

const BusAuthorityStats *bus_authority_stats(const BusAuthority *authority)
{
        return &authority->stats;
}
