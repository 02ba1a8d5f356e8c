/* SPDX-License-Identifier: MIT */
/* fs.list: the names in a directory, sorted, one a line; a directory ends with "/", a symbolic link with
 * "@". What could move a terminal's cursor is written as \ooo, and the backslash as \\, as ls -b does. */

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "worker/beneath.h"
#include "worker/job.h"

#define NAMES_MAX 10000

typedef struct Names {
        char **items;
        size_t n, room;
} Names;

static void names_done(Names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->items[i]);

        free(names->items);
}

static int add_name(Names *names, const struct dirent *entry)
{
        const char *suffix = entry->d_type == DT_DIR ? "/" : entry->d_type == DT_LNK ? "@" : "";
        _cleanup_(text_done) Text text = TEXT_NULL;

        if (names->n == names->room) {
                size_t room = names->room ? names->room * 2 : 64;
                char **items = reallocarray(names->items, room, sizeof *items);

                if (!items)
                        return -ENOMEM;
                names->items = items;
                names->room = room;
        }

        for (const unsigned char *at = (const unsigned char *) entry->d_name; *at; at++)
                if (*at == '\\')
                        text_append(&text, "\\\\");
                else if (*at < ' ' || *at == 0x7f)
                        text_appendf(&text, "\\%03o", *at);
                else
                        text_append_bytes(&text, at, 1);
        text_append(&text, suffix);

        int r = text_take(&text, &names->items[names->n], NULL);
        if (r == 0)
                names->n++;
        return r;
}

/* Errors: -E2BIG more than NAMES_MAX. */
static int read_names(DIR *directory, Names *names)
{
        const struct dirent *entry = NULL;

        while ((errno = 0, entry = readdir(directory))) {
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                if (names->n == NAMES_MAX)
                        return -E2BIG;

                int r = add_name(names, entry);
                if (r < 0)
                        return r;
        }

        return -errno;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void closedirp(DIR **directory)
{
        if (*directory)
                (void) closedir(*directory);
}

static int open_directory(const Job *job, DIR **ret_directory)
{
        _cleanup_(fd_closep) int root_fd = job_open_root(job), fd = -EBADF;
        if (root_fd < 0)
                return root_fd;

        fd = beneath_open(root_fd, job->request->arguments.path, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd;

        DIR *directory = fdopendir(fd);
        if (!directory)
                return -errno;

        (void) TAKE_FD(fd);
        *ret_directory = directory;
        return 0;
}

int fs_list_run(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        _cleanup_(closedirp) DIR *directory = NULL;
        _cleanup_(names_done) Names names = { 0 };

        int r = open_directory(job, &directory);
        if (r == 0)
                r = read_names(directory, &names);
        if (r < 0)
                return r == -ENOMEM ? r : job_fail_file(job, output, r, ret_outcome);

        qsort(names.items, names.n, sizeof *names.items, compare);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = output_printf(output, OUTPUT_STDOUT, "%s\n", names.items[i]);

        *ret_outcome = job_exited(0);
        return r;
}
