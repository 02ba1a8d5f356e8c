/* SPDX-License-Identifier: MIT */
/* A small set of TCP or UDP ports. */

#include "basic/port-set.h"

int port_set_add(PortSet *set, uint16_t port)
{
        size_t at = 0;

        while (at < set->n && set->ports[at] < port)
                at++;
        if (at < set->n && set->ports[at] == port)
                return -EEXIST;
        if (set->n == PORT_SET_MAX)
                return -ENOSPC;

        memmove(&set->ports[at + 1], &set->ports[at], (set->n - at) * sizeof set->ports[0]);
        set->ports[at] = port;
        set->n++;
        return 0;
}
