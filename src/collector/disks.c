/* SPDX-License-Identifier: MIT */
/* The file systems of collector.disks. */

#include "collector/disks.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "basic/fd.h"
#include "collector/disk-probe.h"
#include "collector/mounts.h"
#include "collector/proc-file.h"
#include "log/log.h"

typedef struct Disk {
        const char *path; /* as configured */
        char *clean;      /* normalised, as in the mount table */
        bool waits;       /* for its probe */
        DiskOutcome outcome, logged;
        uint64_t total_bytes, free_bytes, available_bytes;
} Disk;

struct Disks {
        DisksOptions options;
        sd_event_source *io_done, *timer_deadline;
        int notify_fd;
        int proc_fd;
        ProcFile mountinfo;
        ProcBuffer buffer;
        DiskProbe *probes; /* that have not finished, also of paths that are not configured any more */
        size_t n_probes;
        Disk disks[SAMPLE_DISKS_MAX];
        size_t n_disks;
        bool refreshing;
        usec_t refreshed_after_usec; /* CLOCK_MONOTONIC; 0: never */
};

static const struct {
        const char *problem, *log;
} outcome_table[_DISK_OUTCOME_MAX] = {
        [DISK_OK] = { NULL, "The disk can be read again" },
        [DISK_REMOTE] = { "remote", "The disk is left out: it is on a network, FUSE or autofs mount" },
        [DISK_SYMLINK] = { "symlink", "The disk is left out: its path has symbolic links or dots" },
        [DISK_ABSENT] = { "absent", "The disk is left out: it does not exist or cannot be read" },
        [DISK_TIMEOUT] = { "timeout", "The disk is left out: its file system does not answer" },
};

/* ---- paths */

/* "//home///anna/" becomes "/home/anna". NULL: out of memory. */
static char *normalise(const char *path)
{
        char *clean = malloc(strlen(path) + 2), *to = clean;

        if (!clean)
                return NULL;

        while (*path) {
                path += strspn(path, "/");
                size_t size = strcspn(path, "/");
                if (size == 0)
                        break;
                *to++ = '/';
                to = mempcpy(to, path, size);
                path += size;
        }
        if (to == clean)
                *to++ = '/';
        *to = '\0';
        return clean;
}

static bool has_dots(const char *path)
{
        return strstr(path, "/./") || strstr(path, "/../") || endswith(path, "/.") || endswith(path, "/..");
}

static bool is_root(const Disk *disk)
{
        return streq(disk->clean, "/");
}

/* The text of the mount table, if a disk needs it: the usual list is "/" alone. */
static const char *read_mountinfo(Disks *disks)
{
        for (size_t i = 0; i < disks->n_disks; i++)
                if (!is_root(&disks->disks[i]))
                        return proc_file_read(&disks->mountinfo, disks->proc_fd, &disks->buffer) < 0
                                       ? ""
                                       : disks->buffer.text;

        return "";
}

/* The outcome by the path alone. The root is always tried. */
static DiskOutcome classify(const Disk *disk, const char *mountinfo)
{
        if (has_dots(disk->clean))
                return DISK_SYMLINK;

        return is_root(disk) || mounts_find_kind(mountinfo, disk->clean) == MOUNT_LOCAL ? DISK_OK
                                                                                        : DISK_REMOTE;
}

/* ---- probes */

static DiskProbe *find_probe(const Disks *disks, const char *path)
{
        for (DiskProbe *probe = disks->probes; probe; probe = probe->next)
                if (streq(probe->path, path))
                        return probe;

        return NULL;
}

/* Starts a probe of the disk, or joins the one of its path. Returns the outcome until it finishes. */
static DiskOutcome start_probe(Disks *disks, Disk *disk)
{
        DiskProbe *probe = find_probe(disks, disk->clean);

        if (probe ? probe->hung : disks->n_probes >= SAMPLE_DISKS_MAX)
                return DISK_TIMEOUT;
        if (!probe) {
                int r = disk_probe_start(disk->clean, disks->notify_fd, &probe);
                if (r < 0) {
                        (void) log_error_errno(r, "Cannot start a thread for a disk");
                        return DISK_ABSENT;
                }
                probe->next = disks->probes;
                disks->probes = probe;
                disks->n_probes++;
        }

        disk->waits = true;
        return disk->outcome;
}

static void take_result(Disks *disks, const DiskProbe *probe)
{
        for (size_t i = 0; i < disks->n_disks; i++) {
                Disk *disk = &disks->disks[i];

                if (!streq(disk->clean, probe->path))
                        continue;
                disk->waits = false;
                disk->outcome = probe->outcome;
                disk->total_bytes = probe->total_bytes;
                disk->free_bytes = probe->free_bytes;
                disk->available_bytes = probe->available_bytes;
        }
}

static void reap_probes(Disks *disks)
{
        DiskProbe **link = &disks->probes;

        while (*link) {
                DiskProbe *probe = *link;

                if (!disk_probe_is_done(probe)) {
                        link = &probe->next;
                        continue;
                }
                take_result(disks, probe);
                *link = probe->next;
                disks->n_probes--;
                disk_probe_free(probe);
        }
}

/* ---- refreshing */

static void log_outcomes(Disks *disks)
{
        for (size_t i = 0; i < disks->n_disks; i++) {
                Disk *disk = &disks->disks[i];

                if (disk->waits || disk->outcome == disk->logged)
                        continue;
                disk->logged = disk->outcome;
                (void) log_full(disk->outcome == DISK_OK ? LOG_INFO : LOG_WARNING, 0,
                                LOG_FIELDS({ "DEVBOX_PATH", disk->path }),
                                "%s (entry %zu of collector.disks)", outcome_table[disk->outcome].log,
                                i + 1);
        }
}

static bool any_waits(const Disks *disks)
{
        for (size_t i = 0; i < disks->n_disks; i++)
                if (disks->disks[i].waits)
                        return true;

        return false;
}

static void complete_if_done(Disks *disks)
{
        log_outcomes(disks);
        if (any_waits(disks))
                return;

        disks->refreshing = false;
        (void) sd_event_source_set_enabled(disks->timer_deadline, SD_EVENT_OFF);
        disks->options.on_refreshed(disks->options.owner);
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Disks *disks = userdata;
        eventfd_t n;

        (void) eventfd_read(fd, &n);
        reap_probes(disks);
        complete_if_done(disks);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        Disks *disks = userdata;

        for (DiskProbe *probe = disks->probes; probe; probe = probe->next)
                probe->hung = true;
        for (size_t i = 0; i < disks->n_disks; i++)
                if (TAKE(disks->disks[i].waits, false))
                        disks->disks[i].outcome = DISK_TIMEOUT;

        complete_if_done(disks);
        return 0;
}

/* Begins to read all of them. Those that need no thread have their outcome already. */
static int refresh(Disks *disks)
{
        const char *mountinfo = read_mountinfo(disks);

        for (size_t i = 0; i < disks->n_disks; i++) {
                Disk *disk = &disks->disks[i];
                DiskOutcome outcome = classify(disk, mountinfo);

                disk->outcome = outcome == DISK_OK ? start_probe(disks, disk) : outcome;
        }
        log_outcomes(disks);

        disks->refreshed_after_usec = time_now(CLOCK_MONOTONIC);
        disks->refreshing = any_waits(disks);
        if (!disks->refreshing)
                return 0;

        int r = sd_event_source_set_time_relative(disks->timer_deadline, disks->options.deadline_usec);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(disks->timer_deadline, SD_EVENT_ONESHOT);
}

/* ---- the object */

int disks_new(sd_event *event, int take_proc_fd, const DisksOptions *options, Disks **ret_disks)
{
        _cleanup_(fd_closep) int proc_fd = take_proc_fd;
        _cleanup_(disks_freep) Disks *disks = malloc(sizeof *disks);

        if (!disks)
                return -ENOMEM;

        *disks = (Disks){ .options = *options,
                          .notify_fd = -EBADF,
                          .proc_fd = TAKE_FD(proc_fd),
                          .mountinfo = { "self/mountinfo", 0, -EBADF } };
        if (disks->options.deadline_usec == 0)
                disks->options.deadline_usec = 250 * USEC_PER_MSEC;
        if (disks->options.fresh_usec == 0)
                disks->options.fresh_usec = 100 * USEC_PER_MSEC;

        disks->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (disks->notify_fd < 0)
                return -errno;

        int r = sd_event_add_io(event, &disks->io_done, disks->notify_fd, EPOLLIN, on_done, disks);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &disks->timer_deadline, CLOCK_MONOTONIC, 0, 0, on_deadline, disks);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(disks->timer_deadline, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_disks = TAKE_PTR(disks);
        return 0;
}

static void drop_paths(Disks *disks)
{
        for (size_t i = 0; i < disks->n_disks; i++)
                free(disks->disks[i].clean);
        disks->n_disks = 0;
}

Disks *disks_free(Disks *disks)
{
        if (!disks)
                return NULL;

        drop_paths(disks);
        reap_probes(disks);
        sd_event_source_disable_unref(disks->io_done);
        sd_event_source_disable_unref(disks->timer_deadline);
        if (!disks->probes) /* a thread that just starts may not have its own descriptors yet */
                (void) fd_close(disks->notify_fd);
        (void) fd_close(disks->proc_fd);
        proc_file_close(&disks->mountinfo);
        free(disks->buffer.text);
        free(disks);
        return NULL;
}

int disks_set_paths(Disks *disks, char *const *paths, size_t n_paths)
{
        drop_paths(disks);
        disks->refreshed_after_usec = 0;

        for (size_t i = 0; i < MIN(n_paths, (size_t) SAMPLE_DISKS_MAX); i++) {
                char *clean = normalise(paths[i]);
                if (!clean)
                        return -ENOMEM;
                disks->disks[disks->n_disks++] = (Disk){ .path = paths[i], .clean = clean };
        }

        if (!disks->refreshing)
                return 0;

        /* Those who wait get the new ones, by way of the loop. */
        int r = refresh(disks);
        if (r < 0)
                return r;

        disks->refreshing = true;
        return eventfd_write(disks->notify_fd, 1) < 0 ? -errno : 0;
}

int disks_request(Disks *disks)
{
        usec_t now_usec = time_now(CLOCK_MONOTONIC);
        bool fresh = disks->refreshed_after_usec > 0 &&
                     now_usec - disks->refreshed_after_usec < disks->options.fresh_usec;

        if (!disks->refreshing && !fresh) {
                int r = refresh(disks);
                if (r < 0)
                        return r;
        }

        return disks->refreshing ? DISKS_WAIT : DISKS_READY;
}

static int disk_to_sample(const Disk *disk, DiskSample *sample)
{
        const char *problem = outcome_table[disk->outcome].problem;

        sample->path = strdup(disk->path);
        sample->problem = problem ? strdup(problem) : NULL;
        if (!sample->path || (problem && !sample->problem))
                return -ENOMEM;
        if (disk->outcome != DISK_OK)
                return 0;

        sample->total_bytes = disk->total_bytes;
        sample->free_bytes = disk->free_bytes;
        sample->available_bytes = disk->available_bytes;
        return 0;
}

int disks_append(const Disks *disks, SystemSample *sample)
{
        for (size_t i = 0; i < disks->n_disks; i++) {
                int r = disk_to_sample(&disks->disks[i], &sample->disks[sample->n_disks++]);
                if (r < 0)
                        return r;
        }

        return 0;
}

bool disks_are_complete(const Disks *disks)
{
        for (size_t i = 0; i < disks->n_disks; i++)
                if (disks->disks[i].outcome != DISK_OK)
                        return false;

        return true;
}

size_t disks_hung(const Disks *disks)
{
        size_t n_hung = 0;

        for (const DiskProbe *probe = disks->probes; probe; probe = probe->next)
                n_hung += probe->hung;
        return n_hung;
}
