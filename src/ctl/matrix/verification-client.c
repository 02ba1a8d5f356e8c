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

const ClientQuery matrix_list_verifications = { { &matrix_daemon, "ListVerifications", "" },
                                                { &dictionary, sizeof(MatrixVerification), SIZE_MAX } };

int verification_client_start(sd_bus *bus, const char *user, char **ret_id, char **ret_problem)
{
        static const ClientMethod method = { &matrix_daemon, "StartVerification", "s" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *id;

        int r = client_call(bus, &method, &reply, ret_problem, user);
        if (r == 0)
                r = client_read(&matrix_daemon, sd_bus_message_read(reply, "s", &id), ret_problem);
        if (r != 0)
                return r;

        *ret_id = strdup(id);
        return *ret_id ? 0 : -ENOMEM;
}

int verification_client_decide(sd_bus *bus, const char *member, const char *id, char **ret_problem)
{
        return client_call(bus, &(ClientMethod){ &matrix_daemon, member, "s" }, NULL, ret_problem, id);
}
