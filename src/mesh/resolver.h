/* SPDX-License-Identifier: MIT */
#pragma once

/* The address of the hub, from the host names of its endpoints. Names are resolved by a thread of the C
 * library; the poll of the reconciler looks whether it is done. While the hub is out of reach they are
 * resolved again and again, one endpoint after the other, because a hub may move. */

#include "basic/backoff.h"
#include "mesh/node.h"

typedef struct Resolver Resolver;

int resolver_new(Resolver **ret_resolver);

/* A lookup under way goes on by itself, and its memory with it. */
Resolver *resolver_free(Resolver *resolver);
DEFINE_CLEANUP(Resolver, resolver_free);

/* Called each second while the hub does not answer. Returns 1 when there is another address to try: of
 * another endpoint than the last time where there are several. */
int resolver_poll(Resolver *resolver, const Node *node, WireguardEndpoint *ret_endpoint);

/* The hub answers: the next loss begins with short delays again. */
void resolver_reset(Resolver *resolver);
