/* SPDX-License-Identifier: MIT */
/* Names of systemd units as people write them. */

#include "config/unit-name.h"

#include <stdio.h>

#define UNIT_NAME_MAX 256 /* with the NUL */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

static const char *const types[] = { "service", "socket", "target", "device", "mount", "automount",
                                     "swap",    "timer",  "path",   "slice",  "scope" };

static const char *const sentences[_UNIT_NAME_FLAW_MAX] = {
        [UNIT_NAME_EMPTY] = "is empty; name a unit, as in docker or ssh.socket",
        [UNIT_NAME_TOO_LONG] = "is longer than systemd takes (255 characters with its type)",
        [UNIT_NAME_PATH] = "is a path; name its unit, as in home.mount (see: systemd-escape --path)",
        [UNIT_NAME_OPTION] = "begins with '-', like an option; name a unit, as in docker or ssh.socket",
        [UNIT_NAME_GLOB] = "is a pattern; name each unit on a line of its own",
        [UNIT_NAME_CHARACTER] = "has a character that no unit's name has (see: systemd-escape)",
        [UNIT_NAME_NO_PREFIX] = "has a type but no name; write it as in docker.service",
        [UNIT_NAME_TEMPLATE] = "is a template; name an instance, as in getty@tty1.service",
};

const char *unit_name_flaw_sentence(UnitNameFlaw flaw)
{
        assert(flaw > 0 && flaw < _UNIT_NAME_FLAW_MAX);

        return sentences[flaw];
}

static bool has_type(const char *name)
{
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ELEMENTSOF(types); i++)
                if (streq(dot + 1, types[i]))
                        return true;

        return false;
}

/* The flaw of the name as written, the most specific first. 0: none. */
static int flaw_of_spelling(const char *name)
{
        if (name[0] == '\0')
                return UNIT_NAME_EMPTY;
        if (strchr(name, '/'))
                return UNIT_NAME_PATH;
        if (name[0] == '-' && name[1] != '.') /* "-.mount" is the root directory's */
                return UNIT_NAME_OPTION;
        if (strpbrk(name, "*?["))
                return UNIT_NAME_GLOB;
        if (name[strspn(name, letters)] != '\0')
                return UNIT_NAME_CHARACTER;

        return 0;
}

/* The same for a name with its type. */
static int flaw_of_unit(const char *unit)
{
        const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

        if (strlen(unit) >= UNIT_NAME_MAX)
                return UNIT_NAME_TOO_LONG;
        if (dot == unit || at == unit)
                return UNIT_NAME_NO_PREFIX;
        if (at && at + 1 == dot)
                return UNIT_NAME_TEMPLATE;

        return 0;
}

int unit_name_mangle(const char *name, char **ret_unit)
{
        _cleanup_(freep) char *unit = NULL;

        int flaw = flaw_of_spelling(name);
        if (flaw > 0)
                return flaw;

        if (asprintf(&unit, "%s%s", name, has_type(name) ? "" : ".service") < 0) {
                unit = NULL;
                return -ENOMEM;
        }

        flaw = flaw_of_unit(unit);
        if (flaw > 0)
                return flaw;

        *ret_unit = TAKE_PTR(unit);
        return 0;
}
