/* SPDX-License-Identifier: MIT */
#pragma once

/* The two forms of an exported chain, as bytes: one entry at a time, without I/O. audit-source.h has the
 * contract. */

#include "audit/reader.h"
#include "basic/text.h"

typedef enum AuditForm { AUDIT_FORM_JSON, AUDIT_FORM_BINARY } AuditForm;

/* Appends. */
void audit_write_head(AuditForm form, const AuditIdentity *identity, Text *text);
void audit_write_entry(AuditForm form, const AuditEntry *entry, Text *text);

/* Each takes what stands at the beginning of `bytes` and says how much of it that was. An entry's body lies
 * in `bytes`, which it changes (escapes go). Returns an AuditNext other than END; PART also for no bytes. */
int audit_read_head(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used,
                    AuditIdentity *ret_identity);
int audit_read_entry(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used, AuditEntry *ret_entry);

/* What an entry can take at most, in either form. */
#define AUDIT_RECORD_MAX (AUDIT_BODY_MAX * 2 + 1024)
