/* SPDX-License-Identifier: MIT */
/* fs.read: the bytes of a regular file, from an offset on. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "worker/beneath.h"
#include "worker/job.h"

/* A second name may lie outside the root, so that the file belongs there, too; and what a FIFO has is its
 * writer's. */
static int check_file(int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;

        return S_ISREG(st.st_mode) && st.st_nlink == 1 ? 0 : -ELOOP;
}

static int send_file(int fd, const Arguments *arguments, uint64_t max, Output *output)
{
        uint8_t piece[CHANNEL_PAYLOAD_MAX];
        off_t at = arguments->offset;
        ssize_t n = 0;

        for (; max > 0; at += n, max -= (uint64_t) n) {
                n = pread(fd, piece, (size_t) MIN(max, sizeof piece), at);
                if (n <= 0)
                        return n < 0 ? -errno : 0;

                int r = output_write(output, OUTPUT_STDOUT, BYTES(piece, (size_t) n));
                if (r < 0)
                        return r;
        }

        return 0;
}

int fs_read_run(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        const Arguments *arguments = &job->request->arguments;
        uint64_t max = (uint64_t) (arguments->length > 0 ? arguments->length : job->capability->max_bytes);
        _cleanup_(fd_closep) int root_fd = job_open_root(job), fd = -EBADF;

        fd = root_fd < 0 ? root_fd
                         : beneath_open(root_fd, arguments->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        int r = fd < 0 ? fd : check_file(fd);
        if (r < 0)
                return job_fail_file(job, output, r, ret_outcome);

        *ret_outcome = job_exited(0);
        return send_file(fd, arguments, max, output);
}
