/* SPDX-License-Identifier: MIT */
/* From the ceiling to drop-ins of the workers. Paths that do not exist are skipped: the ceiling is written
 * before what it allows is there. */

#include "generator/workers.h"

#include "generator/generator.h"
#include "proto/id.h"

#define ALWAYS_VISIBLE "/usr"

typedef struct WorkerRow {
        const char *unit;
        bool executes, writes;
} WorkerRow;

static const WorkerRow workers[_GENERATOR_WORKER_MAX] = {
        [GENERATOR_WORKER_EXEC] = { "devbox-worker-exec@.service", .executes = true },
        [GENERATOR_WORKER_FSR] = { "devbox-worker-fsr@.service" },
        [GENERATOR_WORKER_FSW] = { "devbox-worker-fsw@.service", .writes = true },
};

/* Hidden, whatever the ceiling has. */
static const char *const hidden[] = { "/boot", "/etc/devbox", "/etc/ssh", "/etc/wireguard",
                                      "/var/lib/devbox" };

typedef LIST_OF(char *) Paths;
#define PATHS(list) ((const Paths *) (const void *) (list))

/* Characters that mean nothing in a list of paths, in quotes. What has others stays out of the sandbox. */
static bool is_plain(const char *path)
{
        return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@,=~ %-") ==
               strlen(path);
}

const char *generator_worker_unit(GeneratorWorker which)
{
        return workers[which].unit;
}

/* systemd.unit(5): without a controller its limits would have no effect, and nothing would say so. */
int generator_format_limits(const char *source, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        text_append(&text, GENERATOR_MADE_BY "[Unit]\nSourcePath=");
        generator_append_escaped(&text, source);
        text_append(&text, "\nAssertControlGroupController=memory pids\n");
        return text_take(&text, ret_text, NULL);
}

static void append_path(Text *text, const char *key, const char *prefix, const char *path)
{
        text_appendf(text, "%s=\"%s", key, prefix);
        generator_append_escaped(text, path);
        text_append(text, "\"\n");
}

/* Something in the directory is visible, or it is itself in a visible one. */
static bool is_reached(const Paths *visible, const char *directory)
{
        for (size_t i = 0; i < visible->n; i++)
                if (path_is_under(directory, visible->items[i]) ||
                    path_is_under(visible->items[i], directory))
                        return true;

        return false;
}

/* "-": skipped if it does not exist; "+": below the worker's root directory. */
static void append_directories(Text *text, const Paths *directories, bool writes)
{
        for (size_t i = 0; i < directories->n; i++) {
                const char *path = directories->items[i];
                bool is_visible = path_is_under(path, ALWAYS_VISIBLE);

                if (!is_plain(path))
                        continue;
                if (writes || !is_visible)
                        append_path(text, writes ? "BindPaths" : "BindReadOnlyPaths", "-", path);
                if (!is_visible)
                        append_path(text, "NoExecPaths", "-+", path);
        }

        for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                if (is_reached(directories, hidden[i]))
                        append_path(text, "InaccessiblePaths", "-+", hidden[i]);

        /* To protect what is below, systemd would mount all of it. */
        if (!is_reached(directories, "/sys"))
                append_path(text, "InaccessiblePaths", "+", "/sys");
}

int generator_format_worker(GeneratorWorker which, const Ceiling *ceiling, const char *source,
                            char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        const WorkerRow *row = &workers[which];

        text_append(&text, GENERATOR_MADE_BY "[Unit]\nSourcePath=");
        generator_append_escaped(&text, source);
        text_append(&text, "\n\n[Service]\n");
        for (size_t i = 0; row->executes && i < ceiling->programs.n; i++)
                if (is_plain(ceiling->programs.items[i]))
                        append_path(&text, "ExecPaths", "-+", ceiling->programs.items[i]);
        append_directories(&text, row->writes ? PATHS(&ceiling->write) : PATHS(&ceiling->read), row->writes);

        return text_take(&text, ret_text, NULL);
}
