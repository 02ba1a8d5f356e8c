/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/matrix/matrix-client.h"
#include "ctl/verb.h"

/* Whether the problem is solved by replacing the account's identity: the homeserver has another one than
 * this hub. */
bool matrix_reset_helps(const MatrixStatus *status);

/* Prints the account as a table or a document, and sets the exit status of the command. Errors: -ENOMEM, of
 * writing. */
int matrix_print_status(Ctl *ctl, const MatrixStatus *status);
