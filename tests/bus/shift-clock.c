/* SPDX-License-Identifier: MIT */
/* Preloaded into a daemon, this shifts its clocks: by the microseconds in the file $SHIFT_CLOCK, the first
 * number for CLOCK_REALTIME, the second for CLOCK_BOOTTIME, both of which may change while it runs. The
 * first alone is a clock that is wrong, or steps; both by the same is a suspend, in which CLOCK_MONOTONIC
 * stops. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_SEC 1000000

static const _Atomic int64_t *shifts;
static int (*next)(clockid_t clock, struct timespec *ret);

__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("SHIFT_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *shared = fd >= 0 ? mmap(NULL, 2 * sizeof *shifts, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (fd >= 0)
                (void) close(fd);
        if (shared != MAP_FAILED)
                shifts = shared;
}

static int shifted_gettime(clockid_t clock, struct timespec *ret)
{
        if (!next)
                next = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");

        int r = next(clock, ret);
        if (r < 0 || !shifts || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
                return r;

        int64_t shift = atomic_load(&shifts[clock == CLOCK_BOOTTIME]);
        ret->tv_sec += shift / USEC_PER_SEC; /* whole seconds */
        return 0;
}

extern __typeof__(shifted_gettime) clock_gettime
        __attribute__((visibility("default"), alias("shifted_gettime")));
