/* SPDX-License-Identifier: MIT */
/* What the hub may ask: each route but the runs is calls of the ledger; documents also set the tunnel. */

#include "agent/agent-internal.h"
#include "agent/bodies.h"
#include "basic/parse.h"
#include "codec/binary-text.h"
#include "codec/json.h"
#include "log/log.h"

/* A request of the hub that waits for calls of the ledger. */
typedef struct Operation {
        Agent *agent;
        HttpRequest *request;
        BusRequest call;
        DocumentsBody *documents; /* NULL: another operation */
        size_t next_root;
} Operation;

static Operation *operation_free(Operation *operation)
{
        if (!operation)
                return NULL;

        bus_request_cancel(&operation->call);
        documents_body_free(operation->documents);
        free(operation);
        return NULL;
}

static Operation *operation_new(Agent *agent, HttpRequest *request)
{
        Operation *operation = calloc(1, sizeof *operation);

        if (operation)
                *operation = (Operation){ .agent = agent, .request = request };
        else
                http_request_reject(request, -ENOMEM, NULL);
        return operation;
}

static void operation_reject(Operation *operation, int reason, const char *detail)
{
        http_request_reject(operation->request, reason, detail);
        operation_free(operation);
}

/* Sends the JSON that was built, or why it could not be. */
static void operation_respond(Operation *operation, int r, Json *json)
{
        _cleanup_(http_response_unrefp) HttpResponse *response = NULL;
        char *body = NULL;
        size_t size = 0;

        if (r >= 0)
                r = json_take(json, &body, &size);
        if (r >= 0)
                r = http_response_new_take(200, "application/json", body, size, &response);
        if (r < 0)
                return operation_reject(operation, r, NULL);

        http_request_respond(operation->request, response);
        operation_free(operation);
}

/* {"NAME":true} */
static void operation_confirm(Operation *operation, const char *name)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_bool(&json, name, true);
        json_close_object(&json);
        operation_respond(operation, 0, &json);
}

/* Takes a call of the ledger. */
static void operation_call_take(Operation *operation, sd_bus_message *message, BusReplyHandler on_reply)
{
        bus_client_send_take(&operation->agent->ledger, &operation->call, message, on_reply);
}

/* ---- POST /v1/session */

static void on_session(BusRequest *call, const BusReply *reply)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);
        _cleanup_(json_done) Json json = JSON_NULL;
        const void *session = NULL;
        const char *checkpoint = NULL;
        char hex[HEX_SIZE(16)];
        size_t size = 0;

        if (reply->reason != 0)
                return operation_reject(operation, reply->reason, reply->detail);

        int r = sd_bus_message_read_array(reply->message, 'y', &session, &size);
        if (r >= 0)
                r = size == 16 ? sd_bus_message_read(reply->message, "s", &checkpoint) : -EBADMSG;
        if (r >= 0) {
                hex_format(BYTES(session, size), hex);
                json_open_object(&json, NULL);
                json_add_string(&json, "session", hex);
                json_add_string(&json, "checkpoint", checkpoint);
                json_close_object(&json);
        }
        operation_respond(operation, r, &json);
}

static void handle_session(HttpRequest *request, void *owner)
{
        Operation *operation = operation_new(owner, request);

        if (operation)
                operation_call_take(operation,
                                    bus_client_new_call(&operation->agent->ledger, "BeginSession", NULL),
                                    on_session);
}

/* ---- POST /v1/documents: the roots in their order, then the manifest, then the keepalive */

static void install_next(Operation *operation);

static void on_installed(BusRequest *call, const BusReply *reply)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);

        if (reply->reason != 0)
                return operation_reject(operation, reply->reason, reply->detail);

        install_next(operation);
}

/* The documents are installed, whatever became of the keepalive: the next session brings it again. */
static void on_keepalive(BusRequest *call, const BusReply *reply)
{
        if (reply->reason != 0)
                log_warning("Cannot set the keepalive of the tunnel, ignoring: %s",
                            devbox_error_sentence((DevboxError) reply->reason));

        operation_confirm(CONTAINER_OF(call, Operation, call), "installed");
}

static void set_keepalive(Operation *operation)
{
        BusClient *mesh = &operation->agent->mesh;

        bus_client_send_take(mesh, &operation->call,
                             bus_client_new_call(mesh, "SetKeepalive", "t",
                                                 (uint64_t) operation->documents->keepalive_sec),
                             on_keepalive);
}

static void install_next(Operation *operation)
{
        DocumentsBody *documents = operation->documents;
        const char *method = "InstallRoot";
        _cleanup_(freep) char *envelope = NULL;

        if (operation->next_root < documents->roots.n)
                envelope = TAKE_PTR(documents->roots.items[operation->next_root++].envelope);
        else {
                method = "InstallManifest";
                envelope = TAKE_PTR(documents->manifest);
        }
        if (!envelope)
                return set_keepalive(operation);

        operation_call_take(operation, bus_client_new_call(&operation->agent->ledger, method, "s", envelope),
                            on_installed);
}

static void handle_documents(HttpRequest *request, void *owner)
{
        _cleanup_(documents_body_freep) DocumentsBody *documents = NULL;
        SchemaFault fault = { .why = NULL };
        size_t size;
        const char *text = http_request_body(request, &size);

        int r = documents_body_parse(BYTES(text, size), &documents, &fault);
        if (r != 0)
                return http_request_reject(request, r > 0 ? DEVBOX_ERROR_BAD_REQUEST : r, fault.why);

        Operation *operation = operation_new(owner, request);
        if (!operation)
                return;

        operation->documents = TAKE_PTR(documents);
        install_next(operation);
}

/* ---- GET /v1/entries/{from}: entries from there on, the evidence behind them, and the checkpoint over all
 * up to them */

static int append_entry(Json *json, sd_bus_message *message)
{
        const void *fields[3];
        size_t sizes[3];
        uint64_t seq, time_ms;
        uint16_t type;
        char *text = NULL;

        int r = sd_bus_message_enter_container(message, 'r', "ttqayayay");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(message, "ttq", &seq, &time_ms, &type);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fields); i++)
                r = sd_bus_message_read_array(message, 'y', &fields[i], &sizes[i]);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        json_open_array(json, NULL);
        json_add_u64(json, NULL, seq);
        json_add_u64(json, NULL, time_ms);
        json_add_u64(json, NULL, type);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                text = malloc(BASE64_SIZE(sizes[i]));
                if (!text)
                        return -ENOMEM;
                base64_format(BYTES(fields[i], sizes[i]), text);
                json_add_string(json, NULL, text);
                free(text);
        }
        json_close_array(json);
        return 1;
}

static int append_growth(Json *json, sd_bus_message *message)
{
        const char *evidence, *checkpoint;

        json_open_array(json, "entries");
        int r = sd_bus_message_enter_container(message, 'a', "(ttqayayay)");
        while (r > 0 && (r = append_entry(json, message)) > 0)
                ;
        json_close_array(json);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                r = sd_bus_message_read(message, "ss", &evidence, &checkpoint);
        if (r < 0)
                return r;

        json_add_string(json, "evidence", evidence);
        json_add_string(json, "checkpoint", checkpoint);
        return 0;
}

static void on_growth(BusRequest *call, const BusReply *reply)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);
        _cleanup_(json_done) Json json = JSON_NULL;

        if (reply->reason != 0)
                return operation_reject(operation, reply->reason, reply->detail);

        json_open_object(&json, NULL);
        int r = append_growth(&json, reply->message);
        json_close_object(&json);
        operation_respond(operation, r, &json);
}

static void handle_entries(HttpRequest *request, void *owner)
{
        uint64_t from = 0;

        if (parse_u64(http_request_parameter(request), 0, INT64_MAX, &from) < 0)
                return http_request_reject(request, DEVBOX_ERROR_BAD_REQUEST, NULL);

        Operation *operation = operation_new(owner, request);
        if (!operation)
                return;

        operation_call_take(operation,
                            bus_client_new_call(&operation->agent->ledger, "ExportGrowth", "t", from),
                            on_growth);
}

/* ---- POST /v1/cosignature */

static void on_cosigned(BusRequest *call, const BusReply *reply)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);

        if (reply->reason != 0)
                return operation_reject(operation, reply->reason, reply->detail);

        operation_confirm(operation, "recorded");
}

static void handle_cosignature(HttpRequest *request, void *owner)
{
        _cleanup_(cosignature_body_freep) CosignatureBody *body = NULL;
        size_t size;
        const char *text = http_request_body(request, &size);

        int r = cosignature_body_parse(BYTES(text, size), &body, NULL);
        if (r != 0)
                return http_request_reject(request, r > 0 ? DEVBOX_ERROR_BAD_REQUEST : r, NULL);

        Operation *operation = operation_new(owner, request);
        if (!operation)
                return;

        operation_call_take(
                operation,
                bus_client_new_call(&operation->agent->ledger, "RecordCosignature", "s", body->checkpoint),
                on_cosigned);
}

static void handle_request(HttpRequest *request, void *owner)
{
        run_start(owner, request);
}

const HttpRoute agent_routes[] = {
        { "POST", "/v1/session", handle_session, 0 },
        { "POST", "/v1/documents", handle_documents, 0, BODY_MAX },
        { "POST", "/v1/requests", handle_request, 0, BODY_MAX },
        { "GET", "/v1/entries/{from}", handle_entries, 0 },
        { "POST", "/v1/cosignature", handle_cosignature, 0, 16 * 1024 },
        {},
};
