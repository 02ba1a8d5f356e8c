/* SPDX-License-Identifier: MIT */
/* GetStatus and ListRooms of org.devbox.Matrix1. */

#include "bus/dictionary.h"
#include "e2ee/identity.h"
#include "matrix/figures.h"
#include "matrix/method.h"
#include "matrix/people.h"
#include "matrix/room-queue.h"

typedef struct Status {
        Figures figures;
        MatrixLogin login;
        char *identity, *outsider;
} Status;

static void status_done(Status *status)
{
        matrix_login_done(&status->login);
        free(status->identity);
        free(status->outsider);
}

static int read_status(const MatrixDaemon *self, Status *status)
{
        int r = matrix_figures_read(self, &status->figures);
        if (r < 0 || !self->session)
                return r;
        r = matrix_login_read(self->database, self->key, &status->login);
        if (r >= 0)
                r = people_find_outsider(self->database, status->login.user_id, &status->outsider);
        return r < 0 ? r
                     : e2ee_identity(session_e2ee(self->session), status->login.user_id, &status->identity);
}

static int handle_get_status(sd_bus_message *message, void *userdata)
{
        static const BusField fields[] = {
                BUS_FIELD("state", BUS_TEXT, Status, figures.state),
                BUS_FIELD("user", BUS_STRING, Status, login.user_id, BUS_OPTIONAL),
                BUS_FIELD("server", BUS_STRING, Status, login.server, BUS_OPTIONAL),
                BUS_FIELD("device", BUS_STRING, Status, login.device_id, BUS_OPTIONAL),
                BUS_FIELD("identity", BUS_STRING, Status, identity, BUS_OPTIONAL),
                BUS_FIELD("fault", BUS_TEXT, Status, figures.fault, BUS_OPTIONAL),
                BUS_FIELD("outsider", BUS_STRING, Status, outsider, BUS_OPTIONAL),
                BUS_FIELD("ready", BUS_BOOL, Status, figures.ready),
                BUS_FIELD("rooms", BUS_UINT64, Status, figures.rooms),
                BUS_FIELD("rooms_wanted", BUS_UINT64, Status, figures.rooms_wanted),
                BUS_FIELD("unsent", BUS_UINT64, Status, figures.unsent),
                BUS_FIELD("undecryptable", BUS_UINT64, Status, figures.undecryptable),
                BUS_FIELD("skipped", BUS_UINT64, Status, figures.skipped),
                BUS_FIELD("last_sync_ms", BUS_UINT64, Status, figures.last_sync_ms, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        _cleanup_(status_done) Status status = { .identity = NULL };

        int r = read_status(userdata, &status);
        return r < 0 ? r : MIN(bus_reply_dictionary(message, &dictionary, &status), 0);
}

static int append_room(const RoomRow *row, void *userdata)
{
        static const BusField fields[] = {
                BUS_FIELD("kind", BUS_TEXT, RoomRow, kind),
                BUS_FIELD("device", BUS_TEXT, RoomRow, device, BUS_OPTIONAL),
                BUS_FIELD("room_id", BUS_TEXT, RoomRow, room_id, BUS_OPTIONAL),
                BUS_FIELD("alias", BUS_TEXT, RoomRow, alias),
                BUS_FIELD("state", BUS_TEXT, RoomRow, state),
                BUS_FIELD("error", BUS_TEXT, RoomRow, error, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return MIN(bus_dictionary_append(userdata, &dictionary, row), 0);
}

static int handle_list_rooms(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = bus_reply_rows_begin(message, &reply);
        if (r >= 0)
                r = room_queue_each(((MatrixDaemon *) userdata)->database, append_room, reply);
        return bus_reply_rows_send(r, reply);
}

MATRIX_METHOD(get_status, ACCESS_READERS);
MATRIX_METHOD(list_rooms, ACCESS_READERS);

const sd_bus_vtable matrix_status_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status), on_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListRooms", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", rooms), on_list_rooms,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
