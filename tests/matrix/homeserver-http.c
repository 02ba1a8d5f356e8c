/* SPDX-License-Identifier: MIT */
#include "homeserver-http.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "test.h"

Answer homeserver_http_answer(const cJSON *tree)
{
        char *text = cJSON_PrintUnformatted(tree);

        assert_non_null(text);
        return (Answer){ ANSWER, object_get(tree, "error") ? 400 : 200, NULL, text };
}

cJSON *homeserver_http_receive(Peer *bot, const char *target, const char *body)
{
        static const struct {
                const char *path;
                E2eeRequestKind kind;
        } rows[] = {
                { "/keys/upload", E2EE_KEYS_UPLOAD },
                { "/keys/query", E2EE_KEYS_QUERY },
                { "/keys/claim", E2EE_KEYS_CLAIM },
                { "/keys/device_signing/upload", E2EE_SIGNING_KEYS_UPLOAD },
                { "/keys/signatures/upload", E2EE_SIGNATURES_UPLOAD },
                { "/sendToDevice/", E2EE_TO_DEVICE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char type[64] = "";

                if (!startswith(target, rows[i].path))
                        continue;
                (void) sscanf(target, "/sendToDevice/%63[^/]", type);
                return homeserver_answer(bot, &(E2eeRequest){ .kind = rows[i].kind,
                                                              .target = type,
                                                              .txn_id = strrchr(target, '/') + 1,
                                                              .body = (char *) body });
        }
        return NULL;
}

cJSON *homeserver_http_pins(Homeserver *server, const char *room_id, const cJSON *body)
{
        const cJSON *state = tree_member(tree_member(server->rooms, room_id), "state");
        const cJSON *content = object_object(object_object(state, "m.room.pinned_events "), "content");

        if (body)
                room_state(server, room_id, "m.room.pinned_events", "", cJSON_Duplicate(body, true));
        return body      ? tree_parse("{\"event_id\":\"$pins\"}")
               : content ? cJSON_Duplicate(content, true)
                         : tree_parse("{\"error\":\"\",\"errcode\":\"M_NOT_FOUND\"}");
}

bool homeserver_http_has_news(const Peer *bot)
{
        const cJSON *queue = bot->queue;

        return object_get(queue, "rooms") || object_get(queue, "changed") ||
               cJSON_GetArraySize(object_array(queue, "to_device")) > 0;
}

cJSON *homeserver_http_sync(Peer *bot, const char *target)
{
        const char *since = strstr(target, "since=");
        char token[24];

        (void) snprintf(token, sizeof token, "%ld", (long) bot->token);
        since = since ? since + strlen("since=") : NULL;
        if (since && streq(since, token) && !homeserver_http_has_news(bot))
                return NULL;
        return (cJSON *) homeserver_sync(bot, since);
}
