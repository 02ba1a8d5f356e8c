/* SPDX-License-Identifier: MIT */
/* From the ceiling to drop-ins of the workers. Paths that do not exist are skipped: the ceiling is written
 * before what it allows is there. */

#include "generator/workers.h"

#include "generator/generator.h"

/* A list of the ceiling becomes a list of the unit. */
typedef struct WorkerRow {
        const char *unit;
        struct {
                size_t offset; /* in Ceiling */
                const char *key;
        } lists[2];
} WorkerRow;

#define LIST(member, key)                                                                                   \
        {                                                                                                   \
                offsetof(Ceiling, member), key                                                              \
        }

static const WorkerRow workers[_GENERATOR_WORKER_MAX] = {
        [GENERATOR_WORKER_EXEC] = { "devbox-worker-exec@.service",
                                    { LIST(programs, "ExecPaths"), LIST(read, "BindReadOnlyPaths") } },
        [GENERATOR_WORKER_FSR] = { "devbox-worker-fsr@.service", { LIST(read, "BindReadOnlyPaths") } },
        [GENERATOR_WORKER_FSW] = { "devbox-worker-fsw@.service", { LIST(write, "BindPaths") } },
};

typedef LIST_OF(char *) Paths;

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

int generator_format_worker(GeneratorWorker which, const Ceiling *ceiling, const char *source,
                            char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        const WorkerRow *row = &workers[which];

        text_append(&text, GENERATOR_MADE_BY "[Unit]\nSourcePath=");
        generator_append_escaped(&text, source);
        text_append(&text, "\n\n[Service]\n");
        for (size_t i = 0; i < ELEMENTSOF(row->lists) && row->lists[i].key; i++) {
                const Paths *paths =
                        (const Paths *) (const void *) ((const char *) ceiling + row->lists[i].offset);

                for (size_t j = 0; j < paths->n; j++) {
                        if (!is_plain(paths->items[j]))
                                continue;
                        text_appendf(&text, "%s=\"-", row->lists[i].key);
                        generator_append_escaped(&text, paths->items[j]);
                        text_append(&text, "\"\n");
                }
        }

        return text_take(&text, ret_text, NULL);
}
