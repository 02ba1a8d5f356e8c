/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Matrix1 about verifications. */

#include "ctl/matrix/verification-client.h"

static const BusField fields[] = {
        BUS_FIELD("id", BUS_TEXT, MatrixVerification, id, BUS_REQUIRED),
        BUS_FIELD("user", BUS_TEXT, MatrixVerification, user, BUS_REQUIRED),
        BUS_FIELD("device", BUS_TEXT, MatrixVerification, device),
        BUS_FIELD("state", BUS_TEXT, MatrixVerification, state, BUS_REQUIRED),
        BUS_FIELD_TEXTS("emojis", MatrixVerification, emojis, n_emojis),
        BUS_FIELD("decimals", BUS_TEXT, MatrixVerification, decimals),
        BUS_FIELD("reason", BUS_TEXT, MatrixVerification, reason),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);

int verification_client_list(sd_bus *bus, ClientRows *ret_rows, char **ret_problem)
{
        static const ClientList list = { &matrix_daemon,
                                         "ListVerifications",
                                         { &dictionary, sizeof(MatrixVerification), SIZE_MAX } };

        return client_list(bus, &list, ret_rows, ret_problem);
}

static int call_with_text(sd_bus *bus, const char *method, const char *text, sd_bus_message **ret_reply,
                          char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = client_new_call(bus, &matrix_daemon, method, &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "s", text);
        return client_send(&matrix_daemon, r, call, ret_reply, ret_problem);
}

int verification_client_start(sd_bus *bus, const char *user, char **ret_id, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *id;

        int r = call_with_text(bus, "StartVerification", user, &reply, ret_problem);
        if (r == 0)
                r = client_read(&matrix_daemon, sd_bus_message_read(reply, "s", &id), ret_problem);
        if (r != 0)
                return r;

        *ret_id = strdup(id);
        return *ret_id ? 0 : -ENOMEM;
}

int verification_client_decide(sd_bus *bus, const char *method, const char *id, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        return call_with_text(bus, method, id, &reply, ret_problem);
}
