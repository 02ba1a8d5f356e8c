/* SPDX-License-Identifier: MIT */
#pragma once

/* The short form of capabilities: one readable line under a key that says what it allows.
 *
 *     run: COMMAND                         shell.exec      docker: ACTION, ... [in NAME|NAME]   docker.*
 *     list|read|write: ROOT, ...           fs.*            service|restart: UNIT, ...           service.*
 *     sensors: NAME, ...                   sensors.read    camera: DEVICE, ... camera.snapshot
 *
 * An ACTION is list, logs, or exec COMMAND. Each line may end in ", ask" or ", ask(TIER)": the approval that
 * a request needs; without it, none. Expansion gives the full entries that are signed. */

#include "ctl/template/command.h"
#include "trust/capability.h"

typedef struct ShortForm {
        const char *key;
        CapabilityKind kind; /* whose options the entry may have */
        const struct Syntax *syntax;
} ShortForm;

/* Ends with a key of NULL. */
extern const ShortForm short_forms[];

/* Expands a line to full entries, an array, which lack what the table of their kind has other than name,
 * approval, and what the line says; each has the base of an id. Roots may be added to `roots`. Errors:
 * -EBADMSG, with the reason; -ENOMEM. */
int short_form_expand(const ShortForm *form, const char *line, cJSON *roots, cJSON **ret_entries,
                      char ret_reason[static LINE_REASON_MAX]);
