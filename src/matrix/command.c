/* SPDX-License-Identifier: MIT */
/* The commands. */

#include "matrix/command.h"

#include "basic/word.h"
#include "proto/error.h"
#include "proto/id.h"
#include "trust/arguments.h"

#define TYPED(typed) typed, "there is no such command; did you mean !" typed "?"
#define ID_MISSING   "the id of a request is missing"

/* All that can be typed, in one place. */
static const struct {
        const char *verb, *second; /* second NULL: any word, or none; "": none */
        CommandKind kind;
        const char *capability;    /* of COMMAND_REQUEST */
        const char *missing;       /* the answer if no word follows; NULL: none needs to */
        const char *typed, *meant; /* both words; the answer to what is near */
} verbs[] = {
        { "status", "", COMMAND_STATUS, NULL, NULL, TYPED("status") }, /* alone */
        { "exec", NULL, COMMAND_REQUEST, "shell.exec", NULL, TYPED("exec") },
        { "ls", NULL, COMMAND_REQUEST, "fs.list", NULL, TYPED("ls") },
        { "status", NULL, COMMAND_REQUEST, "service.status", NULL, TYPED("status") },
        { "docker", "list", COMMAND_REQUEST, "docker.list", NULL, TYPED("docker list") },
        { "docker", "logs", COMMAND_REQUEST, "docker.logs", NULL, TYPED("docker logs") },
        { "docker", "exec", COMMAND_REQUEST, "docker.exec", NULL, TYPED("docker exec") },
        { "fs.read", NULL, COMMAND_REQUEST, "fs.read", NULL, TYPED("fs.read") },
        { "fs.write", NULL, COMMAND_REQUEST, "fs.write", NULL, TYPED("fs.write") },
        { "sensors.read", NULL, COMMAND_REQUEST, "sensors.read", NULL, TYPED("sensors.read") },
        { "service.restart", NULL, COMMAND_REQUEST, "service.restart", NULL, TYPED("service.restart") },
        { "camera.snapshot", NULL, COMMAND_REQUEST, "camera.snapshot", NULL, TYPED("camera.snapshot") },
        { "approve", NULL, COMMAND_APPROVE, NULL, ID_MISSING, TYPED("approve") },
        { "deny", NULL, COMMAND_DENY, NULL, ID_MISSING, TYPED("deny") },
        { "cancel", NULL, COMMAND_CANCEL, NULL, ID_MISSING, TYPED("cancel") },
        { "revoke", NULL, COMMAND_REVOKE, NULL, "the name of a device is missing", TYPED("revoke") },
        { "help", NULL, COMMAND_HELP, NULL, NULL, TYPED("help") },
        { "devices", NULL, COMMAND_DEVICES, NULL, NULL, TYPED("devices") },
        { "requests", NULL, COMMAND_REQUESTS, NULL, NULL, TYPED("requests") },
};

/* Whether the line begins with the verb of that row; the number of its words is returned. */
static size_t match_verb(const CommandLine *line, size_t row)
{
        const char *second = verbs[row].second;

        if (line->n == 0 || !streq(line->words[0] + 1, verbs[row].verb))
                return 0;
        if (!second)
                return 1;
        if (*second == '\0')
                return line->n == 1 ? 1 : 0;
        return line->n > 1 && streq(line->words[1], second) ? 2 : 0;
}

/* 0: the line has a known verb and what it needs. */
static int find_verb(Command *command, const char **ret_why)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                size_t n_verb = match_verb(&command->line, i);

                if (n_verb == 0)
                        continue;
                command->kind = verbs[i].kind;
                command->capability = verbs[i].capability;
                command->n_verb = n_verb;
                if (!verbs[i].missing || command->line.n > n_verb)
                        return 0;
                *ret_why = verbs[i].missing;
                return DEVBOX_ERROR_BAD_REQUEST;
        }
        return -ENOENT;
}

/* The answer to what is no verb. */
static const char *explain(const char *word)
{
        const char *candidates[ELEMENTSOF(verbs)];

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                candidates[i] = verbs[i].verb;
        const char *nearest = word_nearest(word, candidates, ELEMENTSOF(candidates));
        for (size_t i = 0; nearest && i < ELEMENTSOF(verbs); i++)
                if (verbs[i].verb == nearest)
                        return streq(nearest, "docker") ? "say !docker list, !docker logs or !docker exec"
                                                        : verbs[i].meant;
        return NULL;
}

/* "!shell.exec": the name of a capability has a dot. Those unknown here are the device's to reject, unless
 * they are near to one that can be typed. */
static int find_capability(Command *command, const char **ret_why)
{
        const char *name = command->line.n > 0 ? command->line.words[0] + 1 : "";
        const char *meant = explain(name);
        bool known = capability_kind_from_name(name) >= 0;

        if (!label_valid(name) || !strchr(name, '.') || (meant && !known)) {
                *ret_why = meant ? meant : "there is no such command; !help lists them";
                return DEVBOX_ERROR_BAD_REQUEST;
        }
        command->kind = COMMAND_REQUEST;
        command->capability = name;
        command->n_verb = 1;
        return 0;
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

const char *command_typed(const char *capability)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].capability && streq(verbs[i].capability, capability))
                        return verbs[i].typed;
        return capability;
}

int command_parse(const char *text, Command *ret_command, const char **ret_why)
{
        _cleanup_(command_done) Command command = COMMAND_NULL;

        int r = command_line_parse(text, &command.line, ret_why);
        if (r == 0)
                r = find_verb(&command, ret_why);
        if (r == -ENOENT)
                r = find_capability(&command, ret_why);
        if (r != 0)
                return r;

        *ret_command = TAKE(command, COMMAND_NULL);
        return 0;
}
