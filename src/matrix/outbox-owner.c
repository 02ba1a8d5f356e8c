/* SPDX-License-Identifier: MIT */
/* What the server has decided about an event, to whom it concerns. */

#include "basic/parse.h"
#include "e2ee/json.h"
#include "matrix/alert.h"
#include "matrix/approval.h"
#include "matrix/command-display.h"
#include "matrix/outbox.h"
#include "matrix/room-help.h"
#include "matrix/session-internal.h"

/* A verification message. */
static int request_decided(MatrixSession *session, const char *id, const char *event_id)
{
        _cleanup_(json_freep) cJSON *response = NULL;
        uint64_t number = 0;

        int r = parse_u64(id, 1, INT64_MAX, &number);
        if (r == 0 && !event_id)
                return e2ee_request_refused(session->e2ee, (int64_t) number, NULL);
        if (r == 0)
                r = json_pack(&response, "{event_id:s}", event_id);
        return r < 0 ? r : e2ee_request_done(session->e2ee, (int64_t) number, response);
}

int event_decided(MatrixSession *session, int64_t seq, const char *event_id, const char *code)
{
        static int (*const on_decided[_OUTBOX_OWNER_MAX])(Database *, const char *, const char *) = {
                [OUTBOX_APPROVAL] = approval_sent,
                [OUTBOX_ALERT] = alert_sent,
                [OUTBOX_STATUS] = command_display_status_sent,
                [OUTBOX_ANSWER] = command_display_answer_sent,
                [OUTBOX_HELP] = room_help_sent,
                [OUTBOX_THUMB] = approval_thumb_sent,
        };
        _cleanup_(freep) char *owner_id = NULL;
        OutboxOwnerKind kind = OUTBOX_NO_OWNER;

        int r = outbox_owner(session->database, seq, &kind, &owner_id);
        if (r >= 0)
                r = outbox_answered(session->database, seq, code);
        if (r == 0 && kind == OUTBOX_REQUEST)
                return request_decided(session, owner_id, event_id);
        return r < 0 || !owner_id ? r : on_decided[kind](session->database, owner_id, event_id);
}
