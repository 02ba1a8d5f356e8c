/* SPDX-License-Identifier: MIT */
/* Output of a program as a message: it fits into an event once it is encrypted, and nothing in it is markup
 * or invisible. */

#include "basic/utf8.h"
#include "e2ee/json.h"
#include "fuzz.h"
#include "matrix/answer.h"

#define EVENT_MAX 65536 /* with the envelope, for which this leaves a KiB */

static void check_visible(const char *text)
{
        uint32_t code;

        for (size_t size; *text != '\0'; text += size) {
                size = utf8_decode(text, strlen(text), &code);
                fuzz_check(size > 0);
                fuzz_check(code == '\n' || code == '\t' || !utf8_is_invisible(code));
        }
}

/* All tags are ours: those around the output. */
static void check_markup(const char *html)
{
        size_t n = 0;

        for (const char *at = html; (at = strchr(at, '<')); at++)
                n++;
        fuzz_check(n == 4);
        fuzz_check(startswith(html, "line<pre><code ") && endswith(html, "</code></pre>"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const Answer answer = { .line = "line", .output = BYTES(data, size), .reply_to = "$event" };
        _cleanup_(json_freep) cJSON *content = NULL;
        _cleanup_(freep) char *text = NULL;

        fuzz_check(answer_make(&answer, &content) == 0);
        fuzz_check(canonical_json(content, false, &text) == 0);
        fuzz_check(strlen(text) * 4 / 3 + 1024 < EVENT_MAX);
        check_visible(object_string(content, "body"));
        if (size > 0) {
                check_visible(object_string(content, "formatted_body"));
                check_markup(object_string(content, "formatted_body"));
        }
        return 0;
}
