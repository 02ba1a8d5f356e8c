/* SPDX-License-Identifier: MIT */
/* Invitations to rooms that we did not make. */

#include "matrix/invitations.h"

#include "e2ee/json.h"
#include "matrix/people.h"
#include "store/query.h"

/* Who has invited us; NULL: the server does not say. */
static const char *inviter(const cJSON *room, const char *user_id)
{
        const cJSON *event;

        cJSON_ArrayForEach(event, object_array(object_object(room, "invite_state"), "events"))
                if (object_has(event, "type", "m.room.member") && object_has(event, "state_key", user_id))
                        return object_string(event, "sender");
        return NULL;
}

int invitation_receive(Database *database, const char *user_id, const cJSON *room)
{
        const char *sender = inviter(room, user_id);

        int r = sender ? people_is_named(database, sender) : 0;
        return r < 0 ? r
                     : query_run(database,
                                 "INSERT INTO invitation(room_id, accepted) VALUES (?, ?)"
                                 " ON CONFLICT(room_id) DO UPDATE SET accepted = excluded.accepted",
                                 "ti", room->string, (int64_t) r);
}
