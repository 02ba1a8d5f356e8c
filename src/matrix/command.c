/* SPDX-License-Identifier: MIT */
/* The commands. */

#include "matrix/command.h"

#include "proto/error.h"
#include "proto/id.h"

static const struct {
        const char *verb, *second; /* NULL: any word, or none */
        CommandKind kind;
        const char *capability;
} verbs[] = {
        { "exec", NULL, COMMAND_REQUEST, "shell.exec" },
        { "ls", NULL, COMMAND_REQUEST, "fs.list" },
        { "status", NULL, COMMAND_REQUEST, "service.status" },
        { "docker", "list", COMMAND_REQUEST, "docker.list" },
        { "docker", "logs", COMMAND_REQUEST, "docker.logs" },
        { "docker", "exec", COMMAND_REQUEST, "docker.exec" },
        { "approve", NULL, COMMAND_APPROVE, NULL },
        { "deny", NULL, COMMAND_DENY, NULL },
        { "cancel", NULL, COMMAND_CANCEL, NULL },
        { "help", NULL, COMMAND_HELP, NULL },
};

static bool needs_id(CommandKind kind)
{
        return kind == COMMAND_APPROVE || kind == COMMAND_DENY || kind == COMMAND_CANCEL;
}

/* Returns false if the line has no known verb. */
static bool find_verb(Command *command)
{
        char *const *words = command->line.words;
        size_t n = command->line.n;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                size_t n_verb = verbs[i].second ? 2 : 1;

                if (n < n_verb || !streq(words[0] + 1, verbs[i].verb) ||
                    (verbs[i].second && !streq(words[1], verbs[i].second)))
                        continue;
                command->kind = verbs[i].kind;
                command->capability = verbs[i].capability;
                command->n_verb = n_verb;
                return true;
        }
        return false;
}

/* "!fs.read": the name of a capability has a dot. */
static bool find_capability(Command *command)
{
        const char *name = command->line.n > 0 ? command->line.words[0] + 1 : "";

        if (!label_valid(name) || !strchr(name, '.'))
                return false;
        command->kind = COMMAND_REQUEST;
        command->capability = name;
        command->n_verb = 1;
        return true;
}

const char *command_subject(const Command *command)
{
        size_t n;
        char *const *words = command_words(command, &n);

        if (n == 0 || !streq(command->capability, "shell.exec"))
                return command->capability;

        const char *slash = strrchr(words[0], '/');
        return slash && slash[1] != '\0' ? slash + 1 : words[0];
}

int command_parse(const char *text, Command *ret_command, const char **ret_why)
{
        _cleanup_(command_done) Command command = COMMAND_NULL;

        int r = command_line_parse(text, &command.line, ret_why);
        if (r != 0)
                return r;
        if (!find_verb(&command) && !find_capability(&command)) {
                *ret_why = "there is no such command; !help lists them";
                return DEVBOX_ERROR_BAD_REQUEST;
        }
        if (needs_id(command.kind) && command.n_verb == command.line.n) {
                *ret_why = "the id of a request is missing";
                return DEVBOX_ERROR_BAD_REQUEST;
        }

        *ret_command = TAKE(command, COMMAND_NULL);
        return 0;
}
