/* SPDX-License-Identifier: MIT */
/* An operator's keys. */

#include "ctl/operator/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "basic/parse.h"
#include "ctl/operator/files.h"
#include "ctl/operator/secret-input.h"
#include "ctl/print.h"
#include "proto/id.h"

#define PASSPHRASE_MIN 8

void operator_key_done(OperatorKey *key)
{
        key_file_free(key->file);
        key_pair_free(key->pair);
        *key = OPERATOR_KEY_NULL;
}

bool operator_key_is_given(const Ctl *ctl, const KeySource *source)
{
        return ctl->options[source->file] || ctl->options[source->fd];
}

/* -EBADF: no number that a descriptor can have. */
static int parse_fd(const char *text)
{
        uint64_t fd;

        return parse_u64(text, 0, INT32_MAX, &fd) < 0 ? -EBADF : (int) fd;
}

/* What the options name: a descriptor, standard input or a file. */
static int read_key_material(const Ctl *ctl, const char *path, const char *fd_text, const char *name,
                             Secret **ret_secret)
{
        _cleanup_(fd_closep) int file = -EBADF;
        int fd;

        if (fd_text)
                fd = parse_fd(fd_text);
        else if (streq(path, "-"))
                fd = STDIN_FILENO;
        else {
                file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                fd = file < 0 ? -errno : file;
        }

        int r = fd < 0 ? fd : secret_read_fd(fd, ret_secret);
        return r < 0 && r != -ENOMEM ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot read %s: %s",
                                                     name, r == -EFBIG ? "it is too large" : strerror(-r))
                                     : r;
}

static int ask(const Ctl *ctl, const char *prompt, Secret **ret_passphrase)
{
        int r = secret_ask(prompt, ret_passphrase);

        if (r == -ENODATA)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST, "no passphrase was given");
        return r < 0 && r != -ENOMEM ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED,
                                                     "cannot ask for the passphrase: %s; without a "
                                                     "terminal use --passphrase-fd",
                                                     strerror(-r))
                                     : r;
}

static int read_passphrase(const Ctl *ctl, Secret **ret_passphrase)
{
        int r = secret_read_line(parse_fd(ctl->options[OPTION_PASSPHRASE_FD]), ret_passphrase);

        return r < 0 && r != -ENOMEM
                       ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED,
                                       "cannot read the passphrase from its descriptor: %s", strerror(-r))
                       : r;
}

/* Asks twice, or reads it from --passphrase-fd. */
static int new_passphrase(const Ctl *ctl, const char *label, Secret **ret_passphrase)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
        bool given = ctl->options[OPTION_PASSPHRASE_FD];
        char prompt[128];

        (void) snprintf(prompt, sizeof prompt, "Passphrase for the new key %s: ", label);
        int r = given ? read_passphrase(ctl, &first) : ask(ctl, prompt, &first);
        if (r != 0)
                return r;
        if (secret_bytes(first).size < PASSPHRASE_MIN)
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "a passphrase has at least %d characters; several words are best",
                                     PASSPHRASE_MIN);

        if (!given) {
                r = ask(ctl, "The same again: ", &second);
                if (r != 0)
                        return r;
                if (!bytes_equal(secret_bytes(first), secret_bytes(second)))
                        return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                             "the two passphrases differ; nothing was written");
        }

        *ret_passphrase = TAKE_PTR(first);
        return 0;
}

int operator_key_unseal(const Ctl *ctl, OperatorKey *key)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        char prompt[128];

        if (key->pair)
                return 0;

        (void) snprintf(prompt, sizeof prompt, "Passphrase of the key %s: ", key->file->label);
        int r = ctl->options[OPTION_PASSPHRASE_FD] ? read_passphrase(ctl, &passphrase)
                                                   : ask(ctl, prompt, &passphrase);
        if (r != 0)
                return r;

        r = key_file_unseal(key->file, passphrase, &key->pair);
        if (r == -EACCES)
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "wrong passphrase of the key %s",
                                     key->file->label);
        return r == -EBADMSG ? print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA, "the key file is damaged") : r;
}

/* A sealed key begins with a brace; anything else must be a bare seed. */
static int parse_key(const Ctl *ctl, const char *name, const Secret *material, OperatorKey *ret_key)
{
        Bytes bytes = secret_bytes(material);
        OperatorKey key = OPERATOR_KEY_NULL;

        if (bytes.size > 0 && bytes.data[0] == '{') {
                int r = key_file_parse(bytes, &key.file, NULL);
                if (r != 0)
                        return r < 0 ? r
                                     : print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA,
                                                     "%s is no key file of devbox", name);
                key.public = key.file->public;
        } else {
                int r = key_seed_parse(material, &key.pair);
                if (r < 0)
                        return r != -EINVAL ? r
                                            : print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA,
                                                            "there is no key in %s: that is a key file of "
                                                            "devbox, or 32 bytes as 64 hexadecimal digits "
                                                            "or 44 characters of base64",
                                                            name);
                key.public = *key_pair_public(key.pair);
        }

        *ret_key = key;
        return 0;
}

static int open_key(const Ctl *ctl, const char *path, const char *fd_text, OperatorKey *ret_key)
{
        const char *name = fd_text ? "the key's descriptor" : streq(path, "-") ? "standard input" : path;
        _cleanup_(secret_freep) Secret *material = NULL;

        int r = read_key_material(ctl, path, fd_text, name, &material);
        return r != 0 ? r : parse_key(ctl, name, material, ret_key);
}

int operator_key_open_file(const Ctl *ctl, const char *path, OperatorKey *ret_key)
{
        return open_key(ctl, path, NULL, ret_key);
}

int operator_key_open(const Ctl *ctl, const KeySource *source, OperatorKey *ret_key)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, source->name, &path);
        if (r < 0)
                return r;
        if (!operator_key_is_given(ctl, source) && access(path, F_OK) < 0 && errno == ENOENT)
                return print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no key at %s; say with --key where it is, or make one with: "
                                     "devboxctl operator init",
                                     path);

        return open_key(ctl, ctl->options[source->file] ? ctl->options[source->file] : path,
                        ctl->options[source->fd], ret_key);
}

/* ---- new keys */

int operator_check_label(const Ctl *ctl)
{
        const char *label = ctl->options[OPTION_LABEL];

        return !label || label_valid(label)
                       ? 0
                       : print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                       "--label takes a-z, 0-9, '.', '_' and '-', at most 63");
}

static int seal_to_file(const Ctl *ctl, const char *path, const char *label, const KeyPair *pair)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        _cleanup_(freep) char *text = NULL;
        char role[] = "operator", own_label[64];

        (void) snprintf(own_label, sizeof own_label, "%s", label);
        int r = new_passphrase(ctl, own_label, &passphrase);
        if (r != 0)
                return r;

        r = key_file_seal(&(KeyFile){ .role = role, .label = own_label }, pair, passphrase,
                          SEAL_COST_DEFAULT, &text);
        if (r < 0)
                return r;

        r = file_write(path, FILE_NEW, 0600, bytes_of_string(text));
        if (r == -EEXIST)
                return print_failure(ctl, DEVBOX_ERROR_BUSY, "%s exists; a key is never overwritten", path);
        return r < 0 ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot write %s: %s", path,
                                     strerror(-r))
                     : 0;
}

/* A file that is there already is of a command that did not come to its end, or of keygen. */
int operator_key_make(const Ctl *ctl, const KeySource *source, const char *label, OperatorKey *ret_key)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, source->name, &path);
        if (r < 0)
                return r;

        if (operator_key_is_given(ctl, source) || access(path, F_OK) == 0) {
                r = operator_key_open(ctl, source, &key);
                if (r == 0)
                        r = operator_key_unseal(ctl, &key);
        } else {
                r = key_pair_generate(&key.pair);
                if (r == 0)
                        r = seal_to_file(ctl, path, label, key.pair);
                if (r == 0)
                        key.public = *key_pair_public(key.pair);
        }
        if (r != 0)
                return r;

        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
        return 0;
}
