/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-matrix: one Matrix account, and org.devbox.Matrix1. */

#include "event/daemon.h"

typedef struct MatrixDaemon MatrixDaemon;

/* The steps of a DaemonType. */
void *matrix_daemon_new(void);
void matrix_daemon_free(void *userdata);
int matrix_daemon_start(void *userdata, Daemon *daemon);
int matrix_daemon_stop(void *userdata);
