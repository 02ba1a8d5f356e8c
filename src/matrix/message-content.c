/* SPDX-License-Identifier: MIT */
/* What the content of an event is to us. */

#include "matrix/message-content.h"

#include "e2ee/json.h"

/* The content's line for us: people's text, not what bots say, which is m.notice. Before a reply, older apps
 * quote what it answers, in lines that begin with '>', and mark that in the HTML; the relation is in clear,
 * so that the homeserver could add one. */
const char *message_command(const char *type, const cJSON *content)
{
        const char *body = strempty(object_string(content, "body"));
        bool quotes = startswith(strempty(object_string(content, "formatted_body")), "<mx-reply>");

        if (!streq(strempty(type), "m.room.message") || !object_has(content, "msgtype", "m.text"))
                return NULL;
        while (quotes && *body == '>') {
                body += strcspn(body, "\n");
                body += strspn(body, "\n");
        }
        return *body == '!' ? body : NULL;
}

/* Relations are in clear beside the ciphertext. */
bool message_is_edit(const cJSON *event, const cJSON *content)
{
        const cJSON *outer = object_object(object_object(event, "content"), "m.relates_to");

        return object_has(outer, "rel_type", "m.replace") || object_get(content, "m.new_content") ||
               object_has(object_object(content, "m.relates_to"), "rel_type", "m.replace");
}

bool message_is_verification(const char *type, const cJSON *content)
{
        return startswith(type, "m.key.verification.") ||
               (streq(type, "m.room.message") &&
                object_has(content, "msgtype", "m.key.verification.request"));
}
