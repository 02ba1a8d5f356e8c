/* SPDX-License-Identifier: MIT */
/* Places and units that the linter knows. */

#include "ctl/manifest/patterns.h"

#include <fnmatch.h>
#include <stdio.h>

#include "ctl/manifest/linter-tables.h"

bool pattern_matches_path(PatternUse use, const char *path)
{
        for (size_t i = 0; i < n_pattern_rows; i++)
                if (pattern_rows[i].use == use &&
                    fnmatch(pattern_rows[i].pattern, path, FNM_PATHNAME | FNM_LEADING_DIR) == 0)
                        return true;

        return false;
}

/* Whether the pattern's first components match the whole path, and more follow. */
static bool starts_with_path(const char *pattern, const char *path)
{
        const char *end = pattern;
        char start[128];

        if (streq(path, "/"))
                return true;
        for (const char *slash = path; slash && end; slash = strchr(slash + 1, '/'))
                end = strchr(end + 1, '/');
        if (!end)
                return false;

        (void) snprintf(start, sizeof start, "%.*s", (int) (end - pattern), pattern);
        return fnmatch(start, path, FNM_PATHNAME) == 0;
}

bool pattern_is_below(PatternUse use, const char *path)
{
        for (size_t i = 0; i < n_pattern_rows; i++)
                if (pattern_rows[i].use == use && starts_with_path(pattern_rows[i].pattern, path))
                        return true;

        return false;
}

bool pattern_matches_unit(const char *unit)
{
        for (size_t i = 0; i < n_pattern_rows; i++)
                if (pattern_rows[i].use == PATTERN_RESTART && fnmatch(pattern_rows[i].pattern, unit, 0) == 0)
                        return true;

        return false;
}
