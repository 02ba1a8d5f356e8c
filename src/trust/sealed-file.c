/* SPDX-License-Identifier: MIT */
/* Private keys of a daemon at rest. */

#include "trust/sealed-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "crypto/secretbox.h"
#include "crypto/x25519.h"

#define SEAL     "seal"
#define BOX_SIZE (SEALED_KEY_SIZE + SECRETBOX_OVERHEAD)

static int check_mode(int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;

        return (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

/* Reads a file of exactly this size. */
static int read_exactly(int fd, void *ret_bytes, size_t size)
{
        uint8_t more;

        ssize_t n = pread(fd, ret_bytes, size, 0);
        if (n < 0)
                return -errno;

        return (size_t) n == size && pread(fd, &more, 1, (off_t) size) == 0 ? 0 : -EINVAL;
}

static int read_seal(int fd, Secret **ret_seal)
{
        uint8_t bytes[SEALED_KEY_SIZE];

        int r = read_exactly(fd, bytes, sizeof bytes);
        if (r >= 0)
                r = secret_new(bytes, sizeof bytes, ret_seal);
        explicit_bzero(bytes, sizeof bytes);
        return r;
}

/* systemd decides who may read it. */
static int load_credential(const char *credentials, Secret **ret_seal)
{
        _cleanup_(fd_closep) int directory = open(credentials, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;

        _cleanup_(fd_closep) int fd = fd_open_regular_at(directory, SEAL, O_NOFOLLOW);
        return fd < 0 ? fd : read_seal(fd, ret_seal);
}

static int load_file(int directory_fd, Secret **ret_seal)
{
        _cleanup_(fd_closep) int fd = fd_open_regular_at(directory_fd, SEAL, O_NOFOLLOW);
        if (fd < 0)
                return fd;

        int r = check_mode(fd);
        return r < 0 ? r : read_seal(fd, ret_seal);
}

static int make_file(int directory_fd, Secret **ret_seal)
{
        _cleanup_(secret_freep) Secret *seal = NULL;

        int r = secret_new_random(SEALED_KEY_SIZE, &seal);
        if (r < 0)
                return r;
        r = file_write_at(directory_fd, SEAL, FILE_NEW, 0600, secret_bytes(seal));
        if (r < 0)
                return r;

        *ret_seal = TAKE_PTR(seal);
        return 0;
}

int seal_load(int directory_fd, const char *credentials, Secret **ret_seal)
{
        int r = credentials ? load_credential(credentials, ret_seal) : -ENOENT;
        if (r == -ENOENT)
                r = load_file(directory_fd, ret_seal);

        return r == -ENOENT ? make_file(directory_fd, ret_seal) : r;
}

int seal_derive(const Secret *seal, const char *purpose, Secret **ret_key)
{
        static const char label[] = "DBX-SEAL-v1"; /* with its NUL */
        uint8_t info[256], key[SECRETBOX_KEY_SIZE];
        size_t n = strlen(purpose);

        assert(sizeof label + n <= sizeof info);
        memcpy(info, label, sizeof label);
        memcpy(info + sizeof label, purpose, n);
        hkdf_sha256(secret_bytes(seal), BYTES(info, sizeof label + n), key, sizeof key);
        int r = secret_new(key, sizeof key, ret_key);
        explicit_bzero(key, sizeof key);
        return r;
}

int sealed_file_read(int directory_fd, const char *name, const Secret *seal, Secret **ret_key)
{
        _cleanup_(secret_freep) Secret *key = NULL, *plain = NULL;
        uint8_t box[BOX_SIZE];

        _cleanup_(fd_closep) int fd = fd_open_regular_at(directory_fd, name, O_NOFOLLOW);
        if (fd < 0)
                return fd;

        int r = check_mode(fd);
        if (r < 0)
                return r;
        r = read_exactly(fd, box, sizeof box);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        r = seal_derive(seal, name, &key);
        if (r < 0)
                return r;
        r = secretbox_open(key, BYTES_OF(box), &plain);
        if (r < 0)
                return r;

        *ret_key = TAKE_PTR(plain);
        return 0;
}

int sealed_file_write(int directory_fd, const char *name, const Secret *seal, const Secret *key)
{
        _cleanup_(secret_freep) Secret *box_key = NULL, *stored = NULL;
        uint8_t box[BOX_SIZE];

        if (secret_bytes(key).size != SEALED_KEY_SIZE)
                return -EINVAL;

        int r = seal_derive(seal, name, &box_key);
        if (r < 0)
                return r;
        r = secretbox_seal(box_key, secret_bytes(key), box);
        if (r < 0)
                return r;
        r = file_write_at(directory_fd, name, FILE_REPLACE, 0600, BYTES_OF(box));
        if (r < 0)
                return r;

        r = sealed_file_read(directory_fd, name, seal, &stored);
        if (r < 0)
                return r;
        return bytes_equal(secret_bytes(stored), secret_bytes(key)) ? 0 : -EIO;
}

int sealed_file_load(int directory_fd, const char *name, const Secret *seal, Secret **ret_key)
{
        _cleanup_(secret_freep) Secret *key = NULL;

        int r = sealed_file_read(directory_fd, name, seal, ret_key);
        if (r != -ENOENT)
                return r;

        r = secret_new_random(SEALED_KEY_SIZE, &key);
        if (r < 0)
                return r;
        r = sealed_file_write(directory_fd, name, seal, key);
        if (r < 0)
                return r;

        *ret_key = TAKE_PTR(key);
        return 0;
}
