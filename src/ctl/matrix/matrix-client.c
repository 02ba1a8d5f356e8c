/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Matrix1. */

#include "ctl/matrix/matrix-client.h"

#include "bus/dictionary.h"
#include "ctl/matrix/master-key.h"

const ClientDaemon matrix_daemon = {
        .title = "devbox-matrix",
        .name = "org.devbox.Matrix1",
        .path = "/org/devbox/Matrix1",
        .unavailable = DEVBOX_ERROR_MATRIX_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_BUSY,
        .interactive = true,
};

#define METHOD(member, types) (&(const ClientMethod){ &matrix_daemon, member, types })

/* ---- dictionaries */

static const BusField status_fields[] = {
        BUS_FIELD("state", BUS_TEXT, MatrixStatus, state, BUS_REQUIRED),
        BUS_FIELD("user", BUS_TEXT, MatrixStatus, user),
        BUS_FIELD("server", BUS_TEXT, MatrixStatus, server),
        BUS_FIELD("device", BUS_TEXT, MatrixStatus, device),
        BUS_FIELD("identity", BUS_TEXT, MatrixStatus, identity),
        BUS_FIELD("fault", BUS_TEXT, MatrixStatus, fault),
        BUS_FIELD("outsider", BUS_TEXT, MatrixStatus, outsider),
        BUS_FIELD("ready", BUS_BOOL, MatrixStatus, ready),
        BUS_FIELD("rooms", BUS_UINT64, MatrixStatus, rooms),
        BUS_FIELD("rooms_wanted", BUS_UINT64, MatrixStatus, rooms_wanted),
        BUS_FIELD("unsent", BUS_UINT64, MatrixStatus, unsent),
        BUS_FIELD("undecryptable", BUS_UINT64, MatrixStatus, undecryptable),
        BUS_FIELD("skipped", BUS_UINT64, MatrixStatus, skipped),
        BUS_FIELD("last_sync_ms", BUS_UINT64, MatrixStatus, last_sync_ms),
};
static const BusDictionary status_dictionary = BUS_DICTIONARY(status_fields);

static const BusField room_fields[] = {
        BUS_FIELD("kind", BUS_TEXT, MatrixRoom, kind, BUS_REQUIRED),
        BUS_FIELD("device", BUS_TEXT, MatrixRoom, device),
        BUS_FIELD("room_id", BUS_TEXT, MatrixRoom, room_id),
        BUS_FIELD("alias", BUS_TEXT, MatrixRoom, alias),
        BUS_FIELD("state", BUS_TEXT, MatrixRoom, state, BUS_REQUIRED),
        BUS_FIELD("error", BUS_TEXT, MatrixRoom, error),
};
static const BusDictionary room_dictionary = BUS_DICTIONARY(room_fields);

typedef struct IdentityView {
        const char *master_key;
        bool changed;
} IdentityView;

static const BusField identity_fields[] = {
        BUS_FIELD("master_key", BUS_TEXT, IdentityView, master_key, BUS_REQUIRED),
        BUS_FIELD("changed", BUS_BOOL, IdentityView, changed),
};
static const BusDictionary identity_dictionary = BUS_DICTIONARY(identity_fields);

/* ---- calls */

/* The text is written into the message itself, which sd-bus wipes. */
static int append_secret(sd_bus_message *call, const Secret *secret)
{
        Bytes bytes = secret_bytes(secret);
        char *space;

        int r = sd_bus_message_sensitive(call);
        if (r >= 0)
                r = sd_bus_message_append_string_space(call, bytes.size, &space);
        if (r >= 0)
                memcpy(space, bytes.data, bytes.size);
        return r;
}

int matrix_client_login(sd_bus *bus, const MatrixLogin *login, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("Login", "sss"), &call, login->server, login->user, login->kind);
        if (r >= 0)
                r = append_secret(call, login->secret);
        return client_send(&matrix_daemon, r, call, NULL, ret_problem);
}

int matrix_client_reset_identity(sd_bus *bus, const Secret *password, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, METHOD("ResetIdentity", ""), &call);
        if (r >= 0)
                r = append_secret(call, password);
        return client_send(&matrix_daemon, r, call, NULL, ret_problem);
}

int matrix_client_logout(sd_bus *bus, char **ret_problem)
{
        return client_call(bus, METHOD("Logout", ""), NULL, ret_problem);
}

const ClientQuery matrix_get_status = { { &matrix_daemon, "GetStatus", "" },
                                        { &status_dictionary, sizeof(MatrixStatus), 1 } };

const ClientQuery matrix_list_rooms = { { &matrix_daemon, "ListRooms", "" },
                                        { &room_dictionary, sizeof(MatrixRoom), SIZE_MAX } };

int matrix_client_get_identity(sd_bus *bus, const char *user, MatrixIdentity *ret_identity,
                               char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        MatrixIdentity identity = { 0 };
        IdentityView view = { 0 };

        int r = client_call(bus, METHOD("GetIdentity", "s"), &reply, ret_problem, user);
        if (r != 0)
                return r;

        r = bus_dictionary_read(reply, &identity_dictionary, &view);
        if (r >= 0)
                r = master_key_parse(view.master_key, &identity.master_key);
        identity.changed = view.changed;
        r = client_read(&matrix_daemon, r, ret_problem);
        if (r == 0)
                *ret_identity = identity;
        return r;
}
