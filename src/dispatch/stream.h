/* SPDX-License-Identifier: MIT */
#pragma once

/* The end of a client's socket, to which the output of its request is written as it arrives, in frames
 * (proto/frames.h). */

#include <systemd/sd-event.h>

#include "basic/bytes.h"

typedef struct ClientStream ClientStream;

typedef struct ClientStreamHandlers {
        void (*on_room)(void *owner);   /* what was pending is written */
        void (*on_closed)(void *owner); /* the client is gone; frees the stream */
} ClientStreamHandlers;

/* Takes the descriptor, also on failure. `handlers` must outlive the stream. Errors: those of
 * sd_event_add_io(3). */
int client_stream_new_take(sd_event *event, int fd, const ClientStreamHandlers *handlers, void *owner,
                           ClientStream **ret_stream);

/* What is pending is written; a client that reads late finds it in its socket. */
ClientStream *client_stream_free(ClientStream *stream);
DEFINE_CLEANUP(ClientStream, client_stream_free);

void client_stream_send(ClientStream *stream, char type, Bytes payload);

/* Whether the client reads too slowly for more. */
bool client_stream_is_full(const ClientStream *stream);
