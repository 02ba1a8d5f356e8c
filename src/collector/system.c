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
        int errors[_FILE_MAX]; /* as last logged */
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

/* Logs the result of reading a file when it changes. Returns whether it is an error. */
static bool note_result(System *system, File file, int result)
{
        int error = MIN(result, 0);

        if (system->errors[file] != error && error < 0)
                (void) log_warning_errno(error, "Cannot read /proc/%s completely, leaving its figures out",
                                         system->files[file].path);
        else if (system->errors[file] != error)
                log_info("/proc/%s can be read again", system->files[file].path);

        system->errors[file] = error;
        return error < 0;
}

int system_read_cpu(System *system, usec_t ret_cpu_usec[static _CPU_MODE_MAX])
{
        usec_t cpu_usec[_CPU_MODE_MAX];
        const char *text;

        int r = read_text(system, FILE_STAT, &text);
        if (r >= 0)
                r = cpu_parse(text, system->ticks_per_sec, cpu_usec);
        (void) note_result(system, FILE_STAT, r);
        if (r < 0)
                return r;

        for (int mode = 0; mode < _CPU_MODE_MAX; mode++)
                ret_cpu_usec[mode] = counter_update(&system->cpu[mode], cpu_usec[mode]);
        return 0;
}

/* Returns whether the file could not be read completely. */
static bool read_parsed(System *system, File file, int (*parse)(const char *text, SystemSample *sample),
                        SystemSample *sample)
{
        const char *text;

        int r = read_text(system, file, &text);
        if (r >= 0)
                r = parse(text, sample);

        return note_result(system, file, r);
}

/* Without CONFIG_PSI the directory does not exist, with psi=0 its files cannot be opened: then the kernel
 * has no pressure. */
static size_t read_pressure(System *system, SystemSample *sample)
{
        static const struct {
                File file;
                const char *resource;
        } resources[] = {
                { FILE_PRESSURE_CPU, "cpu" },
                { FILE_PRESSURE_MEMORY, "memory" },
                { FILE_PRESSURE_IO, "io" },
        };
        size_t n_failed = 0;

        for (size_t i = 0; i < ELEMENTSOF(resources); i++) {
                const char *text;

                int r = read_text(system, resources[i].file, &text);
                if (r == -ENOENT || r == -EOPNOTSUPP)
                        continue;

                sample->has_pressure = true;
                if (r >= 0)
                        r = pressure_parse(text, resources[i].resource, sample);
                n_failed += note_result(system, resources[i].file, r);
        }

        return n_failed;
}

static bool read_boot_time(System *system, SystemSample *sample)
{
        usec_t realtime_usec = time_now(CLOCK_REALTIME);
        const char *text;
        int r = 0;

        sample->uptime_usec = time_now(CLOCK_BOOTTIME);
        if (boot_time_is_stale(&system->boot_time, realtime_usec, sample->uptime_usec)) {
                r = read_text(system, FILE_BOOT_TIME, &text);
                if (r >= 0)
                        r = boot_time_parse(&system->boot_time, text, realtime_usec, sample->uptime_usec);
        }
        if (r >= 0)
                sample->boot_at_usec = system->boot_time.at_usec;

        return note_result(system, FILE_BOOT_TIME, r);
}

int system_read(System *system, SystemSample *ret_sample)
{
        _cleanup_(system_sample_done) SystemSample sample;
        int n_failed;

        system_sample_init(&sample);
        n_failed = system_read_cpu(system, sample.cpu_usec) < 0;
        n_failed += read_parsed(system, FILE_MEMINFO, meminfo_parse, &sample);
        n_failed += read_parsed(system, FILE_LOADAVG, loadavg_parse, &sample);
        if (n_failed == 3)
                return -EIO;

        n_failed += read_parsed(system, FILE_NETDEV, netdev_parse, &sample);
        n_failed += (int) read_pressure(system, &sample);
        n_failed += read_boot_time(system, &sample);

        *ret_sample = TAKE(sample, (SystemSample){ 0 });
        return n_failed;
}
