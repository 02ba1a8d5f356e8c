/* SPDX-License-Identifier: MIT */
/* Files that a command line reads and writes. */

#include "ctl/input.h"

#include <fcntl.h>

#include "basic/fd.h"
#include "ctl/problem.h"

#define ENVELOPE_MAX ((size_t) 1024 * 1024)

int input_read_text(const char *path, size_t max, char **ret_text, char **ret_problem)
{
        size_t size;
        char *text;

        int r = fd_read_file_at(AT_FDCWD, path, max, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return problem_set(ret_problem,
                                   r == -ENOENT ? DEVBOX_ERROR_NOT_FOUND : DEVBOX_ERROR_ACCESS_DENIED,
                                   "cannot read %s: %s", path,
                                   r == -EFBIG    ? "it is too large"
                                   : r == -EBADFD ? "it is not a regular file"
                                                  : strerror(-r));
        if (strlen(text) != size) {
                free(text);
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                   "%s has NUL bytes: it is not a text file", path);
        }

        *ret_text = text;
        return 0;
}

int input_read_envelope(const char *path, Envelope **ret_envelope, char **ret_problem)
{
        _cleanup_(freep) char *text = NULL;

        int r = input_read_text(path, ENVELOPE_MAX, &text, ret_problem);
        if (r != 0)
                return r;

        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, ret_envelope);
        return r > 0 ? problem_about(ret_problem, (DevboxError) r, path) : r;
}

int output_write(const char *path, FileWrite how, mode_t mode, const char *text, char **ret_problem)
{
        int r = file_write(path, how, mode, bytes_of_string(text));

        if (r == -EEXIST && how == FILE_NEW)
                return problem_set(ret_problem, DEVBOX_ERROR_BUSY, "%s exists; it is never overwritten",
                                   path);
        return r < 0 ? problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                   strerror(-r))
                     : 0;
}
