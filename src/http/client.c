/* SPDX-License-Identifier: MIT */
/* Drives libcurl's multi interface from an sd-event loop.
 *
 * libcurl names the sockets it waits for (on_socket) and one timeout (on_timeout); each socket is an event
 * source of the loop. After every curl_multi_socket_action() all its messages are read: it announces each
 * finished transfer once, and several may finish in one action. */

#include "http/client.h"

#include <curl/curl.h>
#include <sys/queue.h>
#include <sys/un.h>

#include "basic/fd.h"
#include "basic/text.h"

/* A peer that is gone without a word is noticed within this time, also in a call that has no deadline. The
 * kernel does: a timer of libcurl's for connecting would wake us in each call, connected or not. */
#define PEER_GONE_MS 15000

/* sd-event's default of 250 ms would delay each call, which libcurl starts by a timer. */
#define ACCURACY_USEC 1

#define STREAM_BYTES (64L * 1024) /* received at a time, where a handler takes the body */

#define UNIX_PATH_SIZE sizeof(((struct sockaddr_un *) NULL)->sun_path)

struct HttpClient {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
        LIST_HEAD(, HttpCall) calls;
};

struct HttpCall {
        HttpClient *client;
        CURL *easy;
        struct curl_slist *headers;
        HttpCallHandlers handlers;
        void *userdata;
        size_t response_max;
        Text body;
        int error;   /* of a handler or of the limit, which libcurl only reports as its own */
        bool active; /* in `multi` */
        bool header_complete;
        LIST_ENTRY(HttpCall) entry;
};

static int errno_of(const HttpCall *call, CURLcode code)
{
        static const struct {
                CURLcode code;
                int error;
        } rows[] = {
                { CURLE_OK, 0 },
                { CURLE_URL_MALFORMAT, -EINVAL },
                { CURLE_UNSUPPORTED_PROTOCOL, -EBADMSG }, /* includes HTTP/0.9 and unknown versions */
                { CURLE_WEIRD_SERVER_REPLY, -EBADMSG },
                { CURLE_RECV_ERROR, -ECONNRESET },
                { CURLE_SEND_ERROR, -ECONNRESET },
                { CURLE_SEND_FAIL_REWIND, -ECONNRESET },
                { CURLE_GOT_NOTHING, -ECONNRESET },
                { CURLE_PARTIAL_FILE, -ECONNRESET },
                { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
                { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
                { CURLE_FILESIZE_EXCEEDED, -EFBIG },
                { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
                { CURLE_OUT_OF_MEMORY, -ENOMEM },
        };
        long os_error = 0, version = 0;

        if (call->error < 0)
                return call->error;
        if (code == CURLE_COULDNT_CONNECT) {
                (void) curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_error);
                return os_error > 0 ? (int) -os_error : -ECONNREFUSED;
        }
        (void) curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
        if (version > CURL_HTTP_VERSION_1_1) /* older versions of libcurl accept that status line */
                return -EBADMSG;
        if (code == CURLE_OK && !call->header_complete) /* and a header that just ends */
                return -ECONNRESET;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].code == code)
                        return rows[i].error;

        return -EIO;
}

static void call_detach(HttpCall *call)
{
        if (TAKE(call->active, false))
                (void) curl_multi_remove_handle(call->client->multi, call->easy);
}

/* A handler may free the call it is given, or others. */
static void complete_finished(HttpClient *client)
{
        const CURLMsg *message;
        int n_left;

        while ((message = curl_multi_info_read(client->multi, &n_left))) {
                CURLcode code = message->data.result;
                HttpCall *call = NULL;

                if (message->msg != CURLMSG_DONE)
                        continue;

                (void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &call);
                call_detach(call);
                call->handlers.on_complete(call, errno_of(call, code), call->userdata);
        }
}

static void client_act(HttpClient *client, curl_socket_t fd, int events)
{
        int n_running;

        (void) curl_multi_socket_action(client->multi, fd, events, &n_running);
        complete_finished(client);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        client_act(userdata, fd,
                   (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t now_usec, void *userdata)
{
        client_act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

/* `socket_data` is the event source of the socket, NULL at first. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data)
{
        HttpClient *client = userdata;
        sd_event_source *source = socket_data;
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(source);
                return 0;
        }
        if (source)
                return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
        if (sd_event_add_io(client->event, &source, fd, events, on_io, client) < 0)
                return -1;

        (void) curl_multi_assign(client->multi, fd, source);
        return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *userdata)
{
        HttpClient *client = userdata;

        if (timeout_ms < 0)
                return sd_event_source_set_enabled(client->timer, SD_EVENT_OFF) < 0 ? -1 : 0;

        if (sd_event_source_set_time_relative(client->timer, (usec_t) timeout_ms * USEC_PER_MSEC) < 0)
                return -1;
        return sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

int http_client_new(sd_event *event, HttpClient **ret_client)
{
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;

        _cleanup_(http_client_freep) HttpClient *client = calloc(1, sizeof *client);
        if (!client) {
                curl_global_cleanup();
                return -ENOMEM;
        }

        LIST_INIT(&client->calls);
        client->event = sd_event_ref(event);
        int r = sd_event_add_time(event, &client->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_timer,
                                  client);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        client->multi = curl_multi_init();
        if (!client->multi)
                return -ENOMEM;

        (void) curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        (void) curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
        (void) curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
        (void) curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
        *ret_client = TAKE_PTR(client);
        return 0;
}

HttpClient *http_client_free(HttpClient *client)
{
        while (!LIST_EMPTY(&client->calls))
                http_call_free(LIST_FIRST(&client->calls));

        if (client->multi)
                (void) curl_multi_cleanup(client->multi);
        curl_global_cleanup();
        sd_event_source_disable_unref(client->timer);
        sd_event_unref(client->event);
        free(client);
        return NULL;
}

static size_t on_read(char *buffer, size_t size, size_t n, void *userdata)
{
        HttpCall *call = userdata;
        ssize_t r = call->handlers.on_send(call, buffer, size * n, call->userdata);

        if (r == -EAGAIN)
                return CURL_READFUNC_PAUSE;
        if (r < 0) {
                call->error = (int) r;
                return CURL_READFUNC_ABORT;
        }

        return (size_t) r;
}

/* Lines of the header and of trailers; the empty line ends the header. */
static size_t on_header(char *line, size_t size, size_t n, void *userdata)
{
        HttpCall *call = userdata;

        if (n > 5 && strncmp(line, "HTTP/", 5) == 0)
                call->header_complete = false;
        else if (n <= strlen("\r\n"))
                call->header_complete = true;
        return size * n;
}

static int receive(HttpCall *call, const char *data, size_t size)
{
        if (call->handlers.on_receive)
                return call->handlers.on_receive(call, data, size, call->userdata);

        text_append_bytes(&call->body, data, size);
        return call->body.error;
}

static size_t on_write(char *data, size_t size, size_t n, void *userdata)
{
        HttpCall *call = userdata;

        int r = size * n > call->response_max ? -EFBIG : receive(call, data, size * n);
        if (r == -EAGAIN)
                return CURL_WRITEFUNC_PAUSE;
        if (r < 0) {
                call->error = r;
                return CURL_WRITEFUNC_ERROR;
        }

        call->response_max -= call->response_max == SIZE_MAX ? 0 : size * n;
        return size * n;
}

static int set_headers(HttpCall *call, const char *const *headers)
{
        static const char *const none[] = { NULL };
        const char *header = "Expect:"; /* removes "100-continue", which not every server answers */

        for (headers = headers ? headers : none; header; header = *headers++) {
                struct curl_slist *list = curl_slist_append(call->headers, header);
                if (!list)
                        return -ENOMEM;
                call->headers = list;
        }

        return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK ? 0 : -ENOMEM;
}

static CURLcode set_body(HttpCall *call, const HttpCallOptions *options)
{
        curl_off_t size = (curl_off_t) options->body_size;
        CURLcode code = CURLE_OK;

        if (call->handlers.on_send && size > 0)
                code = curl_easy_setopt(call->easy, CURLOPT_INFILESIZE_LARGE, size);
        if (call->handlers.on_send)
                return code == CURLE_OK ? curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L) : code;
        if (!options->body)
                return CURLE_OK;

        code = curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, size);
        return code == CURLE_OK ? curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, options->body) : code;
}

static long timeout_ms(usec_t timeout_usec)
{
        return timeout_usec == USEC_INFINITY ? 0 : (long) (timeout_usec / USEC_PER_MSEC + 1);
}

/* An announced size above the limit fails before the body. 0: no limit. */
static curl_off_t max_file_size(size_t response_max)
{
        return response_max == SIZE_MAX ? 0 : (curl_off_t) response_max;
}

/* Called by libcurl for each new socket. */
static int on_new_socket(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
        fd_set_peer_timeout(fd, PEER_GONE_MS);
        return CURL_SOCKOPT_OK;
}

static int set_options(HttpCall *call, const HttpCallOptions *options)
{
        const char *method = options->method ? options->method : "GET";
        CURL *easy = call->easy;
        const CURLcode codes[] = {
                curl_easy_setopt(easy, CURLOPT_PRIVATE, call),
                curl_easy_setopt(easy, CURLOPT_URL, options->url),
                curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_path),
                curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
                curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1),
                curl_easy_setopt(easy, CURLOPT_PROXY, ""),
                curl_easy_setopt(easy, CURLOPT_USERAGENT, "devbox/" DEVBOX_VERSION),
                curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L),
                curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms(options->timeout_usec)),
                curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket),
                curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long) options->own_connection),
                curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long) options->own_connection),
                set_body(call, options),
                curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method),
                curl_easy_setopt(easy, CURLOPT_NOBODY, streq(method, "HEAD") ? 1L : 0L),
                curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read),
                curl_easy_setopt(easy, CURLOPT_READDATA, call),
                curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header),
                curl_easy_setopt(easy, CURLOPT_HEADERDATA, call),
                curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, max_file_size(options->response_max)),
                curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                                 call->handlers.on_receive ? STREAM_BYTES : CURL_MAX_WRITE_SIZE),
                curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write),
                curl_easy_setopt(easy, CURLOPT_WRITEDATA, call),
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (codes[i] != CURLE_OK)
                        return codes[i] == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;

        return set_headers(call, options->headers);
}

int http_call_start(HttpClient *client, const HttpCallOptions *options, const HttpCallHandlers *handlers,
                    void *userdata, HttpCall **ret_call)
{
        if (options->unix_path && strlen(options->unix_path) >= UNIX_PATH_SIZE)
                return -ENAMETOOLONG;

        _cleanup_(http_call_freep) HttpCall *call = calloc(1, sizeof *call);
        if (!call)
                return -ENOMEM;

        *call = (HttpCall){ .client = client,
                            .easy = curl_easy_init(),
                            .handlers = *handlers,
                            .userdata = userdata,
                            .response_max = options->response_max };
        LIST_INSERT_HEAD(&client->calls, call, entry);
        if (!call->easy)
                return -ENOMEM;

        int r = set_options(call, options);
        if (r < 0)
                return r;

        if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK)
                return -ENOMEM;

        call->active = true;
        *ret_call = TAKE_PTR(call);
        return 0;
}

HttpCall *http_call_free(HttpCall *call)
{
        if (!call)
                return NULL;

        call_detach(call);
        LIST_REMOVE(call, entry);
        curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        text_done(&call->body);
        free(call);
        return NULL;
}

void http_call_resume(HttpCall *call)
{
        (void) curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

bool http_call_was_sent(const HttpCall *call)
{
        long size = 0;

        (void) curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &size);
        return size > 0;
}

unsigned http_call_status(const HttpCall *call)
{
        long status = 0;

        (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        return (unsigned) status;
}

const char *http_call_header(const HttpCall *call, const char *name)
{
        struct curl_header *header;

        return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value
                                                                                             : NULL;
}

const char *http_call_body(const HttpCall *call, size_t *ret_size)
{
        if (ret_size)
                *ret_size = call->body.size;
        return strempty(call->body.data);
}
