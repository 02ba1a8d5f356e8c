/* SPDX-License-Identifier: MIT */
/* The core as a program, for a second implementation to talk to: a command per line of standard input, its
 * result per line of standard output, both JSON. Everything runs in transactions of its own, in a store that
 * goes with it. */

#include <stdio.h>

#include "basic/time.h"
#include "codec/binary-text.h"
#include "e2ee/json.h"
#include "e2ee/message.h"
#include "e2ee/schema.h"
#include "e2ee/sync.h"
#include "e2ee/verification.h"

typedef int Command(E2ee *e2ee, const cJSON *input, cJSON **ret_output);

static int64_t now_ms(void *userdata)
{
        return (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
}

static int do_next(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        _cleanup_(e2ee_request_clear) E2eeRequest request = E2EE_REQUEST_NULL;
        cJSON *body = NULL;
        int64_t after = 0;

        (void) object_integer(input, "after", 0, MATRIX_JSON_INTEGER, &after);
        int r = e2ee_next_request(e2ee, after, &request);
        if (r <= 0)
                return r < 0 ? r : json_pack(ret_output, "{}");
        r = matrix_json_parse(bytes_of_string(request.body), SIZE_MAX, &body);
        return r < 0 ? r
                     : json_pack(ret_output, "{id:i,kind:i,target:s,room_id:s,body:o}", request.id,
                                 (int64_t) request.kind, request.target, request.room_id, body);
}

static int do_done(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        int64_t id = 0;

        (void) object_integer(input, "id", 0, MATRIX_JSON_INTEGER, &id);
        int r = e2ee_request_done(e2ee, id, object_object(input, "response"));
        return r < 0 ? r : json_pack(ret_output, "{}");
}

static int do_sync(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        int r = e2ee_receive_sync(e2ee, object_object(input, "sync"));
        return r < 0 ? r : json_pack(ret_output, "{}");
}

static int do_encrypt(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        RoomMessage message = { object_string(input, "room_id"), object_string(input, "type"),
                                object_object(input, "content"), false };
        cJSON *content = NULL;

        int r = e2ee_encrypt(e2ee, &message, &content);
        return r < 0 ? r : json_pack(ret_output, "{outcome:i,content:o}", (int64_t) r, content);
}

static int do_decrypt(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        _cleanup_(decrypted_event_clear) DecryptedEvent event = DECRYPTED_EVENT_NULL;

        int r = e2ee_decrypt(e2ee, object_string(input, "room_id"), object_object(input, "event"), &event);
        if (r != 0)
                return r < 0 ? r : json_pack(ret_output, "{outcome:i}", (int64_t) r);
        return json_pack(ret_output, "{outcome:i,payload:c,trust:s}", INT64_C(0), event.payload,
                         device_trust_to_string(event.trust));
}

static int do_verification(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        char sas_text[HEX_SIZE(SAS_SIZE)] = "";
        uint8_t sas[SAS_SIZE];

        int r = e2ee_next_verification(e2ee, NULL, &verification);
        if (r <= 0)
                return r < 0 ? r : json_pack(ret_output, "{}");
        if (e2ee_verification_sas(e2ee, &verification, sas) == 0)
                hex_format(BYTES_OF(sas), sas_text);
        return json_pack(ret_output, "{txn_id:s,state:i,sas:s}", verification.txn_id,
                         (int64_t) verification.state, sas_text);
}

static int do_ask(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        int r = e2ee_verification_ask(e2ee, object_string(input, "user_id"),
                                      object_string(input, "device_id"), NULL, NULL);
        return r < 0 ? r : json_pack(ret_output, "{}");
}

static int do_accept(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        int r = e2ee_verification_accept(e2ee, object_string(input, "txn_id"));
        return r < 0 ? r : json_pack(ret_output, "{}");
}

static int do_confirm(E2ee *e2ee, const cJSON *input, cJSON **ret_output)
{
        int r = e2ee_verification_confirm(e2ee, object_string(input, "txn_id"));
        return r < 0 ? r : json_pack(ret_output, "{}");
}

static int run(Database *database, E2ee *e2ee, const char *line)
{
        static const struct {
                const char *name;
                Command *command;
        } commands[] = {
                { "next", do_next },       { "done", do_done },       { "sync", do_sync },
                { "encrypt", do_encrypt }, { "decrypt", do_decrypt }, { "verification", do_verification },
                { "ask", do_ask },         { "accept", do_accept },   { "confirm", do_confirm },
        };
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *input = NULL, *output = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = matrix_json_parse(bytes_of_string(line), SIZE_MAX, &input);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                if (!object_has(input, "do", commands[i].name))
                        continue;
                r = transaction_begin(database, &transaction);
                if (r == 0)
                        r = commands[i].command(e2ee, input, &output);
                if (r == 0)
                        r = transaction_commit(&transaction);
                if (r == 0)
                        r = canonical_json(output, false, &text);
                return r < 0 ? r : puts(text) < 0 || fflush(stdout) != 0 ? -EIO : 0;
        }
        return -EINVAL;
}

int main(int argc, char **argv)
{
        static const char *const migrations[] = { e2ee_tables, e2ee_changes_1, e2ee_changes_2 };
        static const DatabaseSchema schema = { 0x6d747278, migrations, ELEMENTSOF(migrations) };
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(e2ee_closep) E2ee *e2ee = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        _cleanup_(freep) char *line = NULL;
        size_t room = 0;

        if (argc != 4)
                return 2;
        int r = secret_new_random(32, &key);
        if (r == 0)
                r = database_open(argv[1], DATABASE_OWN, &schema, &database);
        if (r == 0)
                r = e2ee_open(&(E2eeOptions){ database, key, argv[2], argv[3], now_ms, NULL }, &e2ee);
        while (r == 0 && getline(&line, &room, stdin) > 0) {
                line[strcspn(line, "\n")] = '\0';
                r = run(database, e2ee, line);
        }
        if (r < 0)
                (void) fprintf(stderr, "%s\n", strerror(-r));
        return r < 0;
}
