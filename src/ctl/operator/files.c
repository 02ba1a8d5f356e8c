/* SPDX-License-Identifier: MIT */
/* What an operator keeps on their own machine. */

#include "ctl/operator/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "ctl/print.h"

#define ENVELOPE_MAX ((size_t) 1024 * 1024)

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

/* The first root may still be among those who must sign it. */
static int say_no_root(const Ctl *ctl, const char *path)
{
        _cleanup_(freep) char *draft = NULL;

        int r = operator_path(ctl, "1.root.draft.json", &draft);
        if (r < 0)
                return r;

        return access(draft, F_OK) == 0
                       ? print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                       "there is no root at %s yet: %s waits for signatures", path, draft)
                       : print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                       "there is no root at %s; make one with: devboxctl operator init",
                                       path);
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
                return say_no_root(ctl, path);
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
