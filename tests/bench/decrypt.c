/* SPDX-License-Identifier: MIT */
/* The cost of receiving encrypted messages, as JSON.
 *
 *         bench-decrypt devbox|libolm INPUT STORE
 *
 * INPUT is what decrypt.py makes: a line with the key, then sync responses. `devbox`: from the text of a
 * response to its commit in the new database STORE. `libolm`: its decryption alone. */

#include <fcntl.h>
#include <inttypes.h>
#include <olm/olm.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "e2ee/inbound.h"
#include "e2ee/json.h"
#include "e2ee/sync.h"
#include "matrix/schema.h"
#include "matrix/timeline.h"
#include "store/query.h"

#define INPUT_MAX  (64 << 20)
#define LINES_MAX  1024
#define CIPHER_MAX 4096

typedef struct Input {
        cJSON *key;
        char *text, *lines[LINES_MAX]; /* of sync responses */
        size_t n_lines;
} Input;

static void must(bool holds, const char *what)
{
        if (holds)
                return;

        (void) fprintf(stderr, "bench-decrypt: %s\n", what);
        exit(EXIT_FAILURE);
}

/* What was spent between begin() and end(). */
typedef struct Spent {
        usec_t usec, cpu_usec;
} Spent;

static void begin(Spent *spent)
{
        spent->usec -= time_now(CLOCK_MONOTONIC);
        spent->cpu_usec -= time_now(CLOCK_PROCESS_CPUTIME_ID);
}

static void end(Spent *spent)
{
        spent->cpu_usec += time_now(CLOCK_PROCESS_CPUTIME_ID);
        spent->usec += time_now(CLOCK_MONOTONIC);
}

static void print(int64_t n, const Spent *spent)
{
        (void) printf("{\"events\":%" PRId64 ",\"us\":%" PRIu64 ",\"cpu_us\":%" PRIu64 "}\n", n, spent->usec,
                      spent->cpu_usec);
}

static cJSON *parse(const char *text)
{
        cJSON *tree = NULL;

        must(matrix_json_parse(bytes_of_string(text), INPUT_MAX, &tree) == 0, "a line is no JSON");
        return tree;
}

static const char *of_key(const Input *input, const char *name)
{
        const char *value = object_string(input->key, name);

        must(value, name);
        return value;
}

static void read_input(const char *path, Input *ret_input)
{
        size_t size;

        *ret_input = (Input){ .key = NULL };
        must(fd_read_file_at(AT_FDCWD, path, INPUT_MAX, &ret_input->text, &size) == 0, path);
        char *rest = ret_input->text, *line = strsep(&rest, "\n");
        ret_input->key = parse(line);
        while ((line = strsep(&rest, "\n")) && *line && ret_input->n_lines < LINES_MAX)
                ret_input->lines[ret_input->n_lines++] = line;
}

static const cJSON *joined(const cJSON *sync)
{
        return object_object(object_object(sync, "rooms"), "join");
}

/* ---- devbox */

static int64_t now_ms(void *userdata)
{
        return (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
}

/* The sender is an operator, on a device that their pinned identity has signed. */
static void meet_sender(E2ee *e2ee, const Input *input)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        const char *user = of_key(input, "sender"), *curve25519 = of_key(input, "curve25519"),
                   *ed25519 = of_key(input, "ed25519");
        const ChannelSender sender = { user, curve25519, ed25519 };

        must(transaction_begin(e2ee->database, &transaction) == 0 &&
                     query_run(e2ee->database, "INSERT INTO person(device, user_id) VALUES ('home', ?)", "t",
                               user) == 0 &&
                     query_run(e2ee->database,
                               "INSERT INTO identity(user_id, tracked, dirty, master, pinned)"
                               " VALUES (?, 1, 0, ?, ?)",
                               "ttt", user, ed25519, ed25519) == 0 &&
                     query_run(e2ee->database,
                               "INSERT INTO device(user_id, device_id, curve25519, ed25519, signed,"
                               " first_seen_ms) VALUES (?, 'PHONE', ?, ?, 1, 1)",
                               "ttt", user, curve25519, ed25519) == 0 &&
                     inbound_add(e2ee, &sender, of_key(input, "room_id"), of_key(input, "session_key")) ==
                             0 &&
                     transaction_commit(&transaction) == 0,
             "the sender is not known");
}

static void receive(E2ee *e2ee, const char *line)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *sync = parse(line);
        const Timeline timeline = { e2ee->database, e2ee, "@bot:x", "s0" };

        must(transaction_begin(e2ee->database, &transaction) == 0 && e2ee_receive_sync(e2ee, sync) == 0 &&
                     timeline_receive(&timeline, joined(sync)) == 0 && transaction_commit(&transaction) == 0,
             "a response is not received");
}

static void devbox(Input *input, const char *store)
{
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(e2ee_closep) E2ee *e2ee = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;
        Spent spent = { 0 };
        int64_t n = 0;

        must(secret_new_random(32, &key) == 0 && matrix_database_open(store, &database) == 0 &&
                     e2ee_open(&(E2eeOptions){ database, key, "@bot:x", "BOT", now_ms, NULL }, &e2ee) == 0,
             store);
        meet_sender(e2ee, input);
        begin(&spent);
        for (size_t i = 0; i < input->n_lines; i++)
                receive(e2ee, input->lines[i]);
        end(&spent);
        must(query_integer(database, &n, "SELECT count(*) FROM megolm_index", "") == 1, store);
        print(n, &spent);
}

/* ---- libolm */

static OlmInboundGroupSession *new_session(const char *key)
{
        OlmInboundGroupSession *session =
                olm_inbound_group_session(malloc(olm_inbound_group_session_size()));

        must(olm_init_inbound_group_session(session, (const uint8_t *) key, strlen(key)) != olm_error(),
             "the key is not valid");
        return session;
}

/* libolm overwrites what it reads. */
static void decrypt(OlmInboundGroupSession *session, const char *ciphertext)
{
        uint8_t plain[CIPHER_MAX], copy[CIPHER_MAX];
        size_t size = strlen(ciphertext);
        uint32_t index;

        must(size < sizeof copy, "a message is too long");
        memcpy(copy, ciphertext, size);
        must(olm_group_decrypt(session, copy, size, plain, sizeof plain, &index) != olm_error(),
             "a message does not decrypt");
}

static void libolm(Input *input, const char *store)
{
        OlmInboundGroupSession *session = new_session(of_key(input, "session_key"));
        Spent spent = { 0 };
        int64_t n = 0;

        for (size_t i = 0; i < input->n_lines; i++) {
                _cleanup_(json_freep) cJSON *sync = parse(input->lines[i]);
                const cJSON *event;

                begin(&spent);
                cJSON_ArrayForEach(event,
                                   object_array(object_object(joined(sync)->child, "timeline"), "events")) {
                        const cJSON *content = object_object(event, "content");

                        if (!object_string(content, "ciphertext")) /* state */
                                continue;
                        decrypt(session, object_string(content, "ciphertext"));
                        n++;
                }
                end(&spent);
        }
        free(session);
        print(n, &spent);
}

int main(int argc, char **argv)
{
        Input input;

        must(argc == 4 && (streq(argv[1], "devbox") || streq(argv[1], "libolm")), "devbox or libolm?");
        read_input(argv[2], &input);
        (streq(argv[1], "devbox") ? devbox : libolm)(&input, argv[3]);
        cJSON_Delete(input.key);
        free(input.text);
        return EXIT_SUCCESS;
}
