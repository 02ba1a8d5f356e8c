/* SPDX-License-Identifier: MIT */
/* Roots in a file. */

#include "ctl/operator/root-chain.h"

#include <unistd.h>

#include "ctl/input.h"
#include "ctl/operator/files.h"
#include "ctl/problem.h"

void root_chain_done(RootChain *chain)
{
        for (size_t i = 0; i < chain->n_steps; i++) {
                root_free(chain->steps[i].root);
                free(chain->steps[i].text);
        }
        free(chain->steps);
        *chain = ROOT_CHAIN_NULL;
}

const Sha256 *root_chain_last_digest(const RootChain *chain)
{
        return chain->n_steps > 0 ? &chain->steps[chain->n_steps - 1].digest : NULL;
}

/* ---- lines of a file */

typedef struct RootLine {
        const char *text; /* within the file's text */
        Envelope *envelope;
        int64_t version;
        unsigned number;
} RootLine;

typedef struct RootLines {
        RootLine *items;
        size_t n;
} RootLines;

static void root_lines_done(RootLines *lines)
{
        for (size_t i = 0; i < lines->n; i++)
                envelope_free(lines->items[i].envelope);
        free(lines->items);
}

static int add_line(RootLines *lines, const char *text, unsigned number)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(root_freep) Root *root = NULL;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = streq(envelope->type, ENVELOPE_ROOT)
                            ? root_parse(envelope_payload(envelope), &root, NULL)
                            : DEVBOX_ERROR_BAD_ENVELOPE;
        if (r != 0)
                return r;

        RootLine *items = realloc(lines->items, (lines->n + 1) * sizeof *items);
        if (!items)
                return -ENOMEM;
        lines->items = items;
        lines->items[lines->n++] = (RootLine){ text, TAKE_PTR(envelope), root->version, number };
        return 0;
}

/* Cuts the text into lines. */
static int split(const char *path, char *text, RootLines *lines, char **ret_problem)
{
        unsigned number = 0;

        for (char *line = text, *end; line && *line != '\0'; line = end) {
                end = strchr(line, '\n');
                if (end)
                        *end++ = '\0';
                number++;
                if (*line == '\0')
                        continue;

                int r = add_line(lines, line, number);
                if (r > 0)
                        return problem_set(ret_problem, (DevboxError) r, "%s:%u: %s", path, number,
                                           devbox_error_sentence((DevboxError) r));
                if (r < 0)
                        return r;
        }

        return lines->n > 0 ? 0
                            : problem_set(ret_problem, DEVBOX_ERROR_BAD_ENVELOPE, "%s holds no root", path);
}

static int compare_versions(const void *a, const void *b)
{
        const RootLine *x = a, *y = b;

        return x->version != y->version ? (x->version > y->version) - (x->version < y->version)
                                        : (x->number > y->number) - (x->number < y->number);
}

/* ---- the chain */

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

        steps[chain->n_steps++] = (struct RootStep){ root, copy, envelope->digest };
        chain->root = root;
        chain->text = copy;
        return 0;
}

/* The same root twice is no step. */
static int follow_root(RootChain *chain, const RootLine *line)
{
        Root *root;

        if (chain->root && sha256_equal(root_chain_last_digest(chain), &line->envelope->digest))
                return 0;
        int r = chain->root ? root_accept_next(chain->root, line->envelope, &root)
                            : root_accept_first(line->envelope, NULL, &root);
        if (r != 0)
                return r;

        return add_step(chain, line->text, line->envelope, root);
}

int root_chain_read(const char *path, RootChain *ret_chain, char **ret_problem)
{
        _cleanup_(root_chain_done) RootChain chain = ROOT_CHAIN_NULL;
        _cleanup_(root_lines_done) RootLines lines = { 0 };
        _cleanup_(freep) char *text = NULL;

        int r = input_read_text(path, ROOT_CHAIN_MAX, &text, ret_problem);
        if (r == 0)
                r = split(path, text, &lines, ret_problem);
        if (r != 0)
                return r;

        qsort(lines.items, lines.n, sizeof *lines.items, compare_versions);
        for (size_t i = 0; i < lines.n; i++) {
                r = follow_root(&chain, &lines.items[i]);
                if (r > 0)
                        return problem_set(ret_problem, (DevboxError) r, "%s:%u: %s", path,
                                           lines.items[i].number, devbox_error_sentence((DevboxError) r));
                if (r < 0)
                        return r;
        }

        *ret_chain = TAKE(chain, ROOT_CHAIN_NULL);
        return 0;
}

/* The first root may still be a draft. */
static int reject_missing(const char *dir, const char *path, char **ret_problem)
{
        _cleanup_(freep) char *draft = NULL;

        int r = operator_path(dir, "1.root.draft.json", &draft);
        if (r < 0)
                return r;

        return access(draft, F_OK) == 0
                       ? problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no root at %s yet: %s waits for signatures", path, draft)
                       : problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no root at %s; make one with: devboxctl operator init", path);
}

int root_chain_read_current(const char *dir, const char *path, RootChain *ret_chain, char **ret_problem)
{
        _cleanup_(freep) char *current = NULL;

        if (path)
                return root_chain_read(path, ret_chain, ret_problem);

        int r = operator_path(dir, "root.json", &current);
        if (r < 0)
                return r;

        return access(current, F_OK) < 0 && errno == ENOENT
                       ? reject_missing(dir, current, ret_problem)
                       : root_chain_read(current, ret_chain, ret_problem);
}
