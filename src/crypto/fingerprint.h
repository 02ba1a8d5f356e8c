/* SPDX-License-Identifier: MIT */
#pragma once

/* A key as six words that two people can read to each other:
 *
 *         lusab-babad-gutih-tugad-mudof-sakat
 *
 * Each word spells 16 bits as consonants and vowels in turn (proquints, arXiv:0901.4016), the same in every
 * language, so that six of them carry 96 bits; six words of a dictionary small enough to ship would carry
 * half, which is little enough to search for a key that looks alike. */

#include "crypto/ed25519.h"

#define FINGERPRINT_SIZE 36 /* with the NUL */

void fingerprint_format(const PublicKey *key, char ret_text[static FINGERPRINT_SIZE]);

/* Of a root, by its digest: what people compare before a machine joins a network. */
void fingerprint_format_root(const Sha256 *root, char ret_text[static FINGERPRINT_SIZE]);
