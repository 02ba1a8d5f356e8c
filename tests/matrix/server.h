/* SPDX-License-Identifier: MIT */
#pragma once

/* An HTTP server on loopback whose handler decides about each request, also to break it. One request on a
 * connection; everything on the test's event loop. */

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "basic/text.h"

typedef enum AnswerHow {
        ANSWER,
        ANSWER_CUT,  /* the connection ends in the body */
        ANSWER_DROP, /* the connection ends without a response */
        ANSWER_LATER /* asks again at server_poke(): a long poll */
} AnswerHow;

typedef struct Answer {
        AnswerHow how;
        unsigned status;
        const char *header; /* "Name: value\r\n"; NULL: none */
        char *body;         /* owned; NULL: empty */
} Answer;

/* `target` is as received, `body` terminated. */
typedef struct ServerRequest {
        const char *method, *target, *head, *body;
        size_t body_size;
} ServerRequest;

typedef Answer ServerHandler(const ServerRequest *request, void *userdata);

typedef struct ServerConnection ServerConnection;

typedef struct Server {
        sd_event *event;
        int fd;
        char url[40]; /* "http://127.0.0.1:PORT" */
        sd_event_source *source;
        LIST_HEAD(, ServerConnection) connections;
        ServerHandler *handler;
        void *userdata;
} Server;

void server_init(Server *server, sd_event *event, ServerHandler *handler, void *userdata);
void server_done(Server *server);
void server_poke(Server *server);
