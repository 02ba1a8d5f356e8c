/* SPDX-License-Identifier: MIT */
/* Bodies of a homeserver that devbox-matrix reads beside src/e2ee: timelines and invitations of a sync,
 * pages that it left out, answers about rooms, uploads, logins and where the server is. The first byte says
 * which, the second is the status or the step. Input is never an error: only the machine may fail. */

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "e2ee/json.h"
#include "e2ee/quarantine.h"
#include "e2ee/sync.h"
#include "fuzz.h"
#include "log/log.h"
#include "matrix/auth.h"
#include "matrix/discovery.h"
#include "matrix/invitations.h"
#include "matrix/room-queue.h"
#include "matrix/schema.h"
#include "matrix/session-internal.h"
#include "matrix/timeline.h"
#include "matrix/upload.h"
#include "store/query.h"

enum { SYNC, PAGE, ROOM, UPLOAD, DISCOVERY, LOGIN, CONFIRM, _WHAT_MAX };

static Database *database;
static E2ee *e2ee;
static Secret *key;

static int64_t now_ms(void *userdata)
{
        return INT64_C(1700000000000);
}

/* Ana is in the room of the approvals, where one waits; and of each step of a room there is a row. */
static const char rows[] =
        "INSERT INTO person(device, user_id) VALUES ('home', '@ana:x');"
        "INSERT INTO chat_room(id, kind, name, alias, room_id) VALUES (1, 1, '', 'operator-approvals', "
        "'!r:x');"
        "INSERT INTO chat_room(id, kind, name, alias) VALUES (2, 2, 'home', 'dev-home');"
        "INSERT INTO chat_member(room, user_id, state) VALUES (1, '@ana:x', 1), (1, '@ben:x', 2);"
        "INSERT INTO approval(request_id, room_id, event_id) VALUES ('01JDMXV3Q2TTTTTTTTTTTTTTTT', '!r:x', "
        "'$1');"
        "INSERT INTO gap(id, room_id, token, since) VALUES (1, '!r:x', 'a', 'b');"
        "INSERT INTO invitation(id, room_id, accepted) VALUES (1, '!dm:x', 1);"
        "INSERT INTO upload(id, room_id, content) VALUES (1, '!r:x', '{\"file\":{}}');"
        "INSERT INTO upload_piece(upload, at, cipher) VALUES (1, 0, x'00');";

static void set_up(void)
{
        static char directory[] = "/tmp/devbox-fuzz.XXXXXX";
        char path[64];

        log_set_max_level(LOG_ERR);
        fuzz_check(mkdtemp(directory));
        (void) snprintf(path, sizeof path, "%s/f.db", directory);
        fuzz_check(secret_new("0123456789abcdef0123456789abcdef", 32, &key) == 0);
        fuzz_check(matrix_database_open(path, &database) == 0);
        fuzz_check(e2ee_open(&(E2eeOptions){ .database = database,
                                             .pickle_key = key,
                                             .user_id = "@bot:x",
                                             .device_id = "BOT",
                                             .now_ms = now_ms,
                                             .pinned_only = true },
                             &e2ee) == 0);
        fuzz_check(database_run(database, rows) == 0);
        for (size_t i = 0; i < 4; i++) { /* open is enough */
                (void) snprintf(path, sizeof path, "%s/f.db%s", directory,
                                (const char *[]){ "", "-wal", "-shm", "-mark" }[i]);
                (void) unlink(path);
        }
        (void) rmdir(directory);
}

static int on_invitation(const E2eeGuarded *guarded, void *userdata)
{
        return invitation_receive(database, "@bot:x", guarded->event);
}

static int receive_sync(const Timeline *timeline, const cJSON *body)
{
        const cJSON *rooms = object_object(body, "rooms");
        const E2eeGuarded invitations = { "invitation", NULL, object_object(rooms, "invite"), NULL };

        int r = e2ee_receive_sync(e2ee, body);
        if (r == 0)
                r = timeline_receive(timeline, object_object(rooms, "join"));
        return r < 0 ? r : e2ee_guard_each(e2ee, &invitations, on_invitation, NULL);
}

static int discover(const MatrixReply *reply)
{
        MatrixServer server = { .url = NULL };

        int r = matrix_server_set_url(&server, "https://x");
        if (r == 0)
                r = discovery_take(&server, reply);
        matrix_server_done(&server);
        return r;
}

/* A password, a token that is due, and a token of a person's. */
static int log_in(const MatrixReply *reply)
{
        static char user_id[] = "@bot:x", device_id[] = "BOT";
        const MatrixLogin login = { .user_id = user_id, .device_id = device_id };
        const char *device;
        MatrixTokens tokens;
        int r = 0;

        if (auth_login_tokens(&login, reply, &tokens) == 0 || auth_refresh_tokens(key, reply, &tokens) == 0)
                r = matrix_login_set_tokens(database, key, &tokens);
        if (r == 0 && auth_whoami_device(&login, reply, &device) == 0)
                r = matrix_login_set_device(database, device);
        return r == -EXDEV ? 0 : r;
}

/* What a server that wants the password says, and what it gets. */
static int confirm(const cJSON *body)
{
        static char user_id[] = "@bot:x";
        const MatrixReply reply = { .status = 401, .body = body };
        MatrixSession session = { .user_id = user_id, .password = key };
        _cleanup_(freep) char *text = strdup("{}");

        int r = confirm_is_asked(&session, &reply) ? confirm_add(&session, &text) : 0;
        free(session.confirmation);
        return r;
}

static int receive(unsigned what, unsigned second, const cJSON *body)
{
        static const unsigned statuses[] = { 200, 400, 403, 404, 429 };
        const Timeline timeline = { database, e2ee, "@bot:x", "s" };
        const MatrixReply reply = { .status = statuses[second % ELEMENTSOF(statuses)], .body = body };

        switch (what) {
        case SYNC:
                return receive_sync(&timeline, body);
        case PAGE:
                return timeline_receive_page(&timeline, 1, &reply);
        case ROOM:
                return room_queue_answered(database, "@bot:x", second, &reply);
        case UPLOAD:
                return upload_answered(database, now_ms(NULL), 1, &reply);
        case LOGIN:
                return log_in(&reply);
        case CONFIRM:
                return confirm(body);
        default:
                return discover(&reply);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *body = NULL;

        if (size < 2)
                return 0;
        if (!database)
                set_up();
        if (matrix_json_parse(BYTES(data + 2, size - 2), 1 << 16, &body) < 0)
                return 0;

        fuzz_check(transaction_begin(database, &transaction) == 0);
        fuzz_check(receive(data[0] % _WHAT_MAX, data[1], body) == 0);
        fuzz_check(query_exists(database, "SELECT 1 FROM poison", "") == 0); /* nor is an error hidden */
        return 0;
}
