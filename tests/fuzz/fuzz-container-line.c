/* SPDX-License-Identifier: MIT */
/* The output of docker.list as a device has signed it: no piece has a line break, no word but the last a
 * blank, and what the hub shows of it is short, visible text. */

#include <string.h>

#include "basic/utf8.h"
#include "crypto/ed25519.h"
#include "dispatch/containers.h"
#include "fuzz.h"
#include "trust/envelope.h"
#include "trust/result.h"

#define FIELD_MAX 255

static size_t count_lines(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char *rest = text;
        ContainerLine line;
        size_t n = 0;

        for (; container_line_next(&rest, &line); n++) {
                fuzz_check(!strpbrk(line.name, " \n") && !strpbrk(line.state, " \n"));
                fuzz_check(!strpbrk(line.image, " \n") && !strchr(line.status, '\n'));
                fuzz_check(!endswith(line.status, " "));
        }
        fuzz_check(!rest);
        return n;
}

/* The sender's signature was verified when it came: any will do. */
static char *make_result(const uint8_t *data, size_t size)
{
        static KeyPair *key;
        Result result = { .request_id = (char *) "01K75A3Q000000000000000001",
                          .device = (char *) "dev-a",
                          .boot_id = (char *) "00112233445566778899aabbccddeeff",
                          .out = { .data = { (uint8_t *) data, MIN(size, (size_t) RESULT_STREAM_MAX) },
                                   .size = (int64_t) size,
                                   .truncated = size > RESULT_STREAM_MAX },
                          .started_at_ms = 1,
                          .finished_at_ms = 1,
                          .size = 1 };
        char *payload, *envelope;

        sha256(BYTES(data, size), &result.out.sha256);
        fuzz_check(key || key_pair_generate(&key) == 0);
        fuzz_check(result_format(&result, &payload, NULL) == 0);
        fuzz_check(envelope_make(ENVELOPE_RESULT, payload, "device", key, &envelope) == 0);
        free(payload);
        return envelope;
}

static void check_shown(const char *text)
{
        fuzz_check(strlen(text) <= FIELD_MAX && (*text == '\0' || utf8_is_visible(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *result = make_result(data, size);
        Containers containers;

        fuzz_check(containers_read(result, CONTAINERS_MAX, &containers) == 0);
        if (!memchr(data, '\0', size) && !containers.truncated)
                fuzz_check(containers.n == count_lines(data, size));
        for (size_t i = 0; i < containers.n; i++) {
                check_shown(containers.rows[i].name);
                check_shown(containers.rows[i].state);
                check_shown(containers.rows[i].image);
                check_shown(containers.rows[i].status);
        }
        containers_done(&containers);
        return 0;
}
