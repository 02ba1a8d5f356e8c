/* SPDX-License-Identifier: MIT */
/* The private key of the node: loads it, or generates it at the first start. */

#include "ledger/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "codec/binary-text.h"
#include "trust/key-file.h"

#define NAME        "identity"
#define NAME_PUBLIC "identity.pub"
#define TEXT_MAX    256

static int check_mode(int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;

        return S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

/* Reads the key without leaving a copy of its text in memory. */
static int read_key(int fd, KeyPair **ret_identity)
{
        _cleanup_(secret_freep) Secret *text = NULL;
        char buffer[TEXT_MAX];

        ssize_t n = fd_pread_text(fd, buffer, sizeof buffer);
        int r = n < 0 ? (int) n : secret_new(buffer, (size_t) n, &text);
        explicit_bzero(buffer, sizeof buffer);
        if (r < 0)
                return r == -EFBIG ? -EINVAL : r;

        return key_seed_parse(text, ret_identity);
}

static int load_credential(const char *credentials, KeyPair **ret_identity)
{
        _cleanup_(fd_closep) int directory = open(credentials, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;

        /* systemd decides who may read it. */
        _cleanup_(fd_closep) int fd = fd_open_regular_at(directory, NAME, O_NOFOLLOW);
        if (fd < 0)
                return fd;

        return read_key(fd, ret_identity);
}

static int load_file(int state_fd, KeyPair **ret_identity)
{
        _cleanup_(fd_closep) int fd = fd_open_regular_at(state_fd, NAME, O_NOFOLLOW);
        if (fd < 0)
                return fd;

        int r = check_mode(fd);
        return r < 0 ? r : read_key(fd, ret_identity);
}

static int write_key(int state_fd, const KeyPair *identity)
{
        char text[HEX_SIZE(KEY_SEED_SIZE)];

        hex_format(secret_bytes(key_pair_seed(identity)), text);
        text[sizeof text - 1] = '\n';
        int r = file_write_at(state_fd, NAME, FILE_NEW, 0600, BYTES((uint8_t *) text, sizeof text));
        explicit_bzero(text, sizeof text);
        return r;
}

static int generate_file(int state_fd, KeyPair **ret_identity)
{
        _cleanup_(key_pair_freep) KeyPair *identity = NULL;

        int r = key_pair_generate(&identity);
        if (r < 0)
                return r;
        r = write_key(state_fd, identity);
        if (r < 0)
                return r;

        *ret_identity = TAKE_PTR(identity);
        return 0;
}

int identity_load(int state_fd, const char *credentials, KeyPair **ret_identity)
{
        int r = credentials ? load_credential(credentials, ret_identity) : -ENOENT;
        if (r != -ENOENT)
                return r;

        r = load_file(state_fd, ret_identity);
        return r == -ENOENT ? generate_file(state_fd, ret_identity) : r;
}

int identity_publish(int state_fd, const KeyPair *identity)
{
        char text[HEX_SIZE(PUBLIC_KEY_SIZE)], old[TEXT_MAX];

        hex_format(BYTES_OF(key_pair_public(identity)->bytes), text);
        text[sizeof text - 1] = '\n';

        _cleanup_(fd_closep) int fd = fd_open_regular_at(state_fd, NAME_PUBLIC, O_NOFOLLOW);
        ssize_t n = fd < 0 ? fd : fd_pread_text(fd, old, sizeof old);
        if (n == sizeof text && memcmp(old, text, sizeof text) == 0)
                return 0;

        return file_write_at(state_fd, NAME_PUBLIC, FILE_REPLACE, 0644,
                             BYTES((uint8_t *) text, sizeof text));
}

bool identity_exists(int state_fd)
{
        return faccessat(state_fd, NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
