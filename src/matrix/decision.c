/* SPDX-License-Identifier: MIT */
/* Decisions about requests: their call, and the commands !approve, !deny and !cancel. */

#include "matrix/decision.h"

#include <stdio.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/approval.h"
#include "matrix/execution.h"

sd_bus_message *decision_new_call(const BusClient *dispatch, const char *method,
                                  const DecisionCall *decision)
{
        static const BusField fields[] = {
                BUS_FIELD("principal", BUS_TEXT, DecisionCall, principal),
                BUS_FIELD("room", BUS_TEXT, DecisionCall, room, BUS_OPTIONAL),
                BUS_FIELD("message_id", BUS_TEXT, DecisionCall, message_id, BUS_OPTIONAL),
                BUS_FIELD("reaction_id", BUS_TEXT, DecisionCall, reaction_id, BUS_OPTIONAL),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call =
                bus_client_new_call(dispatch, method, "s", decision->id);

        return call && bus_dictionary_append(call, &dictionary, decision) >= 0 ? TAKE_PTR(call) : NULL;
}

static const char *id_of(const Execution *execution)
{
        size_t n;

        return command_words(&execution->command, &n)[0];
}

static void answer(Execution *execution, const char *done)
{
        char line[96];

        (void) snprintf(line, sizeof line, "%.32s is %s", id_of(execution), done);
        execution_answer(execution, line, BYTES(NULL, 0));
}

static int begin(const Execution *execution)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = execution->self->database;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = approval_begin(database, execution->journal.event_id, id_of(execution),
                                   execution->journal.sender, execution->command.kind == COMMAND_APPROVE);
        return r < 0 ? r : transaction_commit(&transaction);
}

static int end(const Execution *execution, bool accepted)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = execution->self->database;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = approval_end(database, execution->journal.event_id, accepted);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void on_decided(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);
        MatrixDaemon *self = execution->self;

        if (end(execution, reply->reason == 0) < 0) /* the verdict will not name them */
                log_warning("Cannot store whose decision it was, ignoring");
        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        answer(execution, execution->command.kind == COMMAND_APPROVE ? "approved" : "denied");
        approvals_work(self); /* it may have been taken back */
}

void decision_start(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;
        const DecisionCall decision = { .id = id_of(execution),
                                        .principal = execution->journal.sender,
                                        .room = execution->journal.room_id,
                                        .message_id = execution->journal.event_id };
        const char *method = execution->command.kind == COMMAND_APPROVE ? "Approve" : "Deny";

        if (begin(execution) < 0)
                return execution_reject(execution, DEVBOX_ERROR_INTERNAL, NULL);
        bus_client_send_take(dispatch, &execution->call, decision_new_call(dispatch, method, &decision),
                             on_decided);
}

static void on_cancelled(BusRequest *call, const BusReply *reply)
{
        Execution *execution = CONTAINER_OF(call, Execution, call);

        if (reply->reason != 0)
                return execution_reject(execution, reply->reason, reply->detail);
        answer(execution, "cancelled");
}

void cancel_start(Execution *execution)
{
        BusClient *dispatch = &execution->self->dispatch;

        bus_client_send_take(dispatch, &execution->call,
                             bus_client_new_call(dispatch, "CancelFor", "ss", id_of(execution),
                                                 execution->journal.sender),
                             on_cancelled);
}
