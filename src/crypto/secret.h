/* SPDX-License-Identifier: MIT */
#pragma once

/* A secret text in guarded memory: locked out of swap, wiped when freed, compared in constant time. There is
 * no function that formats it, so it cannot be logged by accident. Source: libsodium, "Secure memory". */

#include "basic/bytes.h"

typedef struct Secret Secret;

/* Copies `size` bytes. Errors: -ENOMEM. Where RLIMIT_MEMLOCK is too small the memory is guarded but not
 * locked. */
int secret_new(const void *bytes, size_t size, Secret **ret_secret);

/* A secret of `size` bytes from the kernel's random generator. Errors: -ENOMEM. */
int secret_new_random(size_t size, Secret **ret_secret);
Secret *secret_free(Secret *secret);
DEFINE_CLEANUP(Secret, secret_free);

/* Whether the text is the secret. The time it takes reveals nothing about where they differ, nor whether
 * their lengths do: both sides are hashed first. */
bool secret_equals(const Secret *secret, const char *text);

/* The bytes, borrowed: for the arithmetic of src/crypto and for handing them to the kernel or a sealed file.
 */
Bytes secret_bytes(const Secret *secret);

/* A copy in ordinary memory, as a text, for what takes only that; the caller frees it with
 * secret_text_free(), which wipes a text and accepts NULL. Errors: -ENOMEM. */
int secret_copy_text(const Secret *secret, char **ret_text);
char *secret_text_free(char *text);
DEFINE_CLEANUP(char, secret_text_free);
