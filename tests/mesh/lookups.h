/* SPDX-License-Identifier: MIT */
#pragma once

/* The lookups of names by the C library, replaced in the program that depends on this (ld(1), --wrap): they
 * find what `zone` has, and end when the test lets them. */

#include <netdb.h>
#include <stdbool.h>

extern struct Lookups {
        struct {
                const char *name, *address; /* IPv4; NULL: there is none */
        } zone[2];
        bool slow; /* they do not end */
        unsigned n_begun, n_polled, n_cancelled, n_freed;
} lookups;

int __wrap_getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *sig);
int __wrap_gai_error(struct gaicb *request);
int __wrap_gai_cancel(struct gaicb *request);
void __wrap_freeaddrinfo(struct addrinfo *found);
