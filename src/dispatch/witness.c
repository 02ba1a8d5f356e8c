/* SPDX-License-Identifier: MIT */
/* The hub as the witness of a device. */

#include "dispatch/witness.h"

#include <stdio.h>

#include "basic/text.h"
#include "bus/dictionary.h"
#include "codec/binary-text.h"
#include "dispatch/device-json.h"
#include "log/log.h"

#define STEP_USEC (10 * USEC_PER_SEC)
#define REPLY_MAX (16 * 1024 * 1024)

struct Witness {
        HttpClient *http;
        BusClient *ledger;
        const char *device;
        char url[128];
        char *checkpoint;           /* of all of the chain, as of the last session; NULL: none yet */
        bool running, again, known; /* known: an attempt has ended */
        const char *problem;        /* at the last attempt, static; NULL: none */
        uint64_t entries;           /* that are countersigned */
        size_t n_new;               /* in the call under way */
        BusRequest call;
        HttpCall *step;
};

static void begin(Witness *witness);

static void end(Witness *witness, const char *problem)
{
        if (problem)
                log_warning("The chain of %s cannot be witnessed: %s", witness->device, problem);

        witness->step = http_call_free(witness->step);
        witness->running = false;
        witness->problem = problem;
        witness->known = true;
        if (!problem && TAKE(witness->again, false))
                begin(witness);
}

static void end_reason(Witness *witness, const BusReply *reply)
{
        end(witness, devbox_error_sentence((DevboxError) reply->reason));
}

static int request(Witness *witness, const char *method, const char *path, const char *body,
                   void (*on_complete)(HttpCall *call, int error, void *userdata))
{
        static const char *const headers[] = { "Content-Type: application/json", NULL };
        const HttpCallHandlers handlers = { .on_complete = on_complete };
        char url[256];
        const HttpCallOptions options = { .method = method,
                                          .url = url,
                                          .headers = body ? headers : NULL,
                                          .body = body,
                                          .body_size = body ? strlen(body) : 0,
                                          .timeout_usec = STEP_USEC,
                                          .response_max = REPLY_MAX };

        (void) snprintf(url, sizeof url, "%s%s", witness->url, path);
        witness->step = http_call_free(witness->step);
        return http_call_start(witness->http, &options, &handlers, witness, &witness->step);
}

static bool has_succeeded(HttpCall *call, int error)
{
        return error == 0 && http_call_status(call) == 200;
}

/* ---- the countersignature */

static void on_recorded(HttpCall *call, int error, void *userdata)
{
        end(userdata, has_succeeded(call, error) ? NULL : "it does not take the countersignature");
}

static void on_witnessed(BusRequest *call, const BusReply *reply)
{
        Witness *witness = CONTAINER_OF(call, Witness, call);
        _cleanup_(text_done) Text body = TEXT_NULL;
        const char *cosigned = NULL;

        if (reply->reason != 0)
                return end_reason(witness, reply);
        witness->entries += witness->n_new;
        if (sd_bus_message_read(reply->message, "s", &cosigned) < 0)
                return end(witness, "the ledger's reply is not understood");

        text_appendf(&body, "{\"checkpoint\":%s}", cosigned);
        if (body.error < 0 || request(witness, "POST", "/v1/cosignature", body.data, on_recorded) < 0)
                end(witness, "no memory");
}

/* ---- the entries */

static int make_call(Witness *witness, const char *checkpoint, const cJSON *entries, const char *evidence,
                     sd_bus_message **ret_message)
{
        if (!checkpoint || !evidence)
                return -EBADMSG;

        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message =
                bus_client_new_call(witness->ledger, "Witness", "s", checkpoint);
        if (!message)
                return -EBADMSG;

        int r = device_json_append_entries(message, entries);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", evidence);
        if (r < 0)
                return r;

        *ret_message = TAKE_PTR(message);
        return 0;
}

/* Its chain is shorter than what the hub has of it, as that of a database that was put back: its own
 * statement about that is for the ledger to judge. */
static void judge_statement(Witness *witness)
{
        sd_bus_message *message = NULL;

        witness->n_new = 0;
        if (make_call(witness, witness->checkpoint, NULL, "", &message) < 0)
                return end(witness, "it does not show its entries");

        bus_client_send_take(witness->ledger, &witness->call, message, on_witnessed);
}

static void on_entries(HttpCall *call, int error, void *userdata)
{
        Witness *witness = userdata;
        sd_bus_message *message = NULL;
        size_t size;

        if (error == 0 && http_call_status(call) == 400)
                return judge_statement(witness);
        if (!has_succeeded(call, error))
                return end(witness, "it does not show its entries");

        const char *body = http_call_body(call, &size);
        cJSON *reply = cJSON_ParseWithLength(body, size);
        const cJSON *entries = cJSON_GetObjectItemCaseSensitive(reply, "entries");
        witness->n_new = (size_t) cJSON_GetArraySize(entries);
        int r = make_call(witness, device_json_text(reply, "checkpoint"), entries,
                          device_json_text(reply, "evidence"), &message);
        cJSON_Delete(reply);
        if (r < 0)
                return end(witness, "its entries are not understood");

        bus_client_send_take(witness->ledger, &witness->call, message, on_witnessed);
}

/* ---- what the hub has */

int witnessed_chain_read(sd_bus_message *reply, WitnessedChain *ret_chain)
{
        static const BusField fields[] = {
                BUS_FIELD("size", BUS_UINT64, WitnessedChain, size, BUS_REQUIRED),
                BUS_FIELD("quarantine", BUS_TEXT, WitnessedChain, quarantine),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);

        return bus_dictionary_read(reply, &dictionary, ret_chain);
}

static void on_replica(BusRequest *call, const BusReply *reply)
{
        Witness *witness = CONTAINER_OF(call, Witness, call);
        WitnessedChain replica = { .quarantine = NULL };
        char path[64];

        if (reply->reason != 0)
                return end_reason(witness, reply);
        if (witnessed_chain_read(reply->message, &replica) < 0)
                return end(witness, "the ledger's reply is not understood");
        witness->entries = replica.size;
        if (replica.quarantine)
                return end(witness, "it is in quarantine");

        (void) snprintf(path, sizeof path, "/v1/entries/%llu", (unsigned long long) replica.size);
        if (request(witness, "GET", path, NULL, on_entries) < 0)
                end(witness, "no memory");
}

static void begin(Witness *witness)
{
        witness->running = true;
        bus_client_send_take(witness->ledger, &witness->call,
                             bus_client_new_call(witness->ledger, "GetReplica", "s", witness->device),
                             on_replica);
}

int witness_new(HttpClient *http, BusClient *ledger, const char *device, Witness **ret_witness)
{
        Witness *witness = calloc(1, sizeof *witness);
        if (!witness)
                return -ENOMEM;

        *witness = (Witness){ .http = http, .ledger = ledger, .device = device };
        *ret_witness = witness;
        return 0;
}

Witness *witness_free(Witness *witness)
{
        if (!witness)
                return NULL;

        bus_request_cancel(&witness->call);
        http_call_free(witness->step);
        free(witness->checkpoint);
        free(witness);
        return NULL;
}

void witness_set_checkpoint(Witness *witness, const char *checkpoint)
{
        free(witness->checkpoint);
        witness->checkpoint = strdup(checkpoint); /* without memory: as if there were none */
}

int witness_start(Witness *witness, const char *url)
{
        int n = snprintf(witness->url, sizeof witness->url, "%s", url);
        if (n < 0 || (size_t) n >= sizeof witness->url)
                return -ENAMETOOLONG;

        if (witness->running)
                witness->again = true;
        else
                begin(witness);
        return 0;
}

bool witness_is_running(const Witness *witness)
{
        return witness->running;
}

uint64_t witness_entries(const Witness *witness)
{
        return witness->entries;
}

const char *witness_problem(const Witness *witness)
{
        return witness->problem;
}

bool witness_is_known(const Witness *witness)
{
        return witness->known;
}
