/* SPDX-License-Identifier: MIT */
/* Programs with a clock of their own. */

#include "shifted-clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"

#define N_SHIFTS 2

void shifted_clock_init(ShiftedClock *clock, const TestBus *bus)
{
        size_t size = N_SHIFTS * sizeof *clock->shifts;

        (void) snprintf(clock->path, sizeof clock->path, "%s/shift-clock", bus->directory);
        _cleanup_(fd_closep) int fd = open(clock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        clock->shifts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(clock->shifts, MAP_FAILED);
}

void shifted_clock_done(ShiftedClock *clock)
{
        (void) munmap(clock->shifts, N_SHIFTS * sizeof *clock->shifts);
}

void shifted_clock_use(const ShiftedClock *clock)
{
        if (!clock) {
                (void) unsetenv("LD_PRELOAD");
                return;
        }

        (void) setenv("SHIFT_CLOCK", clock->path, 1);
        (void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        (void) setenv("LD_PRELOAD", BUILD_DIR "/tests/bus/libshift-clock.so", 1);
}

void shifted_clock_step(ShiftedClock *clock, int64_t seconds)
{
        atomic_fetch_add(&clock->shifts[0], seconds * (int64_t) USEC_PER_SEC);
}
