/* SPDX-License-Identifier: MIT */
/* Bodies that a homeserver sends: a sync response, the answers to each kind of request, a room event, a
 * message of a verification. The first byte says which. Input is never an error: only the machine may fail.
 */

#include <stdio.h>
#include <unistd.h>

#include "e2ee/attachment.h"
#include "e2ee/json.h"
#include "e2ee/message.h"
#include "e2ee/schema.h"
#include "e2ee/sync.h"
#include "e2ee/verification.h"
#include "store/query.h"

#include "fuzz.h"

enum { SYNC = E2EE_ROOM_EVENT + 1, EVENT, VERIFICATION, IN_ROOM, ATTACHMENT, _WHAT_MAX };

static Database *database;
static E2ee *e2ee;
static Secret *key;

static int64_t now_ms(void *userdata)
{
        return INT64_C(1700000000000);
}

static void set_up(void)
{
        static const char *const migrations[] = { e2ee_tables, e2ee_changes_1, e2ee_changes_2 };
        static const DatabaseSchema schema = { 0x66757a7a, migrations, ELEMENTSOF(migrations) };
        static char directory[] = "/tmp/devbox-fuzz.XXXXXX";
        char path[64];

        fuzz_check(mkdtemp(directory));
        (void) snprintf(path, sizeof path, "%s/f.db", directory);
        fuzz_check(secret_new("0123456789abcdef0123456789abcdef", 32, &key) == 0);
        fuzz_check(database_open(path, DATABASE_OWN, &schema, &database) == 0);
        fuzz_check(e2ee_open(&(E2eeOptions){ database, key, "@bot:x", "BOT", now_ms, NULL }, &e2ee) == 0);
        for (size_t i = 0; i < 4; i++) { /* open is enough */
                (void) snprintf(path, sizeof path, "%s/f.db%s", directory,
                                (const char *[]){ "", "-wal", "-shm", "-mark" }[i]);
                (void) unlink(path);
        }
        (void) rmdir(directory);
}

/* An answer to a request of that kind, which is made to ask about @ana:x. */
static int answer(E2eeRequestKind kind, const cJSON *body)
{
        static const char *const contexts[] = {
                [E2EE_KEYS_QUERY] = "{\"@ana:x\":1,\"@bot:x\":2}",
                [E2EE_KEYS_CLAIM] = "[{\"user\":\"@ana:x\",\"device\":\"PHONE\",\"key\":\"k\"}]",
                [E2EE_ROOM_EVENT] = "{\"verification\":\"t\"}",
        };
        char sql[512];

        (void) snprintf(sql, sizeof sql,
                        "DELETE FROM e2ee_request;"
                        "INSERT OR IGNORE INTO identity(user_id, tracked) VALUES ('@ana:x', 1);"
                        "INSERT INTO e2ee_request(id, kind, txn_id, body, context) VALUES (999999, %d, 't', "
                        "'{}', '%s')",
                        (int) kind,
                        (size_t) kind < ELEMENTSOF(contexts) && contexts[kind] ? contexts[kind] : "{}");
        fuzz_check(database_run(database, sql) == 0);
        return e2ee_request_done(e2ee, 999999, body);
}

static int receive(unsigned what, const cJSON *body)
{
        _cleanup_(decrypted_event_clear) DecryptedEvent event = DECRYPTED_EVENT_NULL;
        _cleanup_(freep) uint8_t *plain = NULL;
        const char *type = object_string(body, "type");
        const cJSON *content = object_object(body, "content");

        switch (what) {
        case SYNC:
                return e2ee_receive_sync(e2ee, body);
        case EVENT:
                return MIN(e2ee_decrypt(e2ee, "!r:x", body, &event), 0);
        case VERIFICATION:
        case IN_ROOM:
                return type && content
                               ? e2ee_receive_verification(
                                         e2ee,
                                         &(VerificationMessage){ "@ana:x", type,
                                                                 what == IN_ROOM ? "!r:x" : NULL,
                                                                 what == IN_ROOM ? "$e" : NULL, content })
                               : 0;
        case ATTACHMENT:
                fuzz_check(attachment_decrypt(bytes_of_string("cipher"), body, &plain) <= 0);
                return 0;
        default:
                return answer((E2eeRequestKind) what, body);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *body = NULL;

        if (size == 0)
                return 0;
        if (!database)
                set_up();
        if (matrix_json_parse(BYTES(data + 1, size - 1), 1 << 16, &body) < 0)
                return 0;

        fuzz_check(transaction_begin(database, &transaction) == 0);
        fuzz_check(receive(data[0] % _WHAT_MAX, body) == 0);
        fuzz_check(query_exists(database, "SELECT 1 FROM poison", "") == 0); /* nor is an error hidden */
        return 0;
}
