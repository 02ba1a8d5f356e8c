/* SPDX-License-Identifier: MIT */
#pragma once

/* The address of the hub, from the host names of its endpoints. Names are resolved by a thread of the C
 * library. While the hub is out of reach they are resolved again and again, one endpoint after the other,
 * because a hub may move. */

#include <systemd/sd-event.h>

#include "basic/backoff.h"
#include "mesh/node.h"

typedef struct Resolver Resolver;

/* There is an address to try: of another endpoint than the last time where there are several. */
typedef void (*ResolverHandler)(const WireguardEndpoint *endpoint, void *owner);

int resolver_new(sd_event *event, ResolverHandler on_address, void *owner, Resolver **ret_resolver);

/* A lookup under way goes on by itself, and its memory with it. */
Resolver *resolver_free(Resolver *resolver);
DEFINE_CLEANUP(Resolver, resolver_free);

/* Called while the hub does not answer, at least each second. Begins a lookup unless one is under way or the
 * last one is too recent. */
void resolver_seek(Resolver *resolver, const Node *node);

/* The hub answers: the next loss begins with short delays again. */
void resolver_reset(Resolver *resolver);
