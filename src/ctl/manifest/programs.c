/* SPDX-License-Identifier: MIT */
/* Programs whose arguments let them do more than their name suggests. */

#include "ctl/manifest/programs.h"

#include <ctype.h>
#include <stdio.h>

#include "ctl/manifest/linter-tables.h"

static int compare(const void *name, const void *row)
{
        return strcmp(name, ((const ProgramRow *) row)->name);
}

static unsigned find(const char *name)
{
        const ProgramRow *row = bsearch(name, program_rows, n_program_rows, sizeof *program_rows, compare);

        return row ? row->functions : PROGRAM_UNKNOWN;
}

/* Whether a part of a name, between '-' and '.', is of a target, a version or a build and not of a program.
 */
static bool is_variant(const char *part, size_t length)
{
        static const char *const words[] = {
                "aarch64", "alternative", "amd64",   "arm",     "armv7l",  "basic",     "bin",  "debug",
                "dbg",     "distrib",     "elf",     "exe",     "gnu",     "gnueabihf", "gtk3", "huge",
                "i386",    "i486",        "i586",    "i686",    "linux",   "musl",      "nox",  "openbsd",
                "orig",    "pc",          "ppc64le", "real",    "riscv64", "s390x",     "so",   "static",
                "tiny",    "traditional", "unknown", "wrapped", "x86",     "x86_64",
        };
        size_t digits = 0;

        while (digits < length && (isdigit((unsigned char) part[digits]) || part[digits] == '_'))
                digits++;
        if (digits == length)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i]) == length && strncmp(words[i], part, length) == 0)
                        return true;

        return false;
}

/* Cuts the last part off, if it is of a variant: "perl5.36-x86_64-linux-gnu" to "perl5.36-x86_64-linux", …,
 * to "perl5", to "perl". */
static bool cut_end(char *name)
{
        size_t length = strlen(name), start = length;

        while (start > 0 && !strchr("-.", name[start - 1]))
                start--;
        if (start > 1 && is_variant(name + start, length - start)) {
                name[start - 1] = '\0';
                return true;
        }

        while (length > 1 && isdigit((unsigned char) name[length - 1]))
                length--;
        if (name[length] == '\0')
                return false;
        name[length] = '\0';
        return true;
}

/* The name without a target before it, "x86_64-linux-gnu-gcc"; NULL: there is none. */
static const char *skip_start(const char *name)
{
        size_t length = strcspn(name, "-");

        return name[length] == '-' && length > 1 && is_variant(name, length) ? name + length + 1 : NULL;
}

static unsigned find_variant(const char *text)
{
        char name[64];
        unsigned functions;

        (void) snprintf(name, sizeof name, "%s", text);
        do
                functions = find(name);
        while (functions == PROGRAM_UNKNOWN && cut_end(name));
        return functions;
}

unsigned program_functions(const char *path)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        unsigned functions = PROGRAM_UNKNOWN;

        for (; name && functions == PROGRAM_UNKNOWN; name = skip_start(name))
                functions = find_variant(name);
        return functions;
}
