/* SPDX-License-Identifier: MIT */
/* Reads a system sample from /proc. */

#include "collector/system.h"

#include <unistd.h>

#include "collector/boot-time.h"
#include "collector/counter.h"
#include "collector/cpu.h"
#include "collector/loadavg.h"
#include "collector/meminfo.h"
#include "collector/netdev.h"
#include "collector/pressure.h"
#include "collector/proc-file.h"
#include "log/log.h"

typedef enum File {
        FILE_STAT,
        FILE_BOOT_TIME, /* the same file, completely */
        FILE_MEMINFO,
        FILE_LOADAVG,
        FILE_NETDEV,
        FILE_PRESSURE_CPU,
        FILE_PRESSURE_MEMORY,
        FILE_PRESSURE_IO,
        _FILE_MAX,
} File;

/* The first line of /proc/stat, ten numbers, is read each second. With many CPUs and interrupts the rest is
 * a hundred kilobytes. */
#define STAT_HEAD 1024

static const ProcFile file_table[_FILE_MAX] = {
        [FILE_STAT] = { "stat", STAT_HEAD, -EBADF },
        [FILE_BOOT_TIME] = { "stat", 0, -EBADF },
        [FILE_MEMINFO] = { "meminfo", 0, -EBADF },
        [FILE_LOADAVG] = { "loadavg", 0, -EBADF },
        [FILE_NETDEV] = { "net/dev", 0, -EBADF },
        [FILE_PRESSURE_CPU] = { "pressure/cpu", 0, -EBADF },
        [FILE_PRESSURE_MEMORY] = { "pressure/memory", 0, -EBADF },
        [FILE_PRESSURE_IO] = { "pressure/io", 0, -EBADF },
};

struct System {
        int proc_fd;
        uint64_t ticks_per_sec;
        ProcFile files[_FILE_MAX];
        ProcBuffer buffer;
        File failed;
        Counter cpu[_CPU_MODE_MAX];
        BootTime boot_time;
};

int system_new(int take_proc_fd, System **ret_system)
{
        _cleanup_(fd_closep) int proc_fd = take_proc_fd;
        System *system = malloc(sizeof *system);

        if (!system)
                return -ENOMEM;

        *system = (System){ .proc_fd = TAKE_FD(proc_fd), .ticks_per_sec = (uint64_t) sysconf(_SC_CLK_TCK) };
        memcpy(system->files, file_table, sizeof file_table);
        *ret_system = system;
        return 0;
}

System *system_free(System *system)
{
        if (!system)
                return NULL;

        for (int i = 0; i < _FILE_MAX; i++)
                proc_file_close(&system->files[i]);
        fd_close(system->proc_fd);
        free(system->buffer.text);
        free(system);
        return NULL;
}

/* The text is valid until the next file is read. */
static int read_text(System *system, File file, const char **ret_text)
{
        int r = proc_file_read(&system->files[file], system->proc_fd, &system->buffer);
        if (r < 0)
                return r;

        *ret_text = system->buffer.text;
        return 0;
}

/* For files without which there is no sample. */
static int failed(System *system, File file, int error)
{
        system->failed = file;
        return error;
}

int system_read_cpu(System *system, usec_t ret_cpu_usec[static _CPU_MODE_MAX])
{
        usec_t cpu_usec[_CPU_MODE_MAX];
        const char *text;

        int r = read_text(system, FILE_STAT, &text);
        if (r >= 0)
                r = cpu_parse(text, system->ticks_per_sec, cpu_usec);
        if (r < 0)
                return failed(system, FILE_STAT, r);

        for (int mode = 0; mode < _CPU_MODE_MAX; mode++)
                ret_cpu_usec[mode] = counter_update(&system->cpu[mode], cpu_usec[mode]);
        return 0;
}

static int read_parsed(System *system, File file, int (*parse)(const char *text, SystemSample *sample),
                       SystemSample *sample)
{
        const char *text;

        int r = read_text(system, file, &text);
        if (r >= 0)
                r = parse(text, sample);

        return r < 0 ? failed(system, file, r) : 0;
}

/* Without CONFIG_PSI the directory does not exist, with psi=0 its files cannot be opened. */
static bool read_pressure(System *system, SystemSample *sample)
{
        static const struct {
                File file;
                const char *resource;
        } resources[] = {
                { FILE_PRESSURE_CPU, "cpu" },
                { FILE_PRESSURE_MEMORY, "memory" },
                { FILE_PRESSURE_IO, "io" },
        };
        const char *text;

        for (size_t i = 0; i < ELEMENTSOF(resources); i++)
                if (read_text(system, resources[i].file, &text) < 0 ||
                    pressure_parse(text, resources[i].resource, sample) < 0)
                        return false;

        return true;
}

static void read_times(System *system, SystemSample *sample)
{
        usec_t realtime_usec = time_now(CLOCK_REALTIME);
        const char *text;

        sample->uptime_usec = time_now(CLOCK_BOOTTIME);
        if (boot_time_is_stale(&system->boot_time, realtime_usec, sample->uptime_usec) &&
            read_text(system, FILE_BOOT_TIME, &text) >= 0)
                (void) boot_time_parse(&system->boot_time, text, realtime_usec, sample->uptime_usec);
        sample->boot_at_usec = system->boot_time.at_usec;
}

static int read_into(System *system, SystemSample *sample)
{
        int r = system_read_cpu(system, sample->cpu_usec);
        if (r < 0)
                return r;
        r = read_parsed(system, FILE_MEMINFO, meminfo_parse, sample);
        if (r < 0)
                return r;
        r = read_parsed(system, FILE_LOADAVG, loadavg_parse, sample);
        if (r < 0)
                return r;

        (void) read_parsed(system, FILE_NETDEV, netdev_parse, sample);
        sample->has_pressure = read_pressure(system, sample);
        if (!sample->has_pressure)
                memset(sample->pressure_usec, 0, sizeof sample->pressure_usec);
        read_times(system, sample);
        return 0;
}

int system_read(System *system, SystemSample *ret_sample)
{
        _cleanup_(system_sample_done) SystemSample sample;

        system_sample_init(&sample);
        int r = read_into(system, &sample);
        if (r < 0)
                return r;

        *ret_sample = TAKE(sample, (SystemSample){ 0 });
        return 0;
}

const char *system_failed_path(const System *system)
{
        return system->files[system->failed].path;
}
