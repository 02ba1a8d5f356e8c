/* SPDX-License-Identifier: MIT */
/* A disk that fails on purpose. */

#include "fault-vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

/* What a write covered that no sync has made durable yet. */
typedef struct Unsynced Unsynced;
struct Unsynced {
        Unsynced *older;
        sqlite3_int64 offset, file_size; /* before the write */
        int size;
        unsigned char old[];
};

typedef struct FaultFile FaultFile;
struct FaultFile {
        sqlite3_file base; /* first: SQLite sees only this */
        FaultFile *next;
        Unsynced *newest;
        sqlite3_file *real;
        uint64_t storage[]; /* of `real`; SQLite aligns files to eight bytes */
};

static struct {
        Fault fault;
        uint64_t at_step, steps, random;
        FaultFile *files;
        sqlite3_vfs vfs, *real;
} disk;

static bool next_bit(void)
{
        disk.random ^= disk.random << 13;
        disk.random ^= disk.random >> 7;
        disk.random ^= disk.random << 17;
        return disk.random >> 32 & 1;
}

static void forget(FaultFile *file)
{
        while (file->newest) {
                Unsynced *unsynced = file->newest;

                file->newest = unsynced->older;
                free(unsynced);
        }
}

static void remember(FaultFile *file, int size, sqlite3_int64 offset)
{
        Unsynced *unsynced = calloc(1, sizeof *unsynced + (size_t) size);

        if (disk.fault != FAULT_POWER) {
                free(unsynced);
                return;
        }

        *unsynced = (Unsynced){ .older = file->newest, .offset = offset, .size = size };
        (void) file->real->pMethods->xFileSize(file->real, &unsynced->file_size);
        (void) file->real->pMethods->xRead(file->real, unsynced->old, size, offset);
        file->newest = unsynced;
}

static void lose(FaultFile *file)
{
        for (Unsynced *unsynced = file->newest; unsynced; unsynced = unsynced->older) {
                if (!next_bit())
                        continue;
                if (unsynced->offset >= unsynced->file_size)
                        (void) file->real->pMethods->xTruncate(file->real, unsynced->file_size);
                else
                        (void) file->real->pMethods->xWrite(file->real, unsynced->old, unsynced->size,
                                                            unsynced->offset);
        }
}

/* Counts one step; SQLITE_OK if it may be done. */
static int step(Fault kind, int failure)
{
        disk.steps++;
        if (disk.fault == FAULT_NONE || disk.steps < disk.at_step)
                return SQLITE_OK;

        if (disk.fault == FAULT_KILL || disk.fault == FAULT_POWER) {
                for (FaultFile *file = disk.files; disk.fault == FAULT_POWER && file; file = file->next)
                        lose(file);
                (void) kill(getpid(), SIGKILL);
        }

        return disk.fault == kind ? failure : SQLITE_OK;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
        return ((FaultFile *) file)->real;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
        int code = disk.fault == FAULT_FULL ? step(FAULT_FULL, SQLITE_FULL)
                                            : step(FAULT_WRITE, SQLITE_IOERR_WRITE);
        if (code != SQLITE_OK)
                return code;

        remember((FaultFile *) file, size, offset);
        return real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        int code = step(FAULT_WRITE, SQLITE_IOERR_TRUNCATE);

        return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
        int code = step(FAULT_SYNC, SQLITE_IOERR_FSYNC);
        if (code != SQLITE_OK)
                return code;

        forget((FaultFile *) file);
        return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_close(sqlite3_file *file)
{
        FaultFile **link = &disk.files;

        while (*link != (FaultFile *) file)
                link = &(*link)->next;
        *link = (*link)->next;
        forget((FaultFile *) file);
        return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
        return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
        return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
        return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
        return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
        return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
        return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
        return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
        return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
        real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
        return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_check_lock,
        .xFileControl = file_control,
        .xSectorSize = file_sector_size,
        .xDeviceCharacteristics = file_characteristics,
        .xShmMap = file_shm_map,
        .xShmLock = file_shm_lock,
        .xShmBarrier = file_shm_barrier,
        .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
        FaultFile *file = (FaultFile *) base;

        *file = (FaultFile){ .real = (sqlite3_file *) file->storage };
        int code = disk.real->xOpen(disk.real, name, file->real, flags, ret_flags);
        if (code != SQLITE_OK)
                return code;

        file->base.pMethods = &methods;
        file->next = disk.files;
        disk.files = file;
        return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
        int code = step(FAULT_WRITE, SQLITE_IOERR_DELETE);

        return code != SQLITE_OK ? code : disk.real->xDelete(disk.real, name, sync);
}

void fault_vfs_install(void)
{
        disk.real = sqlite3_vfs_find(NULL);
        assert_non_null(disk.real);
        disk.vfs = *disk.real; /* what is not ours is that of the real one, which never looks at its data */
        disk.vfs.zName = "fault";
        disk.vfs.szOsFile = (int) sizeof(FaultFile) + disk.real->szOsFile;
        disk.vfs.xOpen = vfs_open;
        disk.vfs.xDelete = vfs_delete;
        assert_int_equal(sqlite3_vfs_register(&disk.vfs, true), SQLITE_OK);
}

void fault_vfs_arm(Fault fault, uint64_t at_step, uint64_t seed)
{
        disk.fault = fault;
        disk.at_step = at_step;
        disk.steps = 0;
        disk.random = seed * 2 + 1;
}

uint64_t fault_vfs_steps(void)
{
        return disk.steps;
}
