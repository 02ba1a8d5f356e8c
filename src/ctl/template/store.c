/* SPDX-License-Identifier: MIT */
/* The templates of devices. */

#include "ctl/template/store.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/yaml.h"
#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/problem.h"

#define DIRECTORY "templates"

static int stored_path(const char *dir, const char *device, char **ret_path)
{
        _cleanup_(freep) char *name = NULL;

        if (asprintf(&name, DIRECTORY "/%s.yaml", device) < 0)
                return -ENOMEM;

        return operator_path(dir, name, ret_path);
}

int template_store_find(const char *dir, const char *device, char **ret_path)
{
        _cleanup_(freep) char *path = NULL;

        int r = stored_path(dir, device, &path);
        if (r < 0)
                return r;

        *ret_path = access(path, F_OK) == 0 ? TAKE_PTR(path) : NULL;
        return 0;
}

static bool is_same_file(const char *a, const char *b)
{
        struct stat one, other;

        return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
               one.st_ino == other.st_ino;
}

static int make_directory(const char *dir, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_make_directory(dir, ret_problem);
        if (r == 0)
                r = operator_path(dir, DIRECTORY, &path);
        if (r != 0)
                return r;

        return mkdir(path, 0700) == 0 || errno == EEXIST
                       ? 0
                       : problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot create %s: %s", path,
                                     strerror(errno));
}

int template_store_keep(const char *dir, const char *device, const char *path, char **ret_problem)
{
        _cleanup_(freep) char *stored = NULL, *text = NULL;

        int r = stored_path(dir, device, &stored);
        if (r < 0 || is_same_file(path, stored))
                return r;

        r = input_read_text(path, YAML_SIZE_MAX, &text, ret_problem);
        if (r == 0)
                r = make_directory(dir, ret_problem);
        if (r != 0)
                return r;

        return output_write(stored, FILE_REPLACE, 0600, text, ret_problem);
}
