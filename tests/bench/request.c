/* SPDX-License-Identifier: MIT */
/* The cost of authenticating a request: microseconds for a request of one KiB, as JSON. */

#include <math.h>
#include <stdio.h>

#include "basic/time.h"
#include "trust/envelope.h"
#include "trust/request.h"

#define ROUNDS 20
#define TURNS  500

static void must(bool holds, const char *what)
{
        if (holds)
                return;

        (void) fprintf(stderr, "bench-request: %s\n", what);
        exit(EXIT_FAILURE);
}

/* As a write of a small file is. */
static char *make_request(void)
{
        static const char format[] =
                "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"device\":\"dev-a\","
                "\"manifest\":{\"epoch\":1,\"version\":7,\"sha256\":\"%064d\"},\"capability\":\"fs.write\","
                "\"args\":{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\",\"content_b64\":\"%0600d\"},"
                "\"nonce\":\"%032d\",\"issued_at\":1760000000000,\"expires_at\":1760000060000,"
                "\"origin\":{\"mxid\":\"@ana:hs.example\"}}";
        char *text;

        must(asprintf(&text, format, 1, 0, 2) > 0, "out of memory");
        return text;
}

static void verify(const Envelope *envelope, const KeySet *keys)
{
        must(envelope_verify(envelope, ENVELOPE_REQUEST, keys, NULL) == 0, "it does not verify");
}

static void open_wire(const char *wire, const KeySet *keys)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;

        must(envelope_parse(bytes_of_string(wire), 65536, &envelope) == 0, "it is no envelope");
        verify(envelope, keys);
        must(request_parse(envelope_payload(envelope), &request, NULL) == 0, "it is no request");
}

/* Each of the best of several rounds: what else runs on a machine only delays. */
static void measure(const Envelope *envelope, const char *wire, const KeySet *keys)
{
        double verified = HUGE_VAL, opened = HUGE_VAL;

        for (int round = 0; round < ROUNDS; round++) {
                usec_t begin = time_now(CLOCK_MONOTONIC);
                for (int i = 0; i < TURNS; i++)
                        verify(envelope, keys);
                usec_t middle = time_now(CLOCK_MONOTONIC);
                for (int i = 0; i < TURNS; i++)
                        open_wire(wire, keys);

                verified = fmin(verified, (double) (middle - begin) / TURNS);
                opened = fmin(opened, (double) (time_now(CLOCK_MONOTONIC) - middle) / TURNS);
        }
        (void) printf("{\"bytes\":%zu,\"verify_us\":%.1f,\"open_us\":%.1f}\n",
                      envelope_payload(envelope).size, verified, opened);
}

int main(void)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = make_request(), *wire = NULL;

        must(key_pair_generate(&pair) == 0 &&
                     envelope_new(ENVELOPE_REQUEST, bytes_of_string(text), &envelope) == 0 &&
                     envelope_sign(envelope, "dispatcher", pair) == 0 &&
                     envelope_format(envelope, &wire) == 0,
             "the request could not be made");
        measure(envelope, wire, &(KeySet){ "dispatcher", key_pair_public(pair), 1, 1 });
        return EXIT_SUCCESS;
}
