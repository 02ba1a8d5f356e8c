/* SPDX-License-Identifier: MIT */
#pragma once

/* The two forms of an exported chain, one entry at a time, without I/O: JSON lines
 *
 *     {"v":1,"device":"laptop","chain_id":"<hex>"}
 *     {"seq":0,"ts_ms":1760000000000,"type":0,"name":"genesis","prev":"<hex>","hash":"<hex>","body":"{…}"}
 *
 * where `body` is the text that was hashed (base64 in "body_b64" if it is not valid UTF-8 or has control
 * characters), or binary, integers big-endian:
 *
 *     "DBXAUD1\n"  u8 length  device  chain_id[16]
 *     u64 seq  prev[32]  u64 ts_ms  u16 type  u32 length  body  hash[32]
 *
 * Readers accept exactly the bytes that writers produce. */

#include "audit/entry.h"
#include "basic/text.h"

#define AUDIT_MAGIC      "DBXAUD1\n"
#define AUDIT_MAGIC_SIZE 8

typedef enum AuditForm { AUDIT_FORM_JSON, AUDIT_FORM_BINARY } AuditForm;

/* Appends. */
void audit_write_head(AuditForm form, const ChainIdentity *identity, Text *text);
void audit_write_entry(AuditForm form, const AuditEntry *entry, Text *text);

/* Each parses the beginning of `bytes` and sets the number of bytes consumed. An entry's body points into
 * `bytes`, which are modified (unescaped). Returns an AuditNext other than END; PART also for no bytes. */
int audit_read_head(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used,
                    ChainIdentity *ret_identity);
int audit_read_entry(AuditForm form, uint8_t *bytes, size_t size, size_t *ret_used, AuditEntry *ret_entry);

/* The maximum size of an entry in either form. */
#define AUDIT_RECORD_MAX (AUDIT_BODY_MAX * 2 + 1024)
