/* SPDX-License-Identifier: MIT */
#pragma once

/* Names of systemd units as people write them in a list of services. Source: systemd.unit(5), systemd 252
 * src/basic/unit-name.c. */

#include "basic/macro.h"

/* Why a name is rejected. */
typedef enum UnitNameFlaw {
        UNIT_NAME_EMPTY = 1,
        UNIT_NAME_TOO_LONG,
        UNIT_NAME_PATH,
        UNIT_NAME_OPTION,
        UNIT_NAME_GLOB,
        UNIT_NAME_CHARACTER,
        UNIT_NAME_NO_PREFIX,
        UNIT_NAME_TEMPLATE,
        _UNIT_NAME_FLAW_MAX,
} UnitNameFlaw;

/* What to do about it; continues a sentence that began with the name. */
const char *unit_name_flaw_sentence(UnitNameFlaw flaw);

/* "docker" becomes "docker.service"; a name that ends with a type of unit stays as it is. The caller frees
 * it. The result is valid for systemd and names one unit: what it would skip in silence (invalid names),
 * fail over (templates) or take as something else (options, globs, paths) is rejected. Returns a
 * UnitNameFlaw. Errors: -ENOMEM. */
int unit_name_mangle(const char *name, char **ret_unit);
