/* SPDX-License-Identifier: MIT */
#pragma once

/* A small set of TCP or UDP ports, in ascending order. */

#include "basic/macro.h"

#define PORT_SET_MAX 40

typedef struct PortSet {
        size_t n;
        uint16_t ports[PORT_SET_MAX];
} PortSet;

#define PORT_SET_NULL ((PortSet){ 0 })

/* Errors: -EEXIST it is in the set already; -ENOSPC. The set is unchanged then. */
int port_set_add(PortSet *set, uint16_t port);
