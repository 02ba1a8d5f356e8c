/* SPDX-License-Identifier: MIT */
/* Sends, and reads what became of it. */

#include <cjson/cJSON.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/checkpoint.h"
#include "codec/binary-text.h"
#include "forge.h"
#include "proto/frames.h"

#define DOCUMENT_MAX (256 * 1024)
#define DEADLINE_SEC 60L

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        text_append_bytes(userdata, data, size * n);
        return size * n;
}

long forge_exchange(Forge *forge, const char *path, const char *body, Text *response)
{
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        long status = 0;
        char url[160];

        (void) snprintf(url, sizeof url, "http://%s%s", forge->agent, path);
        curl_easy_reset(forge->curl); /* keeps the connection */
        (void) curl_easy_setopt(forge->curl, CURLOPT_URL, url);
        (void) curl_easy_setopt(forge->curl, CURLOPT_TIMEOUT, DEADLINE_SEC);
        (void) curl_easy_setopt(forge->curl, CURLOPT_HTTPHEADER, headers);
        (void) curl_easy_setopt(forge->curl, CURLOPT_WRITEFUNCTION, on_body);
        (void) curl_easy_setopt(forge->curl, CURLOPT_WRITEDATA, response);
        if (body)
                (void) curl_easy_setopt(forge->curl, CURLOPT_POSTFIELDS, body);
        CURLcode r = curl_easy_perform(forge->curl);
        if (r != CURLE_OK)
                errx(2, "%s: %s", url, curl_easy_strerror(r));
        (void) curl_easy_getinfo(forge->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_slist_free_all(headers);
        return status;
}

static void copy_member(const cJSON *tree, const char *key, char *to, size_t size)
{
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));

        (void) snprintf(to, size, "%s", strempty(value));
}

/* The code in the response of an error. */
static void read_error(const Text *response, char reason[static 64])
{
        cJSON *tree = cJSON_ParseWithLength(strempty(response->data), response->size);

        copy_member(cJSON_GetObjectItemCaseSensitive(tree, "error"), "code", reason, 64);
        cJSON_Delete(tree);
}

void forge_begin_session(Forge *forge)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(text_done) Text response = TEXT_NULL;
        char statement[4096];
        Checkpoint checkpoint;

        if (forge_exchange(forge, "/v1/session", "", &response) != 200)
                errx(2, "no session: %s", strempty(response.data));

        cJSON *tree = cJSON_Parse(response.data);
        copy_member(tree, "session", forge->session, sizeof forge->session);
        copy_member(tree, "checkpoint", statement, sizeof statement);
        cJSON_Delete(tree);
        must(envelope_parse(bytes_of_string(statement), sizeof statement, &envelope), "checkpoint");
        must(checkpoint_parse(envelope_payload(envelope), &checkpoint), "checkpoint");
        forge->size = checkpoint.size;
        forge->counter = 0;
}

/* ---- requests */

void bundle_done(Bundle *bundle)
{
        free(bundle->request);
        free(bundle->delivery);
        for (size_t i = 0; i < ELEMENTSOF(bundle->approvals); i++)
                free(bundle->approvals[i]);
        *bundle = (Bundle){ 0 };
}

typedef struct Reading {
        const Forge *forge;
        const Sha256 *digest;
        Answer *answer;
} Reading;

/* What is called a result and is not the device's counts as none. */
static void take_result(const Reading *reading, Bytes payload)
{
        KeySet keys = { "device", &reading->forge->manifest->device_key, 1, 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(result_freep) Result *result = NULL;

        if (envelope_parse(payload, DOCUMENT_MAX, &envelope) == 0 &&
            envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL) == 0 &&
            result_parse(envelope_payload(envelope), &result, NULL) == 0 &&
            sha256_equal(&result->request_sha256, reading->digest))
                reading->answer->result = TAKE_PTR(result);
}

static int on_frame(char type, Bytes payload, void *userdata)
{
        const Reading *reading = userdata;
        Answer *answer = reading->answer;

        if (type == 'A') {
                cJSON *tree = cJSON_ParseWithLength((const char *) payload.data, payload.size);
                copy_member(tree, "outcome", answer->outcome, sizeof answer->outcome);
                copy_member(tree, "reason", answer->reason, sizeof answer->reason);
                cJSON_Delete(tree);
        } else if (type == 'R')
                take_result(reading, payload);
        else
                text_append_bytes(&answer->output, payload.data, payload.size);
        return 0;
}

void answer_done(Answer *answer)
{
        result_free(answer->result);
        text_done(&answer->output);
}

static char *bundle_body(const Bundle *bundle)
{
        _cleanup_(text_done) Text body = TEXT_NULL;
        char *text = NULL;

        text_appendf(&body, "{\"request\":%s,\"delivery\":%s", bundle->request, bundle->delivery);
        for (size_t i = 0; i < bundle->n_approvals; i++)
                text_appendf(&body, "%s{\"envelope\":%s}", i == 0 ? ",\"approvals\":[" : ",",
                             bundle->approvals[i]);
        text_append(&body, bundle->n_approvals > 0 ? "]}" : "}");
        must(text_take(&body, &text, NULL), "body");
        return text;
}

void forge_deliver(Forge *forge, const Bundle *bundle, Answer *answer)
{
        _cleanup_(frames_done) Frames frames = { 0 };
        _cleanup_(text_done) Text response = TEXT_NULL;
        _cleanup_(freep) char *body = bundle_body(bundle);
        Reading reading = { forge, &bundle->digest, answer };

        *answer = (Answer){ .outcome = "error" };
        if (forge_exchange(forge, "/v1/requests", body, &response) != 200)
                return read_error(&response, answer->reason);

        must(frames_feed(&frames, BYTES(response.data, response.size), on_frame, &reading), "frames");
        if (streq(answer->outcome, "known"))
                (void) snprintf(answer->reason, sizeof answer->reason, "known");
        else if (answer->result)
                (void) snprintf(answer->reason, sizeof answer->reason, "%s",
                                strempty(answer->result->reason));
}

/* ---- the chain */

static void read_entry(const cJSON *entry, Text *names, char reason[static 64])
{
        const char *body = cJSON_GetStringValue(cJSON_GetArrayItem(entry, 3));
        int type = (int) cJSON_GetNumberValue(cJSON_GetArrayItem(entry, 2));
        _cleanup_(freep) uint8_t *bytes = NULL;
        size_t size;

        if (type < AUDIT_REQUEST_ACCEPTED || type > AUDIT_REQUEST_DENIED)
                return;

        must(base64_parse(body, AUDIT_BODY_MAX, &bytes, &size), "entry");
        text_appendf(names, "%s%s", names->size > 0 ? " " : "",
                     audit_type_name((uint16_t) type) + strlen("req."));
        cJSON *tree = cJSON_ParseWithLength((const char *) bytes, size);
        copy_member(tree, "reason", reason, 64);
        cJSON_Delete(tree);
}

void forge_read_entries(Forge *forge, Text *names, char reason[static 64])
{
        _cleanup_(text_done) Text response = TEXT_NULL;
        const cJSON *entry;
        char path[64];

        reason[0] = '\0';
        text_append(names, "");
        (void) snprintf(path, sizeof path, "/v1/entries/%" PRIu64, forge->size);
        if (forge_exchange(forge, path, NULL, &response) != 200)
                errx(2, "no entries: %s", strempty(response.data));

        cJSON *tree = cJSON_ParseWithLength(response.data, response.size);
        cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(tree, "entries")) {
                read_entry(entry, names, reason);
                forge->size++;
        }
        cJSON_Delete(tree);
}

/* ---- documents */

void forge_install(Forge *forge, const char *root, const char *manifest, char reason[static 64])
{
        _cleanup_(text_done) Text body = TEXT_NULL, response = TEXT_NULL;

        text_append(&body, "{");
        if (root)
                text_appendf(&body, "\"roots\":[{\"envelope\":%s}],", root);
        if (manifest)
                text_appendf(&body, "\"manifest\":%s,", manifest);
        text_append(&body, "\"keepalive_sec\":25}");
        must(body.error, "body");
        reason[0] = '\0';
        if (forge_exchange(forge, "/v1/documents", body.data, &response) != 200)
                read_error(&response, reason);
}
