/* SPDX-License-Identifier: MIT */
/* Reads the size of one file system in a thread of its own.
 *
 * The thread shares no descriptor with the process: one that hangs outlives everything, even the main thread
 * after exit_group(2), and would keep the connection to the bus open, and with it the name on the bus that
 * the next process needs. It allocates nothing and takes no lock, so that it can be left behind anywhere. */

#include "collector/disk-probe.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/fd.h"

#define STACK_BYTES                                                                                         \
        ((size_t) 256 * 1024) /* a sanitizer needs more than the smallest; only touched pages count */

/* Reads the directory that it opened, which the kernel reached without following a link. */
static DiskOutcome read_figures(DiskProbe *probe)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
        struct statvfs st;

        _cleanup_(fd_closep) int fd = (int) syscall(SYS_openat2, AT_FDCWD, probe->path, &how, sizeof how);
        if (fd < 0)
                return errno == ELOOP ? DISK_SYMLINK : DISK_ABSENT;
        if (fstatvfs(fd, &st) < 0)
                return DISK_ABSENT;

        probe->total_bytes = (uint64_t) st.f_blocks * st.f_frsize;
        probe->free_bytes = (uint64_t) st.f_bfree * st.f_frsize;
        probe->available_bytes = (uint64_t) st.f_bavail * st.f_frsize;
        return DISK_OK;
}

/* Gives the thread a table of descriptors of its own, with nothing in it but `fd`. */
static void unshare_descriptors(unsigned fd)
{
        (void) close_range(fd + 1, ~0U, CLOSE_RANGE_UNSHARE);
        if (fd > 0)
                (void) close_range(0, fd - 1, CLOSE_RANGE_UNSHARE);
}

static void *run(void *userdata)
{
        DiskProbe *probe = userdata;
        int notify_fd = probe->notify_fd;

        unshare_descriptors((unsigned) notify_fd);
        probe->outcome = read_figures(probe);
        __atomic_store_n(&probe->done, true, __ATOMIC_RELEASE);

        (void) eventfd_write(notify_fd, 1);
        return NULL;
}

static int start_thread(DiskProbe *probe)
{
        pthread_attr_t attr;
        pthread_t thread;

        int r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;

        r = pthread_attr_setstacksize(&attr, STACK_BYTES);
        if (r == 0)
                r = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (r == 0)
                r = pthread_create(&thread, &attr, run, probe);

        (void) pthread_attr_destroy(&attr);
        return -r;
}

int disk_probe_start(const char *path, int notify_fd, DiskProbe **ret_probe)
{
        DiskProbe *probe = malloc(sizeof *probe);

        if (!probe)
                return -ENOMEM;

        *probe = (DiskProbe){ .path = strdup(path), .notify_fd = notify_fd };
        int r = probe->path ? start_thread(probe) : -ENOMEM;
        if (r < 0) {
                disk_probe_free(probe);
                return r;
        }

        *ret_probe = probe;
        return 0;
}

bool disk_probe_is_done(const DiskProbe *probe)
{
        return __atomic_load_n(&probe->done, __ATOMIC_ACQUIRE);
}

DiskProbe *disk_probe_free(DiskProbe *probe)
{
        if (!probe)
                return NULL;

        free(probe->path);
        free(probe);
        return NULL;
}
