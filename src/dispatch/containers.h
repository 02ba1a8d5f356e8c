/* SPDX-License-Identifier: MIT */
#pragma once

/* The containers in the result of a docker.list. Their texts are the device's: UTF-8 without control and
 * invisible characters, of limited length. */

#include "dispatch/store.h"
#include "proto/container-line.h"

/* Of one device. */
#define CONTAINERS_MAX 256

typedef struct Containers {
        ContainerLine rows[CONTAINERS_MAX]; /* borrowed from `text` */
        size_t n;
        bool truncated; /* there were more */
        char *text;
} Containers;

/* Of at most `max` containers. Errors: -EBADMSG it is no result with an output; -ENOMEM; those of
 * result_read(). */
int containers_read(const char *result_envelope, size_t max, Containers *ret_containers);
void containers_done(Containers *containers);
