/* SPDX-License-Identifier: MIT */
/* What this machine is. */

#include "ctl/join/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "basic/fd.h"

#define OS_RELEASE_MAX 65536

/* The value of PRETTY_NAME, without its quotes. */
static void copy_pretty_name(const char *text, char *ret_name, size_t size)
{
        static const char key[] = "PRETTY_NAME=";

        for (const char *line = text; line && *line != '\0'; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (!startswith(line, key))
                        continue;

                const char *value = line + strlen(key);
                char quote = *value == '"' || *value == '\'' ? *value++ : '\n';
                (void) snprintf(ret_name, size, "%.*s", (int) strcspn(value, (char[]){ quote, '\n', '\0' }),
                                value);
                return;
        }
}

void machine_describe(char ret_text[static CLAIM_DESCRIPTION_MAX + 1])
{
        _cleanup_(freep) char *release = NULL;
        char name[96] = "Linux";
        struct utsname machine = { .machine = "?" };

        if (fd_read_file_at(AT_FDCWD, "/etc/os-release", OS_RELEASE_MAX, &release, NULL) >= 0)
                copy_pretty_name(release, name, sizeof name);
        (void) uname(&machine);
        (void) snprintf(ret_text, CLAIM_DESCRIPTION_MAX + 1, "%s, %.24s", name, machine.machine);
}
