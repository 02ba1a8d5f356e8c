/* SPDX-License-Identifier: MIT */
/* Verifications of org.devbox.Matrix1: StartVerification, ListVerifications, ConfirmVerification and
 * CancelVerification, and the signal about what people do meanwhile. */

#include <stdio.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/method.h"
#include "matrix/verification.h"
#include "proto/error.h"
#include "proto/id.h"

static int start(MatrixDaemon *self, const char *user_id, char **ret_id)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = verification_start(self->database, session_e2ee(self->session), user_id, ret_id);
        return r < 0 ? r : transaction_commit(&transaction);
}

static int handle_start_verification(sd_bus_message *message, void *userdata)
{
        MatrixDaemon *self = userdata;
        _cleanup_(freep) char *id = NULL;
        const char *user_id;

        if (sd_bus_message_read(message, "s", &user_id) < 0 || !mxid_valid(user_id))
                return -EBADMSG;
        if (!self->session)
                return DEVBOX_ERROR_MATRIX_LOGGED_OUT;

        int r = start(self, user_id, &id);
        if (r < 0)
                return r == -ENOENT ? DEVBOX_ERROR_PERSON_UNPINNED : r == -EAGAIN ? DEVBOX_ERROR_BUSY : r;
        session_send(self->session);
        return MIN(sd_bus_reply_method_return(message, "s", id), 0);
}

/* ---- decisions */

static int decide(MatrixDaemon *self, sd_bus_message *message, int (*decision)(E2ee *e2ee, const char *id))
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        const char *id;

        if (sd_bus_message_read(message, "s", &id) < 0)
                return -EBADMSG;
        if (!self->session)
                return DEVBOX_ERROR_MATRIX_LOGGED_OUT;

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = decision(session_e2ee(self->session), id);
        if (r == -ENOENT || r == -EINVAL)
                return DEVBOX_ERROR_VERIFICATION_STATE;
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                return r;
        matrix_announce_verifications(self);
        session_send(self->session);
        return MIN(sd_bus_reply_method_return(message, NULL), 0);
}

static int handle_confirm_verification(sd_bus_message *message, void *userdata)
{
        return decide(userdata, message, verification_confirm);
}

static int handle_cancel_verification(sd_bus_message *message, void *userdata)
{
        return decide(userdata, message, verification_cancel);
}

/* ---- what there is */

static int append_verification(const VerificationRow *row, void *userdata)
{
        static const BusField fields[] = {
                BUS_FIELD("id", BUS_TEXT, VerificationRow, id),
                BUS_FIELD("user", BUS_TEXT, VerificationRow, user),
                BUS_FIELD("device", BUS_TEXT, VerificationRow, device, BUS_OPTIONAL),
                BUS_FIELD("state", BUS_TEXT, VerificationRow, state),
                BUS_FIELD_TEXTS("emojis", VerificationRow, emojis, n_emojis),
                BUS_FIELD("decimals", BUS_TEXT, VerificationRow, decimals, BUS_OPTIONAL),
                BUS_FIELD("reason", BUS_TEXT, VerificationRow, reason, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return MIN(bus_dictionary_append(userdata, &dictionary, row), 0);
}

static int handle_list_verifications(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        MatrixDaemon *self = userdata;

        int r = bus_reply_rows_begin(message, &reply);
        if (r >= 0 && self->session)
                r = verification_each(session_e2ee(self->session), append_verification, reply);
        return bus_reply_rows_send(r, reply);
}

/* What there is now, in the place of what there was. */
typedef struct Announcement {
        MatrixDaemon *self;
        AnnouncedVerifications now;
} Announcement;

static bool was_announced(const AnnouncedVerifications *before, const VerificationRow *row)
{
        for (size_t i = 0; i < before->n; i++)
                if (streq(before->ids[i], row->id))
                        return streq(before->states[i], row->state);
        return false;
}

static int announce(const VerificationRow *row, void *userdata)
{
        Announcement *announcement = userdata;
        MatrixDaemon *self = announcement->self;
        AnnouncedVerifications *now = &announcement->now;

        if (now->n < ELEMENTSOF(now->ids)) {
                (void) snprintf(now->ids[now->n], sizeof now->ids[now->n], "%s", row->id);
                now->states[now->n++] = row->state;
        }
        if (was_announced(&self->announced, row))
                return 0;
        return MIN(sd_bus_emit_signal(self->bus, self->component.object_path, MATRIX_INTERFACE,
                                      "VerificationChanged", "ss", row->id, row->state),
                   0);
}

void matrix_announce_verifications(MatrixDaemon *self)
{
        Announcement announcement = { .self = self };

        int r = self->session ? verification_each(session_e2ee(self->session), announce, &announcement) : 0;
        if (r < 0)
                (void) log_warning_errno(r, "Cannot announce a verification, ignoring");
        self->announced = announcement.now;
}

MATRIX_METHOD(start_verification, ACCESS_MANAGE);
MATRIX_METHOD(list_verifications, ACCESS_READERS);
MATRIX_METHOD(confirm_verification, ACCESS_MANAGE);
MATRIX_METHOD(cancel_verification, ACCESS_MANAGE);

const sd_bus_vtable matrix_verification_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("StartVerification", SD_BUS_ARGS("s", user), SD_BUS_RESULT("s", id),
                                on_start_verification, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListVerifications", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", verifications),
                                on_list_verifications, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ConfirmVerification", SD_BUS_ARGS("s", id), SD_BUS_NO_RESULT,
                                on_confirm_verification, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CancelVerification", SD_BUS_ARGS("s", id), SD_BUS_NO_RESULT,
                                on_cancel_verification, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("VerificationChanged", SD_BUS_ARGS("s", id, "s", state), 0),
        SD_BUS_VTABLE_END,
};
