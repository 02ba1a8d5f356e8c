/* SPDX-License-Identifier: MIT */
/* Envelopes: what is taken survives its text with the same digest, and nobody's signature verifies. */

#include "fuzz.h"
#include "trust/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const PublicKey key = { { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                                         0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                                         0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a } };
        static const KeySet keys = { .role = "root", .keys = &key, .n_keys = 1, .threshold = 1 };
        _cleanup_(envelope_freep) Envelope *envelope = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL;

        if (envelope_parse(BYTES(data, size), 4096, &envelope) != 0)
                return 0;

        fuzz_check(envelope->payload_size <= 4096 && envelope->n_signatures <= ENVELOPE_SIGNATURES_MAX);
        fuzz_check(envelope_verify(envelope, envelope->type, &keys, NULL) > 0);
        fuzz_check(envelope_format(envelope, &text) == 0);
        fuzz_check(envelope_parse(bytes_of_string(text), 4096, &again) == 0);
        fuzz_check(sha256_equal(&envelope->digest, &again->digest));
        return 0;
}
