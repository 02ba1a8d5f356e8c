/* SPDX-License-Identifier: MIT */
/* Confirming the account's keys with its password, where the server asks for it: that of the login which
 * they are uploaded after, held in memory until then. Source: Matrix specification, client-server API,
 * "User-Interactive Authentication API".
 *
 *         keys ──► 401 {flows, session} ──► keys, password and session ──► 200, or refused
 */

#include "matrix/session-internal.h"

#include "e2ee/json.h"

/* Whether the password is all that one of the ways wants. */
static bool wants_password(const cJSON *flows)
{
        const cJSON *flow;

        cJSON_ArrayForEach(flow, flows) {
                const cJSON *stages = object_array(flow, "stages");
                const char *stage = cJSON_GetStringValue(cJSON_GetArrayItem(stages, 0));

                if (cJSON_GetArraySize(stages) == 1 && streq(strempty(stage), "m.login.password"))
                        return true;
        }
        return false;
}

/* Asked again, it was not the right one. */
bool confirm_is_asked(MatrixSession *session, const MatrixReply *reply)
{
        const char *name = object_string(reply->body, "session");

        if (reply->status != 401 || !session->password || session->confirmation || !name ||
            !wants_password(object_array(reply->body, "flows")))
                return false;

        session->confirmation = strdup(name);
        return session->confirmation;
}

int confirm_add(const MatrixSession *session, char **body)
{
        _cleanup_(json_freep) cJSON *tree = NULL;
        _cleanup_(secret_text_freep) char *password = NULL;
        char *text = NULL;
        cJSON *auth = NULL;

        if (!session->confirmation)
                return 0;
        int r = secret_copy_text(session->password, &password);
        if (r == 0)
                r = matrix_json_parse(bytes_of_string(*body), SIZE_MAX, &tree);
        if (r == 0)
                r = json_pack(&auth, "{type:s,identifier:{type:s,user:s},password:s,session:s}",
                              "m.login.password", "m.id.user", session->user_id, password,
                              session->confirmation);
        if (r == 0)
                r = object_put(tree, "auth", auth);
        if (r == 0)
                r = canonical_json(tree, false, &text);
        if (r < 0)
                return r;

        free(*body);
        *body = text;
        return 0;
}

void confirm_done(MatrixSession *session)
{
        session->password = secret_free(session->password);
        free(TAKE_PTR(session->confirmation));
}

int confirm_review(MatrixSession *session)
{
        E2eeFault fault = E2EE_FAULT_NONE;

        if (!session->password)
                return 0;
        int r = e2ee_is_ready(session->e2ee);
        if (r == 0)
                r = e2ee_fault(session->e2ee, &fault);
        if (r > 0 || fault != E2EE_FAULT_NONE)
                confirm_done(session);
        return MIN(r, 0);
}

void session_confirm_with_take(MatrixSession *session, Secret *password)
{
        confirm_done(session);
        session->password = password;
}
