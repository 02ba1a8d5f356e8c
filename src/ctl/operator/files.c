/* SPDX-License-Identifier: MIT */
/* The operator's directory. */

#include "ctl/operator/files.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/problem.h"

int operator_path(const char *dir, const char *name, char **ret_path)
{
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int n;

        if (dir)
                n = asprintf(ret_path, "%s/%s", dir, name);
        else if (config && *config == '/')
                n = asprintf(ret_path, "%s/devbox/operator/%s", config, name);
        else
                n = asprintf(ret_path, "%s/.config/devbox/operator/%s", home ? home : ".", name);
        if (n < 0) {
                *ret_path = NULL;
                return -ENOMEM;
        }

        return 0;
}

int operator_make_directory(const char *dir, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(dir, "", &path);
        if (r < 0)
                return r;

        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot create %s: %s",
                                           path, strerror(errno));
                *slash = '/';
        }

        return 0;
}

int operator_check_absent(const char *dir, const char *name, const char *why, char **ret_problem)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(dir, name, &path);
        if (r < 0)
                return r;

        return access(path, F_OK) == 0
                       ? problem_set(ret_problem, DEVBOX_ERROR_BUSY, "%s exists: %s", path, why)
                       : 0;
}
