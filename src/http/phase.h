/* SPDX-License-Identifier: MIT */
#pragma once

/* What a connection waits for. A phase has one timeout for all connections of a listener, so the head of its
 * list is always the next to expire. */
typedef enum HttpPhase {
        HTTP_PHASE_READING,   /* the request */
        HTTP_PHASE_WORKING,   /* the handler; no timeout, the handler has its own deadline */
        HTTP_PHASE_WRITING,   /* the client to read the response, or a piece of it */
        HTTP_PHASE_STREAMING, /* the producer of a streamed response; no timeout, except while draining, and
                                 to check a client that may pause */
        HTTP_PHASE_IDLE,      /* the next request; ends with a check for a half-closed client */
        HTTP_PHASE_KEEPALIVE, /* the next request, after that check */
        HTTP_PHASE_ABORTED,   /* libmicrohttpd to notice that the socket was shut down */
        HTTP_PHASE_LINGERING, /* the client to read the rest, after libmicrohttpd has closed it */
        _HTTP_PHASE_MAX,
} HttpPhase;
