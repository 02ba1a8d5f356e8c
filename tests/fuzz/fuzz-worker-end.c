/* SPDX-License-Identifier: MIT */
/* Ends of runs: without the key nothing is one; what is authentic has exactly one encoding. */

#include "crypto/x25519.h"
#include "fuzz.h"
#include "trust/worker-end.h"

static Secret *key;
static const Sha256 request = { { 3 } };

static void check_authentic(Bytes data)
{
        uint8_t bytes[WORKER_END_SIZE_MAX], message[SHA256_SIZE + WORKER_END_SIZE_MAX];
        uint8_t again[WORKER_END_SIZE_MAX];
        WorkerEnd end;
        Sha256 mac;

        if (data.size + SHA256_SIZE > sizeof bytes)
                return;

        uint8_t *at = put_bytes(put_bytes(message, &request, SHA256_SIZE), data.data, data.size);
        hmac_sha256(secret_bytes(key), BYTES(message, (size_t) (at - message)), &mac);
        at = put_bytes(put_bytes(bytes, data.data, data.size), &mac, SHA256_SIZE);
        Bytes sealed = BYTES(bytes, (size_t) (at - bytes));
        if (worker_end_open(sealed, key, &request, &end) == 0)
                fuzz_check(bytes_equal(sealed, BYTES(again, worker_end_seal(&end, key, &request, again))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t seed[SHA256_SIZE] = { 2 };
        WorkerEnd end;

        if (!key)
                fuzz_check(secret_new(seed, sizeof seed, &key) == 0);
        fuzz_check(worker_end_open(BYTES(data, size), key, &request, &end) != 0);
        check_authentic(BYTES(data, size));
        return 0;
}
