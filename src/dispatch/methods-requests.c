/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Dispatch1 for requests: Submit, Run, Approve, Deny, Withdraw, and what
 * there is. */

#include <fcntl.h>

#include "basic/fd.h"
#include "bus/dictionary.h"
#include "dispatch/method.h"
#include "dispatch/operation.h"
#include "trust/description.h"

#define LIST_MAX           1000
#define DESCRIPTION_LISTED 120 /* bytes */

/* ---- Submit, Run */

typedef struct SubmitOptions {
        Bytes content;
        bool has_content, replace, may_wait, known;
        uint64_t timeout_ms;
        const char *principal, *room, *event_id;
} SubmitOptions;

static const BusField submit_fields[] = {
        BUS_FIELD("content", BUS_BYTES, SubmitOptions, content),
        BUS_FIELD("replace", BUS_BOOL, SubmitOptions, replace),
        BUS_FIELD("may_wait", BUS_BOOL, SubmitOptions, may_wait),
        BUS_FIELD("known", BUS_BOOL, SubmitOptions, known),
        BUS_FIELD("timeout_ms", BUS_UINT64, SubmitOptions, timeout_ms),
        BUS_FIELD("principal", BUS_TEXT, SubmitOptions, principal),
        BUS_FIELD("room", BUS_TEXT, SubmitOptions, room),
        BUS_FIELD("event_id", BUS_TEXT, SubmitOptions, event_id),
};
static const BusDictionary submit_dictionary = BUS_DICTIONARY_STRICT(submit_fields);

typedef struct SubmitArguments {
        const char *device, *capability;
        char *words[ARGUMENTS_MAX];
        size_t n_words;
        SubmitOptions options;
        int stream_fd; /* borrowed; -EBADF: none */
} SubmitArguments;

static int read_words(sd_bus_message *message, SubmitArguments *arguments)
{
        const char *word = NULL;

        int r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &word)) > 0) {
                if (arguments->n_words == ARGUMENTS_MAX)
                        return -EBADMSG;
                arguments->words[arguments->n_words++] = (char *) word;
        }

        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_submit(sd_bus_message *message, SubmitArguments *ret_arguments)
{
        SubmitArguments arguments = { .stream_fd = -EBADF };

        int r = sd_bus_message_read(message, "ss", &arguments.device, &arguments.capability);
        if (r >= 0)
                r = read_words(message, &arguments);
        if (r >= 0)
                r = bus_dictionary_read(message, &submit_dictionary, &arguments.options);
        if (r >= 0 && sd_bus_message_at_end(message, true) == 0)
                r = sd_bus_message_read(message, "h", &arguments.stream_fd);
        if (r < 0 || !device_name_valid(arguments.device) || strlen(arguments.capability) > 63 ||
            *arguments.capability == '\0' || arguments.options.timeout_ms > 3600 * 1000 ||
            (arguments.options.event_id && !arguments.options.principal))
                return -EBADMSG;

        *ret_arguments = arguments;
        return 0;
}

static int compose(Operation *operation, const SubmitArguments *arguments, const DeviceFacts *facts,
                   Composed *ret_composed, const char **ret_why)
{
        const SubmitOptions *options = &arguments->options;
        const SchemaBlob content = { (uint8_t *) options->content.data, options->content.size };
        const RequestOrigin origin = { .principal = operation->principal,
                                       .room = (char *) options->room,
                                       .event_id = (char *) options->event_id };
        const ComposeInput input = { .device = operation->device,
                                     .capability = arguments->capability,
                                     .words = arguments->words,
                                     .n_words = arguments->n_words,
                                     .content = options->content.data ? &content : NULL,
                                     .replace = options->replace,
                                     .manifest = facts->manifest,
                                     .manifest_sha256 = facts->manifest_sha256,
                                     .origin = &origin,
                                     .limits = { .timeout_ms = (int64_t) options->timeout_ms },
                                     .now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC };

        return compose_request(&input, ret_composed, ret_why);
}

static int submit(Operation *operation, const DeviceFacts *facts, char ret_id[static ULID_SIZE],
                  const char **ret_why)
{
        _cleanup_(composed_done) Composed composed = COMPOSED_NULL;
        SubmitArguments arguments;

        int r = sd_bus_message_rewind(operation->call.message, true);
        if (r >= 0)
                r = read_submit(operation->call.message, &arguments);
        if (r == 0)
                r = compose(operation, &arguments, facts, &composed, ret_why);
        if (r != 0)
                return r;

        const QueueSubmission submission = { .device = operation->device,
                                             .capability = arguments.capability,
                                             .principal = operation->principal,
                                             .composed = &composed,
                                             .event_id = arguments.options.event_id,
                                             .may_wait = arguments.options.may_wait,
                                             .stream_fd = arguments.stream_fd };
        return queue_submit(operation->self->queue, &submission, ret_id);
}

static void on_submit_facts(FactsQuery *query, DeviceFacts *facts, int reason)
{
        Operation *operation = CONTAINER_OF(query, Operation, query);
        char id[ULID_SIZE];
        const char *why = NULL;

        int r = facts ? submit(operation, facts, id, &why) : reason;
        operation_end(operation, facts, r, id, why);
}

/* What is known of an event's request needs no facts of its device. */
static int follow(const DispatchDaemon *self, const SubmitArguments *arguments, const char *principal,
                  char ret_id[static ULID_SIZE])
{
        const QueueSubmission submission = { .device = arguments->device,
                                             .principal = principal,
                                             .event_id = arguments->options.event_id,
                                             .stream_fd = arguments->stream_fd };

        return submission.event_id ? queue_follow(self->queue, &submission, ret_id)
                                   : DEVBOX_ERROR_REQUEST_UNKNOWN;
}

static int handle_submit(sd_bus_message *message, void *userdata)
{
        DispatchDaemon *self = userdata;
        SubmitArguments arguments;
        char principal[PRINCIPAL_SIZE], id[ULID_SIZE];

        int r = read_submit(message, &arguments);
        if (r == 0)
                r = operation_resolve_principal(self, message, arguments.options.principal, principal,
                                                sizeof principal);
        if (r != 0)
                return r;
        r = follow(self, &arguments, principal, id);
        if (r == 0)
                return bus_reply(message, "s", id);

        return r != DEVBOX_ERROR_REQUEST_UNKNOWN || arguments.options.known
                       ? r
                       : operation_start(self, message, principal, arguments.device, on_submit_facts);
}

/* ---- Approve, Deny */

typedef struct DecisionOptions {
        const char *principal, *room, *message_id, *reaction_id, *envelope;
} DecisionOptions;

static const BusField decision_fields[] = {
        BUS_FIELD("principal", BUS_TEXT, DecisionOptions, principal),
        BUS_FIELD("room", BUS_TEXT, DecisionOptions, room),
        BUS_FIELD("message_id", BUS_TEXT, DecisionOptions, message_id),
        BUS_FIELD("reaction_id", BUS_TEXT, DecisionOptions, reaction_id),
        BUS_FIELD("envelope", BUS_TEXT, DecisionOptions, envelope),
};
static const BusDictionary decision_dictionary = BUS_DICTIONARY_STRICT(decision_fields);

static int read_decision(sd_bus_message *message, const char **ret_id, DecisionOptions *ret_options)
{
        DecisionOptions options = { .principal = NULL };

        int r = sd_bus_message_read(message, "s", ret_id);
        if (r >= 0)
                r = bus_dictionary_read(message, &decision_dictionary, &options);
        if (r < 0)
                return -EBADMSG;

        *ret_options = options;
        return 0;
}

static int decide(const Operation *operation, const DeviceFacts *facts, const char **ret_why)
{
        sd_bus_message *message = operation->call.message;
        DecisionOptions options;
        const char *id;

        int r = sd_bus_message_rewind(message, true);
        if (r >= 0)
                r = read_decision(message, &id, &options);
        if (r < 0)
                return r;

        const QueueDecision decision = {
                .id = id,
                .principal = operation->principal,
                .tier = options.reaction_id ? APPROVAL_REACTION : APPROVAL_MESSAGE,
                .approve = streq(sd_bus_message_get_member(message), "Approve"),
                .manifest = facts->manifest,
                .room = options.room,
                .message_id = options.message_id,
                .reaction_id = options.reaction_id,
                .envelope = options.envelope,
        };

        return queue_decide(operation->self->queue, &decision, ret_why);
}

static void on_decision_facts(FactsQuery *query, DeviceFacts *facts, int reason)
{
        Operation *operation = CONTAINER_OF(query, Operation, query);
        const char *why = NULL;

        int r = facts ? decide(operation, facts, &why) : reason;
        operation_end(operation, facts, r, NULL, why);
}

static int handle_decide(sd_bus_message *message, void *userdata)
{
        DispatchDaemon *self = userdata;
        _cleanup_(stored_request_done) StoredRequest request = { .n_approvals = 0 };
        char principal[PRINCIPAL_SIZE];
        DecisionOptions options;
        const char *id;

        int r = read_decision(message, &id, &options);
        if (r == 0)
                r = operation_resolve_principal(self, message, options.principal, principal,
                                                sizeof principal);
        if (r == 0)
                r = dispatch_store_find(queue_store(self->queue), id, &request);
        return r != 0 ? r : operation_start(self, message, principal, request.device, on_decision_facts);
}

/* ---- Withdraw */

static int handle_withdraw(sd_bus_message *message, void *userdata)
{
        DispatchDaemon *self = userdata;
        QueueDecision decision = { .principal = NULL };
        char principal[PRINCIPAL_SIZE];
        DecisionOptions options;

        int r = read_decision(message, &decision.id, &options);
        if (r == 0)
                r = operation_resolve_principal(self, message, options.principal, principal,
                                                sizeof principal);
        if (r != 0)
                return r;

        decision.principal = principal;
        decision.message_id = options.message_id;
        decision.tier = options.reaction_id ? APPROVAL_REACTION : APPROVAL_MESSAGE;
        r = queue_withdraw(self->queue, &decision);
        return r != 0 ? r : MIN(sd_bus_reply_method_return(message, ""), 0);
}

/* ---- what there is */

typedef struct RequestView {
        const char *id, *device, *capability, *subject, *description, *principal, *state, *reason, *message,
                *arguments, *request, *result;
        uint64_t created_ms, expires_ms, ended_ms, approvals, approvals_needed;
        const char *tier;
        int32_t exit_code, exit_signal;
} RequestView;

static const BusField view_fields[] = {
        BUS_FIELD("id", BUS_TEXT, RequestView, id),
        BUS_FIELD("device", BUS_TEXT, RequestView, device),
        BUS_FIELD("capability", BUS_TEXT, RequestView, capability),
        BUS_FIELD("subject", BUS_TEXT, RequestView, subject),
        BUS_FIELD("description", BUS_TEXT, RequestView, description, BUS_OPTIONAL),
        BUS_FIELD("principal", BUS_TEXT, RequestView, principal),
        BUS_FIELD("state", BUS_TEXT, RequestView, state),
        BUS_FIELD("reason", BUS_TEXT, RequestView, reason, BUS_OPTIONAL),
        BUS_FIELD("message", BUS_TEXT, RequestView, message, BUS_OPTIONAL),
        BUS_FIELD("arguments", BUS_TEXT, RequestView, arguments, BUS_OPTIONAL),
        BUS_FIELD("request", BUS_TEXT, RequestView, request, BUS_OPTIONAL),
        BUS_FIELD("result", BUS_TEXT, RequestView, result, BUS_OPTIONAL),
        BUS_FIELD("tier", BUS_TEXT, RequestView, tier),
        BUS_FIELD("approvals", BUS_UINT64, RequestView, approvals),
        BUS_FIELD("approvals_needed", BUS_UINT64, RequestView, approvals_needed),
        BUS_FIELD("created_at_ms", BUS_UINT64, RequestView, created_ms),
        BUS_FIELD("expires_at_ms", BUS_UINT64, RequestView, expires_ms),
        BUS_FIELD("ended_at_ms", BUS_UINT64, RequestView, ended_ms, BUS_OPTIONAL),
        BUS_FIELD("exit_code", BUS_INT32, RequestView, exit_code),
        BUS_FIELD("exit_signal", BUS_INT32, RequestView, exit_signal),
};
static const BusDictionary view_dictionary = BUS_DICTIONARY(view_fields);

/* Lists leave the signed documents out; `arguments` may be NULL. */
static RequestView view_of(const StoredRequest *request, const char *arguments, bool with_documents)
{
        return (RequestView){ .id = request->id,
                              .device = request->device,
                              .capability = request->capability,
                              .subject = request->subject,
                              .description = request->description,
                              .principal = request->principal,
                              .state = dispatch_state_names[request->state],
                              .reason = request->reason,
                              .message = request->message,
                              .arguments = arguments,
                              .request = with_documents ? request->envelope : NULL,
                              .result = with_documents ? request->result : NULL,
                              .tier = approval_tier_names[request->tier],
                              .approvals = request->n_approvals,
                              .approvals_needed = (uint64_t) request->needed,
                              .created_ms = (uint64_t) request->created_ms,
                              .expires_ms = (uint64_t) request->expires_ms,
                              .ended_ms = (uint64_t) request->ended_ms,
                              .exit_code = (int32_t) request->exit_code,
                              .exit_signal = (int32_t) request->exit_signal };
}

/* As the signed request has them: what a person decides on. Requests of before have no description. */
static int show_arguments(StoredRequest *stored, char **ret_arguments)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;

        int r = envelope_parse(bytes_of_string(stored->envelope), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = request_parse(envelope_payload(envelope), &request, NULL);
        if (r == 0 && !stored->description)
                r = request_describe(request, &(PathRoots){ .n = 0 }, &stored->description);
        return r != 0 ? r : audit_show_arguments(request, ret_arguments);
}

static int handle_get(sd_bus_message *message, void *userdata)
{
        _cleanup_(stored_request_done) StoredRequest request = { .n_approvals = 0 };
        _cleanup_(freep) char *arguments = NULL;
        const char *id;

        if (sd_bus_message_read(message, "s", &id) < 0)
                return -EBADMSG;

        int r = dispatch_store_find(queue_store(((DispatchDaemon *) userdata)->queue), id, &request);
        if (r == 0)
                r = show_arguments(&request, &arguments);
        if (r != 0)
                return r;

        const RequestView view = view_of(&request, arguments, true);
        return MIN(bus_reply_dictionary(message, &view_dictionary, &view), 0);
}

/* In a list, of which a row is not for deciding. */
static void shorten(char *text)
{
        size_t at = DESCRIPTION_LISTED - strlen("…");

        if (strlen(text) <= DESCRIPTION_LISTED)
                return;
        while ((text[at] & 0xc0) == 0x80)
                at--;
        memcpy(text + at, "…", sizeof "…");
}

static int append_row(StoredRequest *request, void *userdata)
{
        if (request->description)
                shorten(request->description);

        const RequestView view = view_of(request, NULL, false);

        return MIN(bus_dictionary_append(userdata, &view_dictionary, &view), 0);
}

static int append_waiting(StoredRequest *request, void *userdata)
{
        _cleanup_(freep) char *arguments = NULL;

        if (request->state != DISPATCH_APPROVING)
                return 0;

        int r = show_arguments(request, &arguments);
        if (r != 0)
                return r;

        const RequestView view = view_of(request, arguments, false);
        return MIN(bus_dictionary_append(userdata, &view_dictionary, &view), 0);
}

static int handle_list_approvals(sd_bus_message *message, void *userdata)
{
        DispatchStore *store = queue_store(((DispatchDaemon *) userdata)->queue);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = bus_reply_rows_begin(message, &reply);
        if (r >= 0)
                r = dispatch_store_each_open(store, append_waiting, reply);
        return bus_reply_rows_send(r, reply);
}

static int handle_list(sd_bus_message *message, void *userdata)
{
        DispatchStore *store = queue_store(((DispatchDaemon *) userdata)->queue);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int open_only;
        uint32_t max;

        if (sd_bus_message_read(message, "bu", &open_only, &max) < 0)
                return -EBADMSG;

        int r = bus_reply_rows_begin(message, &reply);
        if (r >= 0)
                r = open_only ? dispatch_store_each_open(store, append_row, reply)
                              : dispatch_store_each_recent(store, MIN(max, (uint32_t) LIST_MAX), append_row,
                                                           reply);
        return bus_reply_rows_send(r, reply);
}

DISPATCH_METHOD(submit, ACCESS_SUBMIT);
DISPATCH_METHOD(decide, ACCESS_APPROVE);
DISPATCH_METHOD(withdraw, ACCESS_APPROVE);
DISPATCH_METHOD(get, ACCESS_READERS);
DISPATCH_METHOD(list, ACCESS_READERS);
DISPATCH_METHOD(list_approvals, ACCESS_READERS);

#define SUBMIT "s", device, "s", capability, "as", words, "a{sv}", options

const sd_bus_vtable dispatch_request_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Submit", SD_BUS_ARGS(SUBMIT), SD_BUS_RESULT("s", id), on_submit,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Run", SD_BUS_ARGS(SUBMIT, "h", stream), SD_BUS_RESULT("s", id), on_submit,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Approve", SD_BUS_ARGS("s", id, "a{sv}", options), SD_BUS_NO_RESULT,
                                on_decide, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Deny", SD_BUS_ARGS("s", id, "a{sv}", options), SD_BUS_NO_RESULT, on_decide,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Withdraw", SD_BUS_ARGS("s", id, "a{sv}", options), SD_BUS_NO_RESULT,
                                on_withdraw, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetRequest", SD_BUS_ARGS("s", id), SD_BUS_RESULT("a{sv}", request), on_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListRequests", SD_BUS_ARGS("b", open_only, "u", max),
                                SD_BUS_RESULT("aa{sv}", requests), on_list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListApprovals", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", requests),
                                on_list_approvals, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("RequestChanged", SD_BUS_ARGS("s", id, "s", state), 0),
        SD_BUS_SIGNAL_WITH_ARGS("ApprovalNeeded", SD_BUS_ARGS("s", id, "s", device, "s", subject), 0),
        SD_BUS_VTABLE_END,
};
