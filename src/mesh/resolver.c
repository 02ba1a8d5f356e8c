/* SPDX-License-Identifier: MIT */
/* The address of the hub, from the host names of its endpoints. */

#include "mesh/resolver.h"

#include <netdb.h>
#include <stdio.h>

/* A handshake is tried for 90 seconds before WireGuard gives up; another address needs some seconds. */
#define RETRY_MIN_USEC (5 * USEC_PER_SEC)
#define RETRY_MAX_USEC (120 * USEC_PER_SEC)
#define POLL_USEC      (20 * USEC_PER_MSEC) /* of a lookup under way */

/* One lookup, at an address that stays while the C library has it. */
typedef struct Lookup {
        struct gaicb request;
        struct addrinfo hints;
        char host[TOKEN_HOST_MAX + 1], port[8];
} Lookup;

struct Resolver {
        ResolverHandler on_address;
        void *owner;
        sd_event_source *timer;
        Lookup *lookup; /* NULL: none is under way */
        size_t endpoint;
        Backoff backoff;
        usec_t not_before_usec; /* CLOCK_MONOTONIC */
};

static Lookup *lookup_free(Lookup *lookup)
{
        if (lookup && lookup->request.ar_result)
                freeaddrinfo(lookup->request.ar_result);
        free(lookup);
        return NULL;
}

Resolver *resolver_free(Resolver *resolver)
{
        if (!resolver)
                return NULL;
        if (resolver->lookup && gai_cancel(&resolver->lookup->request) != EAI_NOTCANCELED)
                lookup_free(resolver->lookup);
        sd_event_source_disable_unref(resolver->timer);
        free(resolver);
        return NULL;
}

void resolver_reset(Resolver *resolver)
{
        backoff_reset(&resolver->backoff);
        resolver->not_before_usec = 0;
}

static int begin(Resolver *resolver, const TokenEndpoint *endpoint)
{
        Lookup *lookup = calloc(1, sizeof *lookup);

        if (!lookup)
                return -ENOMEM;
        (void) snprintf(lookup->host, sizeof lookup->host, "%s", endpoint->host);
        (void) snprintf(lookup->port, sizeof lookup->port, "%u", endpoint->port);
        lookup->hints = (struct addrinfo){ .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
        lookup->request = (struct gaicb){ .ar_name = lookup->host,
                                          .ar_service = lookup->port,
                                          .ar_request = &lookup->hints };

        struct gaicb *requests[] = { &lookup->request };
        if (getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL) != 0) {
                lookup_free(lookup);
                return -EAGAIN;
        }

        resolver->lookup = lookup;
        return 0;
}

/* The first address; getaddrinfo(3) sorts them by what this machine can reach. */
static bool take_address(const Lookup *lookup, WireguardEndpoint *ret_endpoint)
{
        for (const struct addrinfo *at = lookup->request.ar_result; at; at = at->ai_next)
                if (at->ai_addrlen <= sizeof *ret_endpoint &&
                    (at->ai_family == AF_INET || at->ai_family == AF_INET6)) {
                        memcpy(ret_endpoint, at->ai_addr, at->ai_addrlen);
                        return true;
                }
        return false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Resolver *resolver = userdata;
        WireguardEndpoint endpoint = { .any = { .sa_family = AF_UNSPEC } };

        int error = gai_error(&resolver->lookup->request);
        if (error == EAI_INPROGRESS) {
                int r = sd_event_source_set_time_relative(source, POLL_USEC);
                return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }

        bool found = error == 0 && take_address(resolver->lookup, &endpoint);
        resolver->lookup = lookup_free(resolver->lookup);
        if (found)
                resolver->on_address(&endpoint, resolver->owner);
        return 0;
}

int resolver_new(sd_event *event, ResolverHandler on_address, void *owner, Resolver **ret_resolver)
{
        _cleanup_(resolver_freep) Resolver *resolver = calloc(1, sizeof *resolver);

        if (!resolver)
                return -ENOMEM;

        resolver->on_address = on_address;
        resolver->owner = owner;
        resolver->backoff = (Backoff){ .min_usec = RETRY_MIN_USEC, .max_usec = RETRY_MAX_USEC };
        int r = sd_event_add_time_relative(event, &resolver->timer, CLOCK_MONOTONIC, POLL_USEC,
                                           POLL_USEC / 2, on_timer, resolver);
        if (r >= 0)
                r = sd_event_source_set_enabled(resolver->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_resolver = TAKE_PTR(resolver);
        return 0;
}

void resolver_seek(Resolver *resolver, const Node *node)
{
        if (resolver->lookup || node->n_endpoints == 0 || deadline_left(resolver->not_before_usec) > 0)
                return;

        resolver->not_before_usec = deadline_after(backoff_next(&resolver->backoff));
        if (begin(resolver, &node->endpoints[resolver->endpoint++ % node->n_endpoints]) < 0)
                return; /* the next call tries again */
        (void) sd_event_source_set_time_relative(resolver->timer, POLL_USEC);
        (void) sd_event_source_set_enabled(resolver->timer, SD_EVENT_ONESHOT);
}
