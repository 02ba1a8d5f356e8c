/* SPDX-License-Identifier: MIT */
/* An operator's keys. */

#include "ctl/operator/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/operator/secret-input.h"
#include "ctl/problem.h"

#define PASSPHRASE_MIN 8

void operator_key_done(OperatorKey *key)
{
        key_file_free(key->file);
        key_pair_free(key->pair);
        *key = OPERATOR_KEY_NULL;
}

static int read_key_material(const KeySource *source, const char *path, const char *name,
                             Secret **ret_secret, char **ret_problem)
{
        _cleanup_(fd_closep) int file = -EBADF;
        int fd = source->fd;

        if (fd < 0 && streq(path, "-"))
                fd = STDIN_FILENO;
        else if (fd < 0) {
                file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                fd = file < 0 ? -errno : file;
        }

        int r = fd < 0 ? fd : secret_read_fd(fd, ret_secret);
        return r < 0 && r != -ENOMEM
                       ? problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED, "cannot read %s: %s", name,
                                     r == -EFBIG ? "it is too large" : strerror(-r))
                       : r;
}

static int ask(const char *prompt, Secret **ret_passphrase, char **ret_problem)
{
        int r = secret_ask(prompt, ret_passphrase);

        if (r == -ENODATA)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST, "no passphrase was given");
        return r < 0 && r != -ENOMEM ? problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                                   "cannot ask for the passphrase: %s; without a terminal "
                                                   "use --passphrase-fd",
                                                   strerror(-r))
                                     : r;
}

static int read_passphrase(int fd, Secret **ret_passphrase, char **ret_problem)
{
        int r = secret_read_line(fd, ret_passphrase);

        return r < 0 && r != -ENOMEM
                       ? problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                     "cannot read the passphrase from its descriptor: %s", strerror(-r))
                       : r;
}

/* Asks twice, or reads it once from its descriptor. */
static int new_passphrase(int passphrase_fd, const char *label, Secret **ret_passphrase, char **ret_problem)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
        bool given = passphrase_fd >= 0;
        char prompt[128];

        (void) snprintf(prompt, sizeof prompt, "Passphrase for the new key %s: ", label);
        int r = given ? read_passphrase(passphrase_fd, &first, ret_problem)
                      : ask(prompt, &first, ret_problem);
        if (r != 0)
                return r;
        if (secret_bytes(first).size < PASSPHRASE_MIN)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "a passphrase has at least %d characters; several words are best",
                                   PASSPHRASE_MIN);

        if (!given) {
                r = ask("The same again: ", &second, ret_problem);
                if (r != 0)
                        return r;
                if (!bytes_equal(secret_bytes(first), secret_bytes(second)))
                        return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                           "the two passphrases differ; nothing was written");
        }

        *ret_passphrase = TAKE_PTR(first);
        return 0;
}

int operator_key_unseal(const KeySource *source, OperatorKey *key, char **ret_problem)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        char prompt[128];

        if (key->pair)
                return 0;

        (void) snprintf(prompt, sizeof prompt, "Passphrase of the key %s: ", key->file->label);
        int r = source->passphrase_fd >= 0 ? read_passphrase(source->passphrase_fd, &passphrase, ret_problem)
                                           : ask(prompt, &passphrase, ret_problem);
        if (r != 0)
                return r;

        r = key_file_unseal(key->file, passphrase, &key->pair);
        if (r == -EACCES)
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED, "wrong passphrase of the key %s",
                                   key->file->label);
        return r == -EBADMSG ? problem_set(ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "the key file is damaged")
                             : r;
}

/* A sealed key begins with a brace; anything else must be a bare seed. */
static int parse_key(const char *name, const Secret *material, OperatorKey *ret_key, char **ret_problem)
{
        Bytes bytes = secret_bytes(material);
        OperatorKey key = OPERATOR_KEY_NULL;

        if (bytes.size > 0 && bytes.data[0] == '{') {
                int r = key_file_parse(bytes, &key.file, NULL);
                if (r != 0)
                        return r < 0 ? r
                                     : problem_set(ret_problem, DEVBOX_ERROR_BAD_SCHEMA,
                                                   "%s is no key file of devbox", name);
                key.public = key.file->public;
        } else {
                int r = key_seed_parse(material, &key.pair);
                if (r < 0)
                        return r != -EINVAL ? r
                                            : problem_set(ret_problem, DEVBOX_ERROR_BAD_SCHEMA,
                                                          "there is no key in %s: that is a key file of "
                                                          "devbox, or 32 bytes as 64 hexadecimal digits "
                                                          "or 44 characters of base64",
                                                          name);
                key.public = *key_pair_public(key.pair);
        }

        *ret_key = key;
        return 0;
}

int operator_key_open(const KeySource *source, OperatorKey *ret_key, char **ret_problem)
{
        _cleanup_(secret_freep) Secret *material = NULL;
        _cleanup_(freep) char *own_path = NULL;

        int r = operator_path(source->dir, source->name, &own_path);
        if (r < 0)
                return r;
        if (!key_source_is_given(source) && access(own_path, F_OK) < 0 && errno == ENOENT)
                return problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                   "there is no key at %s; name it with --key, or make one with: devboxctl "
                                   "operator init",
                                   own_path);

        const char *path = source->path ? source->path : own_path;
        const char *name = source->fd >= 0    ? "the key's descriptor"
                           : streq(path, "-") ? "standard input"
                                              : path;
        r = read_key_material(source, path, name, &material, ret_problem);
        return r != 0 ? r : parse_key(name, material, ret_key, ret_problem);
}

static int key_path(const KeySource *source, char **ret_path)
{
        if (!source->path)
                return operator_path(source->dir, source->name, ret_path);

        *ret_path = strdup(source->path);
        return *ret_path ? 0 : -ENOMEM;
}

int operator_key_check_mode(const KeySource *source, char **ret_warning)
{
        _cleanup_(freep) char *path = NULL, *directory = NULL;
        struct stat key, above;

        *ret_warning = NULL;
        int r = source->fd >= 0 ? 0 : key_path(source, &path);
        if (r < 0 || !path || stat(path, &key) < 0 || !S_ISREG(key.st_mode))
                return r;
        if (key.st_mode & 077)
                return asprintf(ret_warning, "%s is open to others; run: chmod 600 %s", path, path) < 0
                               ? -ENOMEM
                               : 0;

        r = source->path ? 0 : operator_path(source->dir, "", &directory);
        if (r < 0 || !directory || stat(directory, &above) < 0 || !(above.st_mode & 077))
                return r;
        return asprintf(ret_warning, "%s is open to others; run: chmod 700 %s", directory, directory) < 0
                       ? -ENOMEM
                       : 0;
}

/* ---- new keys */

static int seal_to_file(const KeySource *source, const char *path, const char *label, const KeyPair *pair,
                        char **ret_problem)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        _cleanup_(freep) char *text = NULL;
        char role[] = "operator", own_label[64];

        (void) snprintf(own_label, sizeof own_label, "%s", label);
        int r = new_passphrase(source->passphrase_fd, own_label, &passphrase, ret_problem);
        if (r != 0)
                return r;

        r = key_file_seal(&(KeyFile){ .role = role, .label = own_label }, pair, passphrase,
                          SEAL_COST_DEFAULT, &text);
        if (r < 0)
                return r;

        return output_write(path, FILE_NEW, 0600, text, ret_problem);
}

/* A file that exists is of an interrupted command, or of keygen. */
int operator_key_make(const KeySource *source, const char *label, OperatorKey *ret_key, char **ret_problem)
{
        _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(source->dir, source->name, &path);
        if (r < 0)
                return r;

        if (key_source_is_given(source) || access(path, F_OK) == 0) {
                r = operator_key_open(source, &key, ret_problem);
                if (r == 0)
                        r = operator_key_unseal(source, &key, ret_problem);
        } else {
                r = key_pair_generate(&key.pair);
                if (r == 0)
                        r = seal_to_file(source, path, label, key.pair, ret_problem);
                if (r == 0)
                        key.public = *key_pair_public(key.pair);
        }
        if (r != 0)
                return r;

        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
        return 0;
}
