/* SPDX-License-Identifier: MIT */
#pragma once

/* The homeserver of tests/e2ee over HTTP. `bot` is what the server knows of the client that connects; a
 * target begins behind /_matrix/client/v3. */

#include "e2ee/homeserver.h"
#include "server.h"

/* 400 if the tree has an error. */
Answer homeserver_http_answer(const cJSON *tree);

/* The response to one of the requests of src/e2ee, which the caller deletes. NULL: it is none of these. */
cJSON *homeserver_http_receive(Peer *bot, const char *target, const char *body);

/* What GET (`body` is NULL) and PUT of a room's pins are answered, which the caller deletes. */
cJSON *homeserver_http_pins(Homeserver *server, const char *room_id, const cJSON *body);

/* Whether a sync would have something, and its response, which is the server's. NULL: it polls. */
bool homeserver_http_has_news(const Peer *bot);
cJSON *homeserver_http_sync(Peer *bot, const char *target);
