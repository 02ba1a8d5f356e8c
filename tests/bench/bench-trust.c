/* SPDX-License-Identifier: MIT */
/* What the trust library costs: one line per figure, with its goal. Exits 1 if a goal is missed by a factor
 * of two, which no machine that is merely busy does. */

#include <stdio.h>

#include "basic/time.h"
#include "proto/audit.h"
#include "proto/envelope.h"
#include "proto/request.h"

#define ENTRIES 1000000
#define ROUNDS  5000

static bool missed;

/* `better_below`: the goal is a ceiling, else a floor. */
static void report(const char *what, double figure, const char *unit, double goal, bool better_below)
{
        bool reached = better_below ? figure <= goal : figure >= goal;

        printf("%-46s %10.1f %-10s goal %s %.0f: %s\n", what, figure, unit, better_below ? "<=" : ">=", goal,
               reached ? "reached" : "missed");
        missed = missed || (better_below ? figure > goal * 2 : figure < goal / 2);
}

static void must(bool holds, const char *what)
{
        if (holds)
                return;

        (void) fprintf(stderr, "bench-trust: %s\n", what);
        exit(2);
}

/* A request of about one KiB, as a write of a small file is. */
static char *make_request(void)
{
        static const char format[] =
                "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"device\":\"dev-a\",\"manifest\":{"
                "\"epoch\":1,"
                "\"version\":7,\"sha256\":\"%064d\"},\"capability\":\"fs.write\",\"args\":{\"root\":\"srv\","
                "\"path\":\"x\","
                "\"mode\":\"create\",\"content_b64\":\"%0600d\"},\"nonce\":\"%032d\",\"issued_at\":"
                "1760000000000,"
                "\"expires_at\":1760000060000,\"origin\":{\"mxid\":\"@ana:hs.example\"}}";
        char *text;

        must(asprintf(&text, format, 1, 0, 2) > 0, "out of memory");
        return text;
}

static void bench_request(void)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(freep) char *text = make_request(), *wire = NULL;
        usec_t begin;

        must(key_pair_generate(&pair) == 0 &&
                     envelope_new(ENVELOPE_REQUEST, bytes_of_string(text), &envelope) == 0 &&
                     envelope_sign(envelope, "dispatcher", pair) == 0 &&
                     envelope_format(envelope, &wire) == 0,
             "the request could not be made");
        KeySet keys = { "dispatcher", key_pair_public(pair), 1, 1 };

        begin = time_now(CLOCK_MONOTONIC);
        for (int i = 0; i < ROUNDS; i++)
                must(envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL) == 0, "does not verify");
        report("verify a request of 1 KiB", (double) (time_now(CLOCK_MONOTONIC) - begin) / ROUNDS, "us", 150,
               true);

        begin = time_now(CLOCK_MONOTONIC);
        for (int i = 0; i < ROUNDS; i++) {
                _cleanup_(envelope_freep) Envelope *read = NULL;
                _cleanup_(request_freep) Request *request = NULL;

                must(envelope_parse(bytes_of_string(wire), 65536, &read) == 0 &&
                             envelope_verify(read, ENVELOPE_REQUEST, &keys, NULL) == 0 &&
                             request_parse(envelope_payload(read), &request, NULL) == 0,
                     "does not open");
        }
        report("open it: envelope, signature, strict JSON",
               (double) (time_now(CLOCK_MONOTONIC) - begin) / ROUNDS, "us", 250, true);
}

static void bench_chain(void)
{
        static const char body[] = "{\"request_id\":\"01K75A3Q000000000000000001\",\"request_sha256\":"
                                   "\"efe944bc434af301146bcac140a04dcd0be1b8d9794d995304ddb6b028a5bdb6\"}";
        _cleanup_(freep) AuditEntry *entries = calloc(ENTRIES, sizeof *entries);
        const ChainId chain = { { 1 } };
        AuditWalk walk;
        usec_t begin;

        must(entries, "out of memory");
        audit_walk_begin(&walk, &chain, "dev-a");
        for (size_t i = 0; i < ENTRIES; i++)
                audit_walk_append(&walk, i == 0 ? AUDIT_GENESIS : AUDIT_REQUEST_STARTED, 1760000000000 + i,
                                  bytes_of_string(body), &entries[i]);

        audit_walk_begin(&walk, &chain, "dev-a");
        begin = time_now(CLOCK_MONOTONIC);
        for (size_t i = 0; i < ENTRIES; i++)
                must(audit_walk_step(&walk, &entries[i]) == 0, "the chain does not verify");
        report("verify a chain, hashes only", ENTRIES / ((double) (time_now(CLOCK_MONOTONIC) - begin) / 1e6),
               "entries/s", 500000, false);
}

int main(void)
{
        bench_request();
        bench_chain();
        return missed ? 1 : 0;
}
