/* SPDX-License-Identifier: MIT */
#pragma once

/* What a line of chat asks for. Any capability may be named, known here or not: whether a device has it is
 * the device's decision, and its chain's. */

#include "matrix/command-line.h"

typedef enum CommandKind {
        COMMAND_REQUEST, /* of the room's device */
        COMMAND_APPROVE, /* these three: the first word is the request's id */
        COMMAND_DENY,
        COMMAND_CANCEL,
        COMMAND_REVOKE, /* the first word is a device's name; the second may be "confirm" */
        COMMAND_HELP,   /* these: words behind them do not count */
        COMMAND_STATUS, /* of the room's device */
        COMMAND_DEVICES,
        COMMAND_REQUESTS,
        _COMMAND_KIND_MAX,
} CommandKind;

typedef struct Command {
        CommandKind kind;
        const char *capability; /* of COMMAND_REQUEST: "shell.exec"; borrowed from the line, or a literal */
        size_t n_verb;          /* words of the line that are the verb */
        CommandLine line;
} Command;

#define COMMAND_NULL ((Command){ 0 })

static inline void command_done(Command *command)
{
        command_line_done(&command->line);
}

/* The words behind the verb. */
static inline char *const *command_words(const Command *command, size_t *ret_n)
{
        *ret_n = command->line.n - command->n_verb;
        return command->line.words + command->n_verb;
}

/* How a capability is typed, without the '!': "exec", "docker logs"; the name itself if it has no verb. */
const char *command_typed(const char *capability);

/* What the first line of its answer calls it: of shell.exec the program's base name, else the capability. Of
 * COMMAND_REQUEST; borrowed from it. */
const char *command_subject(const Command *command);

/* `text` begins with '!'. What is no command is not run, however near to one; the answer names that one.
 * Errors: DEVBOX_ERROR_BAD_REQUEST, then `ret_why` is what to answer; -ENOMEM. */
int command_parse(const char *text, Command *ret_command, const char **ret_why);
