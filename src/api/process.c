/* SPDX-License-Identifier: MIT */
/* The resource usage of this process. */

#include "api/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/parse.h"

static usec_t usec_of(struct timeval time)
{
        return (usec_t) time.tv_sec * USEC_PER_SEC + (usec_t) time.tv_usec;
}

static int read_memory(int proc_fd, ProcessSample *sample)
{
        _cleanup_(freep) char *text = NULL;
        uint64_t page_bytes = (uint64_t) sysconf(_SC_PAGESIZE), size, resident;

        int r = fd_read_file_at(proc_fd, "self/statm", 4096, &text, NULL);
        if (r < 0)
                return r;

        const char *at = text;
        if (parse_next_u64(&at, &size) < 0 || parse_next_u64(&at, &resident) < 0)
                return -EBADMSG;

        sample->virtual_bytes = size * page_bytes;
        sample->resident_bytes = resident * page_bytes;
        return 0;
}

/* Not getrlimit(2): that is prlimit64(2), which can also set limits and which the service may not call. */
static int read_limit(int proc_fd, ProcessSample *sample)
{
        static const char label[] = "\nMax open files ";
        _cleanup_(freep) char *text = NULL;

        int r = fd_read_file_at(proc_fd, "self/limits", 16384, &text, NULL);
        if (r < 0)
                return r;

        const char *at = strstr(text, label);
        if (!at)
                return -EBADMSG;

        at += strlen(label);
        return parse_next_u64(&at, &sample->max_fds) < 0 ? -EBADMSG : 0;
}

static int count_fds(int proc_fd, ProcessSample *sample)
{
        int fd = openat(proc_fd, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        DIR *directory = fdopendir(fd);
        if (!directory) {
                int r = -errno;
                (void) fd_close(fd);
                return r;
        }

        for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
                if (entry->d_name[0] != '.')
                        sample->open_fds++;
        sample->open_fds--; /* `fd` itself */

        (void) closedir(directory);
        return 0;
}

int process_sample_read(int proc_fd, ProcessSample *ret_sample)
{
        ProcessSample sample = { 0 };
        struct rusage usage = { 0 };

        int r = read_memory(proc_fd, &sample);
        if (r < 0)
                return r;
        r = read_limit(proc_fd, &sample);
        if (r < 0)
                return r;
        r = count_fds(proc_fd, &sample);
        if (r < 0)
                return r;

        (void) getrusage(RUSAGE_SELF, &usage);
        sample.cpu_usec = usec_of(usage.ru_utime) + usec_of(usage.ru_stime);

        *ret_sample = sample;
        return 0;
}
