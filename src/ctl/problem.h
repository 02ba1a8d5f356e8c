/* SPDX-License-Identifier: MIT */
#pragma once

/* The detail of a DevboxError: one sentence with what is wrong and what to do. A library hands it to
 * its caller as `ret_problem`; only a verb prints. */

#include "proto/error.h"
#include "schema/yaml.h"

/* Returns `error`. The caller frees the sentence, which replaces an earlier one. Errors: -ENOMEM. */
int problem_set(char **ret_problem, DevboxError error, const char *format, ...) _printf_(3, 4);

/* The same as one line more after an earlier one; a problem has one line otherwise. */
int problem_add(char **ret_problem, DevboxError error, const char *format, ...) _printf_(3, 4);

/* "laptop.yaml: " before the plain sentence of `error`. Returns `error`. Errors: -ENOMEM. */
int problem_about(char **ret_problem, DevboxError error, const char *subject);

/* A line for each problem of a YAML file. Returns DEVBOX_ERROR_BAD_SCHEMA. Errors: -ENOMEM. */
int problem_of_yaml(char **ret_problem, const char *path, const YamlProblems *problems);
