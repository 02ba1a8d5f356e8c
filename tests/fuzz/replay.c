/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over the files of its corpus, where libFuzzer is not: replay DIRECTORY… */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "fuzz.h"

#define INPUT_MAX (1024 * 1024)

static int replay_file(int dir_fd, const char *name)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) uint8_t *input = NULL;
        size_t size;

        int r = fd_read_file_at(dir_fd, name, INPUT_MAX, &text, &size);
        if (r < 0)
                return r;

        /* As large as the input and no NUL behind it, so that the address sanitizer sees the first byte too
         * far. */
        input = malloc(MAX(size, (size_t) 1));
        if (!input)
                return -ENOMEM;
        memcpy(input, text, size);

        (void) printf("%s\n", name); /* the last one printed is the one that crashed */
        (void) fflush(stdout);
        return LLVMFuzzerTestOneInput(input, size);
}

static int replay_directory(const char *path)
{
        int n_files = 0, r = 0;
        struct dirent *entry;

        DIR *dir = opendir(path);
        if (!dir)
                return -errno;

        while (r >= 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.') {
                        r = replay_file(dirfd(dir), entry->d_name);
                        n_files++;
                }
        (void) closedir(dir);

        return r < 0 ? r : n_files;
}

int main(int argc, char *argv[])
{
        int n_files = 0;

        for (int i = 1; i < argc; i++) {
                int r = replay_directory(argv[i]);
                if (r < 0) {
                        (void) fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
                n_files += r;
        }

        (void) printf("%d inputs\n", n_files);
        return n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
