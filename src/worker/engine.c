/* SPDX-License-Identifier: MIT */
/* Requests to the Docker Engine. Version 1.40 of its API is also Podman's. */

#include "worker/engine.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "http/client.h"

#define URL_MAX   1024
#define REPLY_MAX (1024 * 1024)
#define STATUS_OK 200

struct Engine {
        sd_event *event;
        sd_event_source *source_cancel;
        HttpClient *client;
        char *socket_path;
        usec_t deadline_usec;

        /* Of the current request. */
        HttpCall *call;
        const EngineRequest *request;
        EngineReceive receive;
        void *userdata;
        int result; /* > 0: not complete */
};

/* The agent sends nothing but a request to cancel, or closes. */
static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Engine *engine = userdata;

        engine->result = -ECANCELED;
        return 0;
}

Engine *engine_free(Engine *engine)
{
        if (!engine)
                return NULL;

        http_client_free(engine->client);
        sd_event_source_unref(engine->source_cancel);
        sd_event_unref(engine->event);
        free(engine->socket_path);
        free(engine);
        return NULL;
}

int engine_new(const char *socket_path, int channel_fd, usec_t deadline_usec, Engine **ret_engine)
{
        _cleanup_(engine_freep) Engine *engine = calloc(1, sizeof *engine);
        if (!engine)
                return -ENOMEM;

        engine->deadline_usec = deadline_usec;
        engine->socket_path = strdup(socket_path);
        int r = engine->socket_path ? sd_event_new(&engine->event) : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_io(engine->event, &engine->source_cancel, channel_fd, EPOLLIN, on_channel,
                                    engine);
        if (r >= 0)
                r = http_client_new(engine->event, &engine->client);
        if (r < 0)
                return r;

        *ret_engine = TAKE_PTR(engine);
        return 0;
}

/* ---- one request */

static bool has_succeeded(const Engine *engine)
{
        unsigned status = http_call_status(engine->call);

        return status == engine->request->status || (status == 101 && engine->request->status == STATUS_OK);
}

static int on_receive(HttpCall *call, const char *data, size_t size, void *userdata)
{
        Engine *engine = userdata;

        /* The explanation of a failure is not output of the container. */
        return has_succeeded(engine) ? engine->receive(engine->userdata, BYTES(data, size)) : 0;
}

static void on_complete(HttpCall *call, int result, void *userdata)
{
        Engine *engine = userdata;

        if (result == 0 && !has_succeeded(engine))
                result = http_call_status(call) == 404 ? -ENXIO : -EREMOTEIO;
        if (engine->result > 0)
                engine->result = result;
}

static int start(Engine *engine, const EngineRequest *request)
{
        static const char *const headers[] = { "Content-Type: application/json", NULL };
        const HttpCallHandlers handlers = { .on_receive = engine->receive ? on_receive : NULL,
                                            .on_complete = on_complete };
        char url[URL_MAX];
        const HttpCallOptions options = {
                .method = request->body ? "POST" : "GET",
                .url = url,
                .unix_path = engine->socket_path,
                .headers = request->body ? headers : NULL,
                .body = request->body,
                .body_size = request->body ? strlen(request->body) : 0,
                .timeout_usec = deadline_left(engine->deadline_usec),
                .response_max = engine->receive ? SIZE_MAX : REPLY_MAX,
        };

        int n = snprintf(url, sizeof url, "http://docker/v1.40%s", request->path);
        if (n < 0 || (size_t) n >= sizeof url)
                return -ENAMETOOLONG;

        engine->request = request;
        engine->result = 1;
        return http_call_start(engine->client, &options, &handlers, engine, &engine->call);
}

static int run(Engine *engine, const EngineRequest *request)
{
        int r = start(engine, request);

        while (r >= 0 && engine->result > 0)
                r = sd_event_run(engine->event, UINT64_MAX);

        return r < 0 ? r : engine->result;
}

static void end(Engine *engine)
{
        engine->call = http_call_free(engine->call);
        engine->receive = NULL;
}

int engine_call(Engine *engine, const EngineRequest *request, cJSON **ret_reply)
{
        size_t size = 0;
        cJSON *reply = NULL;

        int r = run(engine, request);
        if (r == 0) {
                const char *body = http_call_body(engine->call, &size);

                reply = cJSON_ParseWithLength(body, size);
                r = reply ? 0 : -EPROTO;
        }
        end(engine);
        if (r < 0)
                return r;

        *ret_reply = reply;
        return 0;
}

int engine_stream(Engine *engine, const EngineRequest *request, EngineReceive receive, void *userdata)
{
        engine->receive = receive;
        engine->userdata = userdata;
        int r = run(engine, request);
        end(engine);

        return r;
}
