/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Matrix1 about verifications, as ctl/matrix/matrix-client.h has those about the
 * account. */

#include "ctl/matrix/matrix-client.h"

typedef struct MatrixVerification {
        const char *id, *user, *device, *state, *decimals, *reason;
        const char *emojis[BUS_TEXTS_MAX];
        size_t n_emojis;
} MatrixVerification;

/* Rows of MatrixVerification. */
extern const ClientQuery matrix_list_verifications;

/* The caller frees the id. */
int verification_client_start(sd_bus *bus, const char *user, char **ret_id, char **ret_problem);

/* ConfirmVerification, CancelVerification. */
int verification_client_decide(sd_bus *bus, const char *member, const char *id, char **ret_problem);
