/* SPDX-License-Identifier: MIT */
/* What an operator keeps on their own machine. */

#include "ctl/operator-files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/parse.h"
#include "basic/time.h"
#include "ctl/print.h"
#include "ctl/secret-input.h"

#define ROOTS_MAX      (4 * 1024 * 1024) /* bytes of a chain of roots */
#define ENVELOPE_MAX   ((size_t) 1024 * 1024)
#define PASSPHRASE_MIN 8

uint64_t operator_now_ms(void)
{
        static uint64_t now_ms;

        if (now_ms == 0)
                now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        return now_ms;
}

int operator_path(const Ctl *ctl, const char *name, char **ret_path)
{
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        int n;

        if (ctl->options[OPTION_DIR])
                n = asprintf(ret_path, "%s/%s", ctl->options[OPTION_DIR], name);
        else if (config && *config == '/')
                n = asprintf(ret_path, "%s/devbox/operator/%s", config, name);
        else
                n = asprintf(ret_path, "%s/.config/devbox/operator/%s", home ? home : ".", name);
        if (n < 0) {
                *ret_path = NULL;
                return -ENOMEM;
        }

        return 0;
}

int operator_make_directory(const Ctl *ctl)
{
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, "", &path);
        if (r < 0)
                return r;

        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST)
                        return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot make %s: %s", path,
                                             strerror(errno));
                *slash = '/';
        }

        return 0;
}

int operator_read_file(const Ctl *ctl, const char *path, size_t max, char **ret_text)
{
        size_t size;
        char *text;

        int r = fd_read_file_at(AT_FDCWD, path, max, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return print_failure(ctl, r == -ENOENT ? DEVBOX_ERROR_NOT_FOUND : DEVBOX_ERROR_ACCESS_DENIED,
                                     "cannot read %s: %s", path,
                                     r == -EFBIG ? "it is too large" : strerror(-r));
        if (strlen(text) != size) {
                free(text);
                return print_failure(ctl, DEVBOX_ERROR_BAD_ENVELOPE, "%s has NUL bytes: it is no text",
                                     path);
        }

        *ret_text = text;
        return 0;
}

int operator_read_envelope(const Ctl *ctl, const char *path, Envelope **ret_envelope)
{
        _cleanup_(freep) char *text = NULL;

        int r = operator_read_file(ctl, path, ENVELOPE_MAX, &text);
        if (r != 0)
                return r;

        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, ret_envelope);
        return r > 0 ? print_failure(ctl, (DevboxError) r, "%s: %s", path,
                                     devbox_error_sentence((DevboxError) r))
                     : r;
}

/* ---- keys */

/* -EBADF: no number that a descriptor can have. */
static int parse_fd(const char *text)
{
        uint64_t fd;

        return parse_u64(text, 0, INT32_MAX, &fd) < 0 ? -EBADF : (int) fd;
}

/* What the options name: a descriptor, standard input or a file. */
static int read_key_material(const Ctl *ctl, const char *path, const char *fd_text, Secret **ret_secret)
{
        _cleanup_(fd_closep) int file = -EBADF;
        const char *name = fd_text ? "the key's descriptor" : streq(path, "-") ? "standard input" : path;
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
        if (r == -ENOENT)
                return print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no key at %s; make one with: devboxctl operator init", path);
        return r < 0 && r != -ENOMEM ? print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "cannot read %s: %s",
                                                     name, r == -EFBIG ? "it is too large" : strerror(-r))
                                     : r;
}

static int ask(const Ctl *ctl, const char *prompt, Secret **ret_passphrase)
{
        int r = secret_ask(prompt, ret_passphrase);

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

int operator_new_passphrase(const Ctl *ctl, Secret **ret_passphrase)
{
        _cleanup_(secret_freep) Secret *first = NULL, *second = NULL;
        bool given = ctl->options[OPTION_PASSPHRASE_FD];

        int r = given ? read_passphrase(ctl, &first) : ask(ctl, "Passphrase for the new key: ", &first);
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

static int unseal_key(const Ctl *ctl, const KeyFile *file, KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *passphrase = NULL;
        char prompt[128];

        (void) snprintf(prompt, sizeof prompt, "Passphrase of the key %s: ", file->label);
        int r = ctl->options[OPTION_PASSPHRASE_FD] ? read_passphrase(ctl, &passphrase)
                                                   : ask(ctl, prompt, &passphrase);
        if (r != 0)
                return r;

        r = key_file_unseal(file, passphrase, ret_pair);
        if (r == -EACCES)
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED, "wrong passphrase");
        return r == -EBADMSG ? print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA, "the key file is damaged") : r;
}

/* A sealed key begins with a brace; anything else must be a bare seed. */
static int open_key_material(const Ctl *ctl, const Secret *material, KeyPair **ret_pair)
{
        _cleanup_(key_file_freep) KeyFile *file = NULL;
        Bytes bytes = secret_bytes(material);

        if (bytes.size > 0 && bytes.data[0] == '{') {
                int r = key_file_parse(bytes, &file, NULL);
                if (r > 0)
                        return print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA, "this is no key file of devbox");
                return r < 0 ? r : unseal_key(ctl, file, ret_pair);
        }

        int r = key_seed_parse(material, ret_pair);
        return r == -EINVAL ? print_failure(ctl, DEVBOX_ERROR_BAD_SCHEMA,
                                            "a key is a key file of devbox, or 32 bytes as 64 hexadecimal "
                                            "digits or 44 characters of base64")
                            : r;
}

int operator_load_key(const Ctl *ctl, KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *material = NULL;
        _cleanup_(freep) char *path = NULL;

        int r = operator_path(ctl, "operator.key", &path);
        if (r < 0)
                return r;

        r = read_key_material(ctl, ctl->options[OPTION_KEY] ? ctl->options[OPTION_KEY] : path,
                              ctl->options[OPTION_KEY_FD], &material);
        return r != 0 ? r : open_key_material(ctl, material, ret_pair);
}

int operator_load_seed(const Ctl *ctl, CtlOption file, CtlOption fd, KeyPair **ret_pair)
{
        _cleanup_(secret_freep) Secret *material = NULL;

        if (!ctl->options[file] && !ctl->options[fd])
                return 0;

        int r = read_key_material(ctl, ctl->options[file], ctl->options[fd], &material);
        return r != 0 ? r : open_key_material(ctl, material, ret_pair);
}

/* ---- roots */

void root_chain_done(RootChain *chain)
{
        for (size_t i = 0; i < chain->n_steps; i++)
                root_free(chain->steps[i].root);
        free(chain->text);
        free(chain->steps);
        *chain = ROOT_CHAIN_NULL;
}

static int add_step(RootChain *chain, const char *text, const Envelope *envelope, Root *root)
{
        struct RootStep *steps = realloc(chain->steps, (chain->n_steps + 1) * sizeof *steps);
        char *copy = strdup(text);

        if (steps)
                chain->steps = steps;
        if (!steps || !copy) {
                free(copy);
                root_free(root);
                return -ENOMEM;
        }

        steps[chain->n_steps].root = root;
        envelope_digest(envelope, &steps[chain->n_steps++].digest);
        free(chain->text);
        chain->root = root;
        chain->text = copy;
        return 0;
}

static int follow_root(const char *line, RootChain *chain)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Root *root;

        int r = envelope_parse(bytes_of_string(line), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = chain->root ? root_accept_next(chain->root, envelope, &root)
                                : root_accept_first(envelope, NULL, &root);
        if (r != 0)
                return r;

        return add_step(chain, line, envelope, root);
}

int operator_load_roots(const Ctl *ctl, const char *path, RootChain *ret_chain)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(freep) char *own_path = NULL, *text = NULL;
        unsigned number = 0;

        int r = path ? 0 : operator_path(ctl, "root.json", &own_path);
        if (r < 0)
                return r;
        path = path ? path : own_path;
        if (own_path && access(path, F_OK) < 0 && errno == ENOENT)
                return print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no root at %s; make one with: devboxctl operator init", path);
        r = operator_read_file(ctl, path, ROOTS_MAX, &text);
        if (r != 0)
                return r;

        for (char *line = text, *end; line && *line != '\0'; line = end) {
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                number++;
                if (*line == '\0')
                        continue;

                r = follow_root(line, &chain);
                if (r > 0)
                        return print_failure(ctl, (DevboxError) r, "%s:%u: %s", path, number,
                                             devbox_error_sentence((DevboxError) r));
                if (r < 0)
                        return r;
        }
        if (!chain.root)
                return print_failure(ctl, DEVBOX_ERROR_BAD_ENVELOPE, "%s holds no root", path);

        *ret_chain = TAKE(chain, ROOT_CHAIN_NULL);
        return 0;
}
