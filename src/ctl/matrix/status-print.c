/* SPDX-License-Identifier: MIT */
/* The state of the hub's Matrix account. */

#include "ctl/matrix/status-print.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/matrix/master-key.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/print.h"

#define PROBLEM_MAX 1024

/* Of org.devbox.Matrix1(5): why the device may not send, and whether "devboxctl matrix login USER" needs a
 * logout before it and another identity. */
typedef struct Fault {
        const char *fault, *sentence;
        bool logout, reset;
} Fault;

static const Fault faults[] = {
        { "token_expired", "the access token of the session has expired" },
        { "logged_out", "the homeserver has ended the session" },
        { "rolled_back", "the store is an old copy, so its keys may be used already", true, true },
        { "device_replaced", "the homeserver has other keys of this device", true, true },
        { "device_deleted", "the device was removed from the account", true, true },
        { "foreign_identity",
          "the account already has a cross-signing identity, of another client or of a session that was "
          "logged out; to replace it, which people see in Element",
          .reset = true },
        { "identity_replaced",
          "another client has reset the account's cross-signing identity; to replace it, which people see "
          "in Element",
          .reset = true },
        { "identity_refused",
          "the homeserver does not take the account's cross-signing identity without its password",
          .reset = true },
};

static const Fault *find_fault(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                if (streq(name, faults[i].fault))
                        return &faults[i];
        return NULL;
}

bool matrix_reset_helps(const MatrixStatus *status)
{
        const Fault *fault = find_fault(strempty(status->fault));

        return fault && fault->reset && !fault->logout;
}

static const char *find_outsider(const MatrixStatus *status, char buffer[static PROBLEM_MAX])
{
        const char *server = strempty(strchr(strempty(status->user), ':'));

        if (*strempty(status->outsider) == '\0')
                return NULL;
        (void) snprintf(buffer, PROBLEM_MAX,
                        "%s is on another homeserver, and cannot enter the rooms, which are not federated; "
                        "make an account @NAME%s, then run: devboxctl person add PERSON --mxid @NAME%s and "
                        "devboxctl manifest publish --all",
                        status->outsider, server, server);
        return buffer;
}

/* What a person must do about the account, as a sentence in `buffer`; NULL: nothing. */
static const char *find_problem(const MatrixStatus *status, char buffer[static PROBLEM_MAX])
{
        const char *name = strempty(status->fault);

        if (streq(status->state, "logged_out"))
                return "no account is logged in; run: devboxctl matrix login @USER:SERVER";
        if (*name == '\0' && streq(status->state, "ended"))
                name = "logged_out";
        const Fault *fault = find_fault(name);
        if (!fault)
                return *name != '\0' ? status->fault : find_outsider(status, buffer);

        (void) snprintf(buffer, PROBLEM_MAX, "%s; run: %sdevboxctl matrix login %s%s", fault->sentence,
                        fault->logout ? "devboxctl matrix logout, then " : "", strempty(status->user),
                        fault->reset ? " --reset-identity" : "");
        return buffer;
}

static int print_document(const MatrixStatus *status, const char *problem)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "state", status->state);
        json_add_string(&json, "user", status->user);
        json_add_string(&json, "server", status->server);
        json_add_string(&json, "device", status->device);
        json_add_string(&json, "identity", status->identity);
        json_add_u64(&json, "rooms", status->rooms);
        json_add_u64(&json, "rooms_wanted", status->rooms_wanted);
        json_add_u64(&json, "unsent", status->unsent);
        json_add_u64(&json, "undecryptable", status->undecryptable);
        json_add_u64(&json, "skipped", status->skipped);
        json_add_time(&json, "last_sync_at", status->last_sync_ms * USEC_PER_MSEC);
        json_add_string(&json, "fault", status->fault);
        json_add_string(&json, "outsider", status->outsider);
        json_add_string(&json, "problem", problem);
        json_close_object(&json);
        return print_json(&json);
}

static void add_account(const Ctl *ctl, Table *table, const MatrixStatus *status)
{
        bool synced = streq(status->state, "synced");
        char text[MASTER_KEY_SIZE], ago[FIGURE_MAX];
        PublicKey identity;

        table_add_fact(table, "account", STYLE_HEAD, "%s", strempty(status->user));
        table_add_fact(table, "homeserver", STYLE_PLAIN, "%s", strempty(status->server));
        table_add_fact(table, "device", STYLE_PLAIN, "%s", strempty(status->device));
        table_add_fact(table, "state", synced ? STYLE_GOOD : STYLE_BAD, "%s", status->state);
        table_add_fact(table, "last sync", STYLE_PLAIN, "%s",
                       format_ago(ago, status->last_sync_ms, ctl->now_ms));
        if (master_key_parse(strempty(status->identity), &identity) == 0)
                table_add_fact(table, "identity", STYLE_PLAIN, "%s", master_key_format(&identity, text));
        table_add_fact(table, "rooms", status->rooms < status->rooms_wanted ? STYLE_BAD : STYLE_PLAIN,
                       "%" PRIu64 " of %" PRIu64, status->rooms, status->rooms_wanted);
        table_add_fact(table, "not sent yet", status->unsent > 0 ? STYLE_BAD : STYLE_PLAIN, "%" PRIu64,
                       status->unsent);
        table_add_fact(table, "undecryptable", status->undecryptable > 0 ? STYLE_BAD : STYLE_PLAIN,
                       "%" PRIu64, status->undecryptable);
        table_add_fact(table, "skipped", STYLE_PLAIN, "%" PRIu64, status->skipped);
}

int matrix_print_status(Ctl *ctl, const MatrixStatus *status)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        char buffer[PROBLEM_MAX];
        const char *problem = find_problem(status, buffer);

        ctl->status = problem ? CTL_PROBLEM : CTL_OK;
        if (ctl->json)
                return print_document(status, problem);

        if (!streq(status->state, "logged_out"))
                add_account(ctl, &table, status);
        if (problem)
                table_add_fact(&table, "problem", STYLE_BAD, "%s", problem);
        return table_print(&table, stdout, ctl->colour);
}
