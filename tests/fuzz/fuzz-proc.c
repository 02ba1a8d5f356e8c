/* SPDX-License-Identifier: MIT */
/* The files of /proc. The first byte of the input says which: c stat, m meminfo, l loadavg, n net/dev, p
 * pressure, i mountinfo (then the rest of the first line is the path to look for). */

#include <math.h>
#include <string.h>

#include "basic/utf8.h"
#include "collector/cpu.h"
#include "collector/loadavg.h"
#include "collector/meminfo.h"
#include "collector/mounts.h"
#include "collector/netdev.h"
#include "collector/pressure.h"
#include "fuzz.h"

static void fuzz_cpu(const char *text)
{
        usec_t usec[_CPU_MODE_MAX] = { 0 }, zero[_CPU_MODE_MAX] = { 0 };

        if (cpu_parse(text, 100, usec) < 0)
                return;

        double percent = cpu_percent(zero, usec);
        fuzz_check(percent >= 0 && percent <= 100);
        fuzz_check(cpu_percent(usec, zero) == 0);
}

static void fuzz_loadavg(const char *text)
{
        SystemSample sample;

        if (loadavg_parse(text, &sample) >= 0)
                fuzz_check(isfinite(sample.load_1) && isfinite(sample.load_5) && sample.load_15 >= 0);
}

static void fuzz_netdev(const char *text)
{
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        fuzz_check(netdev_parse(text, &sample) == 0);
        fuzz_check(sample.n_networks <= SAMPLE_NETWORKS_MAX);
        for (size_t i = 0; i < sample.n_networks; i++) {
                const char *device = sample.networks[i].device;

                fuzz_check(device[0] != '\0' && strlen(device) < 16 * strlen("\\xff"));
                while (*device) {
                        uint32_t code;
                        size_t length = utf8_decode(device, strlen(device), &code);

                        fuzz_check(length > 0 && !utf8_is_control(code));
                        device += length;
                }
        }
}

static void fuzz_mounts(const char *text)
{
        const char *end = strchrnul(text, '\n');
        _cleanup_(freep) char *path = strndup(text, (size_t) (end - text));

        fuzz_check(path);
        if (path[0] == '/')
                fuzz_check(mounts_find_kind(*end ? end + 1 : end, path) <= MOUNT_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = strndup((const char *) data + (size > 0), size - (size > 0));
        SystemSample sample = { 0 };

        fuzz_check(text);
        switch (size > 0 ? data[0] : 0) {
        case 'c':
                fuzz_cpu(text);
                break;
        case 'm':
                (void) meminfo_parse(text, &sample);
                break;
        case 'l':
                fuzz_loadavg(text);
                break;
        case 'n':
                fuzz_netdev(text);
                break;
        case 'p':
                (void) pressure_parse(text, "memory", &sample);
                break;
        case 'i':
                fuzz_mounts(text);
                break;
        }

        return 0;
}
