/* SPDX-License-Identifier: MIT */
#pragma once

/* The templates of devices, templates/NAME.yaml in the operator's directory: what a device was last given,
 * so that its next manifest needs no file to be named. `dir` as in ctl/operator/files.h. Functions return 0,
 * or a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

/* The path of a device's template, which the caller frees, and NULL if there is none. */
int template_store_find(const char *dir, const char *device, char **ret_path);

/* Keeps the file as that of the device. The stored file itself stays as it is. */
int template_store_keep(const char *dir, const char *device, const char *path, char **ret_problem);
