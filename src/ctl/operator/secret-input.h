/* SPDX-License-Identifier: MIT */
#pragma once

/* Secrets as input: from the terminal without echo, or from a descriptor. They are never arguments, which
 * every user of the machine can read. */

#include "crypto/secret.h"

#define SECRET_INPUT_MAX 8192

/* Reads to the end. Errors: -EFBIG more than SECRET_INPUT_MAX bytes; -ENOMEM; those of read(2). */
int secret_read_fd(int fd, Secret **ret_secret);

/* Reads a line, without its end. Errors: as secret_read_fd(); -ENODATA end of file. */
int secret_read_line(int fd, Secret **ret_secret);

/* Asks on the controlling terminal, with readpassphrase(3) of libbsd, which restores it on signals. Errors:
 * -ENOTTY or of open(2), there is no terminal; -ENODATA an empty line or end of file; -EFBIG. */
int secret_ask(const char *prompt, Secret **ret_secret);
