/* SPDX-License-Identifier: MIT */
#pragma once

/* Files that a command line reads and writes. Functions return 0, or a DevboxError with its detail, which
 * the caller frees. Errors: -ENOMEM. */

#include "basic/file.h"
#include "trust/envelope.h"

/* A whole file as a string without NUL bytes, which the caller frees. */
int input_read_text(const char *path, size_t max, char **ret_text, char **ret_problem);

/* An envelope in a file; nothing in it is verified. */
int input_read_envelope(const char *path, Envelope **ret_envelope, char **ret_problem);

/* Writes a file. DEVBOX_ERROR_BUSY: it exists, and `how` is FILE_NEW. */
int output_write(const char *path, FileWrite how, mode_t mode, const char *text, char **ret_problem);
