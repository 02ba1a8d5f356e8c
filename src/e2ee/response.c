/* SPDX-License-Identifier: MIT */
/* Answers to requests: which file reads the answer to which. */

#include "e2ee/account.h"
#include "e2ee/claim.h"
#include "e2ee/cross-signing.h"
#include "e2ee/e2ee-internal.h"
#include "e2ee/key-query.h"
#include "e2ee/verification.h"

/* What reads an answer: gets the context of its request, and the response: NULL if there was none. */
typedef int AnswerReader(E2ee *e2ee, const cJSON *context, const cJSON *response);

static const struct {
        AnswerReader *on_done, *on_refused;
} readers[] = {
        [E2EE_KEYS_UPLOAD] = { account_on_uploaded, account_on_refused },
        [E2EE_KEYS_QUERY] = { key_query_on_done, key_query_on_refused },
        [E2EE_KEYS_CLAIM] = { claim_on_claimed, claim_on_refused },
        [E2EE_SIGNING_KEYS_UPLOAD] = { cross_signing_on_uploaded, cross_signing_on_refused },
        [E2EE_SIGNATURES_UPLOAD] = { cross_signing_on_signed, cross_signing_on_unsigned },
        [E2EE_TO_DEVICE] = { NULL, NULL },
        [E2EE_ROOM_EVENT] = { verification_on_sent, NULL },
};

/* Takes the request out of the queue and gives its answer to the reader. */
static int answered(E2ee *e2ee, int64_t id, const cJSON *response, bool done)
{
        _cleanup_(json_freep) cJSON *context = NULL;
        _cleanup_(freep) char *text = NULL;
        int64_t kind = -1;

        int r = query_integer(e2ee->database, &kind, "SELECT kind FROM e2ee_request WHERE id = ?", "i", id);
        if (r <= 0)
                return r;
        r = query_text(e2ee->database, &text, "SELECT context FROM e2ee_request WHERE id = ?", "i", id);
        if (r > 0)
                r = pickle_error(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &context));
        if (r < 0)
                return r;
        r = query_run(e2ee->database, "DELETE FROM e2ee_request WHERE id = ?", "i", id);
        if (r < 0)
                return r;

        if (kind < 0 || (size_t) kind >= ELEMENTSOF(readers))
                return -EIO;
        AnswerReader *reader = done ? readers[kind].on_done : readers[kind].on_refused;
        r = reader ? reader(e2ee, context, response) : 0;
        return r < 0 ? r : e2ee_plan(e2ee);
}

int e2ee_request_done(E2ee *e2ee, int64_t id, const cJSON *response)
{
        return answered(e2ee, id, response, true);
}

int e2ee_request_refused(E2ee *e2ee, int64_t id, const cJSON *response)
{
        return answered(e2ee, id, response, false);
}
