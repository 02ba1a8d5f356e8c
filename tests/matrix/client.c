/* SPDX-License-Identifier: MIT */
/* A session as a program, for a real homeserver and clients that share no code with it.
 *
 *         client DIRECTORY URL USER DEVICE OPERATOR < TOKEN
 *
 * Makes the rooms of the device "home", whose manifest names OPERATOR with the identity that the server has
 * of them, and answers each command with "done:" and its line, and announces a request, whose
 * announcement becomes the first decision. Ends with its input. */

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "e2ee/identity.h"
#include "e2ee/json.h"
#include "e2ee/message-check.h"
#include "log/log.h"
#include "matrix/approval.h"
#include "matrix/command-journal.h"
#include "matrix/people.h"
#include "matrix/schema.h"
#include "matrix/session.h"
#include "store/query.h"

typedef struct Client {
        Database *database;
        MatrixSession *session;
        const char *person;
} Client;

static int answer_first(Client *client)
{
        _cleanup_(journal_command_done) JournalCommand command = JOURNAL_COMMAND_NULL;

        int r = command_journal_next(client->database, &command);
        return r <= 0 ? r
                      : command_journal_answer(
                                client->database, command.event_id,
                                &(Answer){ .line = "done:", .output = bytes_of_string(command.line) });
}

static int read_manifest(Client *client)
{
        ManifestOperator who = { .principal = (char *) client->person };
        const Manifest manifest = { .operators = { &who, 1 } };
        E2ee *e2ee = session_e2ee(client->session);
        _cleanup_(freep) char *master = NULL;

        int r = e2ee_identity(e2ee, client->person, &master);
        if (r > 0)
                r = ed25519_text_parse(master, &who.master_key);
        return r < 0 ? r : people_receive(client->database, e2ee, "home", &manifest);
}

static int pass_on_decision(Client *client)
{
        _cleanup_(decision_done) Decision decision = DECISION_NULL;
        char verdict[256];

        int r = approval_add(client->database, "REQUEST", "home: rm");
        if (r >= 0)
                r = approval_next_decision(client->database, &decision);
        if (r <= 0)
                return r;
        (void) snprintf(verdict, sizeof verdict, "%s by %s", decision.approve ? "approved" : "denied",
                        decision.user_id);
        r = approval_decided(client->database, decision.reaction_id);
        return r < 0 ? r : approval_close(client->database, decision.request_id, verdict);
}

static int work(Client *client)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(client->database, &transaction);
        if (r == 0)
                r = read_manifest(client);
        if (r == 0)
                r = answer_first(client);
        if (r == 0)
                r = pass_on_decision(client);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void on_committed(void *userdata)
{
        Client *client = userdata;

        int r = work(client);
        if (r < 0)
                (void) log_error_errno(r, "Cannot work");
        session_send(client->session);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int open_store(const char *const *arguments, Database **ret_database, const Secret *seal)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        char path[256], token[512];

        (void) snprintf(path, sizeof path, "%s/matrix.db", arguments[1]);
        if (!fgets(token, sizeof token, stdin))
                return -EINVAL;
        token[strcspn(token, "\n")] = '\0';
        int r = matrix_database_open(path, ret_database);
        if (r == 0)
                r = transaction_begin(*ret_database, &transaction);
        if (r == 0)
                r = matrix_login_begin(*ret_database, arguments[2], arguments[3]);
        if (r == 0)
                r = query_run(*ret_database, "UPDATE login SET device_id = ?", "t", arguments[4]);
        if (r == 0)
                r = matrix_login_set_token(*ret_database, seal, token);
        return r < 0 ? r : transaction_commit(&transaction);
}

int main(int argc, char **argv)
{
        static const SessionHandlers handlers = { .on_committed = on_committed };
        static const uint8_t key[32] = { 1 };
        Client client = { .person = argc == 6 ? argv[5] : NULL };
        MatrixLogin login = MATRIX_LOGIN_NULL;
        HttpClient *http = NULL;
        sd_event *event = NULL;
        Secret *seal = NULL;

        log_open("client");
        int r = client.person ? secret_new(key, sizeof key, &seal) : -EINVAL;
        if (r == 0)
                r = open_store((const char *const *) argv, &client.database, seal);
        if (r == 0)
                r = matrix_login_read(client.database, seal, &login);
        if (r >= 0)
                r = sd_event_new(&event);
        if (r >= 0)
                r = http_client_new(event, &http);
        if (r == 0)
                r = session_new(&(SessionOptions){ .event = event,
                                                   .http = http,
                                                   .database = client.database,
                                                   .login = &login,
                                                   .pickle_key = seal,
                                                   .handlers = &handlers,
                                                   .userdata = &client },
                                &client.session);
        if (r == 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, NULL);
        if (r >= 0)
                r = sd_event_loop(event);

        session_free(client.session);
        matrix_login_done(&login);
        http_client_freep(&http);
        sd_event_unref(event);
        database_close(client.database);
        secret_free(seal);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
