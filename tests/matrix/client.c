/* SPDX-License-Identifier: MIT */
/* A session as a program, for a real homeserver and clients that share no code with it.
 *
 *         client DIRECTORY URL USER DEVICES OPERATOR... < PASSWORD
 *
 * PASSWORD is that of the user, or after "appservice " the token of an application service, whose user it
 * is. Makes the rooms of so many devices, "home", "home1" and so on, whose manifests pin the identity that
 * the server has of each OPERATOR when it is known first. Answers each command with "done:" and its line,
 * "!long" as if it had printed 5 MB, and announces a request, whose announcement becomes the
 * first decision.
 *
 * Then reads what its operator does, a line each, and answers each with all verifications as JSON, or with
 * an errno. Ends with its input.
 *
 *         verify USER [DEVICE]    in #operator-approvals, or by to-device messages
 *         confirm ID, cancel ID   the emojis are the same, or not
 *         publish                 the manifest pins the identities that the server has now
 *         list */

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "basic/parse.h"
#include "basic/text.h"
#include "e2ee/identity.h"
#include "e2ee/json.h"
#include "e2ee/message-check.h"
#include "log/log.h"
#include "matrix/approval.h"
#include "matrix/auth.h"
#include "matrix/command-journal.h"
#include "matrix/people.h"
#include "matrix/run-answer.h"
#include "matrix/schema.h"
#include "matrix/session.h"
#include "matrix/verification.h"

#define OPERATORS_MAX 8
#define LONG_SIZE     ((size_t) 5 * 1000 * 1000) /* bytes of a long output */

typedef struct Client {
        unsigned n_devices;
        char **people; /* until NULL */
        ManifestOperator
                operators[OPERATORS_MAX]; /* of them, in their order; pinned as soon as they can be */
        sd_event *event;
        HttpClient *http;
        Secret *seal;
        Database *database;
        MatrixLogin login;
        MatrixServer server; /* while logging in, as the call */
        MatrixCall *call;
        MatrixSession *session;
} Client;

/* A command ran that printed numbered lines. */
static int print_lines(Client *client, RunOutput *output)
{
        char line[16];
        int r = 0;

        for (unsigned i = 0; r == 0 && run_output_size(output) < LONG_SIZE; i++)
                r = run_output_add(output, client->database,
                                   BYTES(line, MIN((size_t) snprintf(line, sizeof line, "%u\n", i),
                                                   LONG_SIZE - run_output_size(output))));
        return r;
}

static int answer_long(Client *client, const JournalCommand *command)
{
        static const RunOutcome outcome = { .state = "finished" };
        _cleanup_(run_output_done) RunOutput output = { .n_written = 0 };
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = print_lines(client, &output);
        if (r == 0)
                r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = run_output_end(&output);
        if (r == 0)
                r = run_answer_end(client->database,
                                   &(RunAnswer){ .event_id = command->event_id,
                                                 .device = "home",
                                                 .subject = "seq",
                                                 .output = BYTES(output.kept.data, output.kept.size),
                                                 .n_left_out = output.n_left_out,
                                                 .file = output.file },
                                   &outcome);
        return r < 0 ? r : transaction_commit(&transaction);
}

static int answer_first(Client *client)
{
        _cleanup_(journal_command_done) JournalCommand command = JOURNAL_COMMAND_NULL;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = command_journal_next(client->database, &command);
        bool is_long = r > 0 && streq(command.line, "!long");
        if (r > 0 && !is_long)
                r = command_journal_answer(
                        client->database, command.event_id,
                        &(Answer){ .line = "done:", .output = bytes_of_string(command.line) });
        if (r >= 0)
                r = transaction_commit(&transaction);
        return r == 0 && is_long ? answer_long(client, &command) : r;
}

static int read_identity(Client *client, char *person, ManifestOperator *who)
{
        _cleanup_(freep) char *master = NULL;

        who->principal = person;
        if (!public_key_is_null(&who->master_key))
                return 0;
        int r = e2ee_identity(session_e2ee(client->session), person, &master);
        return r <= 0 ? r : ed25519_text_parse(master, &who->master_key);
}

static int read_manifest(Client *client)
{
        Manifest manifest = { .operators = { client->operators, 0 } };
        int r = 0;

        for (char **person = client->people; *person && r == 0; person++)
                r = read_identity(client, *person, &client->operators[manifest.operators.n++]);
        for (unsigned i = 0; r == 0 && i < client->n_devices; i++) {
                char name[16];

                (void) snprintf(name, sizeof name, i == 0 ? "home" : "home%u", i);
                r = people_receive(client->database, session_e2ee(client->session), name, &manifest);
        }
        return r;
}

/* The request is announced once the first person is known, who could not read it before. */
static int pass_on_decision(Client *client)
{
        _cleanup_(decision_done) Decision decision = DECISION_NULL;
        char verdict[256];

        if (public_key_is_null(&client->operators[0].master_key))
                return 0;
        int r = approval_add(client->database, "REQUEST", APPROVAL_REACTION,
                             &(Answer){ .line = "home: rm" });
        if (r >= 0)
                r = approval_next_decision(client->database, &decision);
        if (r <= 0)
                return r;
        (void) snprintf(verdict, sizeof verdict, "%s by %s", decision.approve ? "approved" : "denied",
                        decision.user_id);
        r = approval_decided(client->database, &decision, true);
        return r < 0 ? r : approval_close(client->database, decision.request_id, verdict);
}

static int work(Client *client)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = read_manifest(client);
        if (r == 0)
                r = pass_on_decision(client);
        if (r == 0)
                r = transaction_commit(&transaction);
        return r < 0 ? r : answer_first(client);
}

static void on_committed(void *userdata)
{
        Client *client = userdata;

        int r = work(client);
        if (r < 0)
                (void) log_error_errno(r, "Cannot work");
        session_send(client->session);
}

/* ---- what the operator does */

static int do_verify(Client *client, char *argument)
{
        E2ee *e2ee = session_e2ee(client->session);
        char *device = strchr(argument, ' ');
        _cleanup_(freep) char *id = NULL;

        if (!device)
                return verification_start(client->database, e2ee, argument, &id);
        *device = '\0';
        return e2ee_verification_ask(e2ee, argument, device + 1, NULL, NULL);
}

static int do_confirm(Client *client, char *argument)
{
        return verification_confirm(session_e2ee(client->session), argument);
}

static int do_cancel(Client *client, char *argument)
{
        return verification_cancel(session_e2ee(client->session), argument);
}

static int do_publish(Client *client, char *argument)
{
        memset(client->operators, 0, sizeof client->operators);
        return read_manifest(client);
}

static int do_list(Client *client, char *argument)
{
        return 0;
}

static int add_verification(const VerificationRow *row, void *userdata)
{
        cJSON *item = NULL, *emojis = cJSON_CreateStringArray(row->emojis, (int) row->n_emojis);

        int r = json_pack(&item, "{id:s,user:s,state:s,reason:s,emojis:o}", row->id, row->user, row->state,
                          row->reason, emojis);
        return r == 0 && cJSON_AddItemToArray(userdata, item) ? 0 : -ENOMEM;
}

static int print_verifications(Client *client)
{
        _cleanup_(json_freep) cJSON *rows = cJSON_CreateArray();
        _cleanup_(freep) char *text = NULL;

        int r = verification_each(session_e2ee(client->session), add_verification, rows);
        if (r == 0)
                text = cJSON_PrintUnformatted(rows);
        return text && printf("%s\n", text) > 0 ? 0 : -ENOMEM;
}

static int act(Client *client, char *line)
{
        static const struct {
                const char *verb;
                int (*act)(Client *client, char *argument);
        } rows[] = {
                { "verify ", do_verify },  { "confirm ", do_confirm }, { "cancel ", do_cancel },
                { "publish", do_publish }, { "list", do_list },
        };
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(client->database, &transaction);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(rows); i++)
                if (startswith(line, rows[i].verb))
                        r = rows[i].act(client, line + strlen(rows[i].verb));
        return r < 0 ? r : transaction_commit(&transaction);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Client *client = userdata;
        char line[512];

        if (!fgets(line, sizeof line, stdin))
                return sd_event_exit(client->event, 0);
        line[strcspn(line, "\n")] = '\0';
        int r = act(client, line);
        if (r < 0)
                (void) printf("%d\n", r);
        else
                r = print_verifications(client);
        session_send(client->session);
        return fflush(stdout);
}

/* ---- the session */

static int start_session(Client *client)
{
        static const SessionHandlers handlers = { .on_committed = on_committed };

        matrix_login_done(&client->login);
        int r = matrix_login_read(client->database, client->seal, &client->login);
        return r < 0 ? r
                     : session_new(&(SessionOptions){ .event = client->event,
                                                      .http = client->http,
                                                      .database = client->database,
                                                      .login = &client->login,
                                                      .pickle_key = client->seal,
                                                      .handlers = &handlers,
                                                      .userdata = client },
                                   &client->session);
}

static int keep_token(Client *client, const MatrixReply *reply)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        MatrixTokens tokens;

        int r = auth_login_tokens(&client->login, reply, &tokens);
        if (r == 0)
                r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = matrix_login_set_tokens(client->database, client->seal, &tokens);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void on_login(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Client *client = userdata;

        int r = keep_token(client, reply);
        if (r == 0)
                r = start_session(client);
        if (r < 0)
                (void) sd_event_exit(client->event, r);
}

static int log_in(Client *client, const char *text)
{
        _cleanup_(secret_freep) Secret *password = NULL;
        bool is_token = startswith(text, "appservice ");

        text += is_token ? strlen("appservice ") : 0;
        int r = secret_new(text, strcspn(text, "\n"), is_token ? &client->server.token : &password);
        if (r == 0)
                r = matrix_server_set_url(&client->server, client->login.server);
        return r < 0 ? r
                     : auth_login_start(&client->server, &(AuthCredentials){ &client->login, password },
                                        on_login, client, &client->call);
}

static int open_store(Client *client, char **arguments)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        char path[256];

        (void) snprintf(path, sizeof path, "%s/matrix.db", arguments[1]);
        int r = matrix_database_open(path, &client->database);
        if (r == 0)
                r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = matrix_login_begin(client->database, arguments[2], arguments[3]);
        if (r == 0)
                r = transaction_commit(&transaction);
        return r < 0 ? r : matrix_login_read(client->database, client->seal, &client->login);
}

static int run(Client *client, char **arguments)
{
        static const uint8_t key[32] = { 1 };
        char password[512];

        setbuf(stdin, NULL); /* what is not read must be seen by poll */
        if (!fgets(password, sizeof password, stdin))
                return -EINVAL;
        int r = secret_new(key, sizeof key, &client->seal);
        if (r == 0)
                r = sd_event_new(&client->event);
        if (r >= 0)
                r = http_client_new(client->event, &client->http);
        if (r == 0)
                r = open_store(client, arguments);
        if (r < 0)
                return r;

        client->server = (MatrixServer){ .event = client->event, .http = client->http };
        r = client->login.token ? start_session(client) : log_in(client, password);
        if (r == 0)
                r = sd_event_add_io(client->event, NULL, STDIN_FILENO, EPOLLIN, on_input, client);
        return r < 0 ? r : sd_event_loop(client->event);
}

int main(int argc, char **argv)
{
        Client client = { .people = argv + 5 };
        uint64_t n_devices = 0;

        log_open("client");
        int r = argc > 5 && argc <= 5 + OPERATORS_MAX ? parse_u64(argv[4], 1, 1000, &n_devices) : -EINVAL;
        client.n_devices = (unsigned) n_devices;
        if (r == 0)
                r = run(&client, argv);

        session_free(client.session);
        matrix_call_free(client.call);
        matrix_server_done(&client.server);
        matrix_login_done(&client.login);
        http_client_freep(&client.http);
        sd_event_unref(client.event);
        database_close(client.database);
        secret_free(client.seal);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
