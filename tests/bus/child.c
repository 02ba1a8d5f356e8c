/* SPDX-License-Identifier: MIT */
/* The environment of a child process. */

#include "child.h"

#include <unistd.h>

#include "test.h"

void child_environment_init(ChildEnvironment *environment)
{
        *environment = (ChildEnvironment){ 0 };
        for (size_t i = 0; environ[i]; i++) {
                assert_true(i + 1 < CHILD_VARIABLES_MAX);
                environment->variables[i] = environ[i];
        }
}

void child_environment_set(ChildEnvironment *environment, const char *change)
{
        size_t length = strcspn(change, "="), i = 0;
        char **variables = environment->variables;

        while (variables[i] && (strncmp(variables[i], change, length) != 0 || variables[i][length] != '='))
                i++;
        if (change[length] == '=') {
                assert_true(i + 1 < CHILD_VARIABLES_MAX);
                variables[i] = (char *) change;
                return;
        }
        for (; variables[i]; i++)
                variables[i] = variables[i + 1];
}
