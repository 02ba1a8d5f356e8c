/* SPDX-License-Identifier: MIT */
#pragma once

/* Secrets on their way in: from the terminal without echo, or from a descriptor. They never come from the
 * command line, which every user of the machine can read. */

#include "crypto/secret.h"

#define SECRET_INPUT_MAX 8192

/* Reads to the end. Errors: -EFBIG more than SECRET_INPUT_MAX bytes; -ENOMEM; those of read(2). */
int secret_read_fd(int fd, Secret **ret_secret);

/* The first line of what a descriptor gives, without its end. Errors: as secret_read_fd(). */
int secret_read_line(int fd, Secret **ret_secret);

/* Asks on /dev/tty; echo is back on when this returns, also when it was interrupted. Errors: -ENXIO and the
 * like, there is no terminal; -EINTR a signal, which is raised again; -ENODATA end of file. */
int secret_ask(const char *prompt, Secret **ret_secret);
