/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/matrix/matrix-client.h"
#include "ctl/verb.h"

/* What a person must do about the account, as a sentence in `buffer`; NULL: nothing. */
#define MATRIX_PROBLEM_MAX 512
const char *matrix_problem(const MatrixStatus *status, char buffer[static MATRIX_PROBLEM_MAX]);

/* Whether that is to replace the account's identity, as the homeserver has another one than this hub. */
bool matrix_reset_helps(const MatrixStatus *status);

/* Prints the account as a table or a document, and sets the exit status of the command. Errors: -ENOMEM, of
 * writing. */
int matrix_print_status(Ctl *ctl, const MatrixStatus *status);
