/* SPDX-License-Identifier: MIT */
/* Landlock, by its system calls: libc has no functions for them. */

#include "worker/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/fd.h"

/* Newer than the headers of Debian 12. Source: linux/landlock.h. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (UINT64_C(1) << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif

#define ACCESS_OF_FILES                                                                                     \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |        \
         LANDLOCK_ACCESS_FS_TRUNCATE)

static const uint64_t accesses[] = {
        [LANDLOCK_READ] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        [LANDLOCK_EXECUTE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE,
        [LANDLOCK_WRITE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE,
};

/* All that the interface of this version can deny: 13 accesses in the first, one more in 2 and 3. */
static uint64_t handled_by(int version)
{
        uint64_t handled = (UINT64_C(1) << 13) - 1;

        if (version >= 2)
                handled |= LANDLOCK_ACCESS_FS_REFER;
        if (version >= 3)
                handled |= LANDLOCK_ACCESS_FS_TRUNCATE;

        return handled;
}

void landlock_rules_done(LandlockRules *rules)
{
        rules->fd = fd_close(rules->fd);
}

int landlock_rules_init(LandlockRules *ret_rules)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (version < 0)
                return -errno;

        const struct landlock_ruleset_attr attributes = { .handled_access_fs = handled_by((int) version) };
        int fd = (int) syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
        if (fd < 0)
                return -errno;

        *ret_rules = (LandlockRules){ .fd = fd, .handled = attributes.handled_access_fs };
        return 0;
}

int landlock_allow_fd(LandlockRules *rules, int fd, LandlockAccess access)
{
        struct landlock_path_beneath_attr rule = { .allowed_access = accesses[access] & rules->handled,
                                                   .parent_fd = fd };
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                rule.allowed_access &= ACCESS_OF_FILES;

        return syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno
                                                                                                   : 0;
}

int landlock_allow(LandlockRules *rules, const char *path, LandlockAccess access)
{
        _cleanup_(fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;

        return landlock_allow_fd(rules, fd, access);
}

int landlock_enforce(const LandlockRules *rules)
{
        return syscall(SYS_landlock_restrict_self, rules->fd, 0) < 0 ? -errno : 0;
}
