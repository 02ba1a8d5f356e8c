/* SPDX-License-Identifier: MIT */
/* What a program printed, as a message. */

#include "matrix/answer.h"

#include "e2ee/json.h"
#include "test.h"

static void test_output(void **state)
{
        static const struct {
                const char *line, *output, *body, *html; /* html NULL: none */
        } rows[] = {
                { "ok", "", "ok", NULL },
                { "ok", "a\tb\n", "ok\na\tb\n", "ok<pre><code class=\"language-text\">a\tb\n</code></pre>" },
                { "a<b", "<b>&amp;", "a<b\n<b>&amp;",
                  "a&lt;b<pre><code class=\"language-text\">&lt;b&gt;&amp;amp;</code></pre>" },
                { "ok", "\x1b[31m", "ok\n\xef\xbf\xbd[31m",
                  "ok<pre><code class=\"language-text\">\xef\xbf\xbd[31m</code></pre>" },
                { "ok", "\xff\xc3", "ok\n\xef\xbf\xbd\xef\xbf\xbd",
                  "ok<pre><code class=\"language-text\">\xef\xbf\xbd\xef\xbf\xbd</code></pre>" },
                { "ok",
                  "a\xe2\x80\xae"
                  "b",
                  "ok\na\xef\xbf\xbd"
                  "b", /* U+202E */
                  "ok<pre><code class=\"language-text\">a\xef\xbf\xbd"
                  "b</code></pre>" },
                { "\xe2\x9c\x85 home", "\xc3\xa9", "\xe2\x9c\x85 home\n\xc3\xa9",
                  "\xe2\x9c\x85 home<pre><code class=\"language-text\">\xc3\xa9</code></pre>" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *content = NULL;
                const Answer answer = { .line = rows[i].line, .output = bytes_of_string(rows[i].output) };

                assert_ok(answer_make(&answer, &content));
                assert_string_equal(object_string(content, "msgtype"), "m.notice");
                assert_string_equal(object_string(content, "body"), rows[i].body);
                if (rows[i].html)
                        assert_string_equal(object_string(content, "formatted_body"), rows[i].html);
                else
                        assert_null(object_string(content, "formatted_body"));
                assert_null(object_get(content, "m.relates_to"));
                assert_non_null(object_object(content, "m.mentions"));
        }
}

/* An event has a limit, whatever is printed. */
static void test_long_output(void **state)
{
        _cleanup_(freep) char *output = malloc(100000), *text = NULL;
        _cleanup_(json_freep) cJSON *content = NULL;

        assert_non_null(output);
        memset(output, 0xff, 100000);
        output[0] = 'B';
        output[99999] = 'E';
        assert_ok(answer_make(&(Answer){ .line = "ok", .output = BYTES(output, 100000), .reply_to = "$e" },
                              &content));
        assert_non_null(strstr(object_string(content, "body"), "ok\nB"));
        assert_non_null(strstr(object_string(content, "body"), "[… 92832 bytes …]"));
        assert_true(endswith(object_string(content, "body"), "E"));

        _cleanup_(json_freep) cJSON *parts = NULL; /* of the same, without what is in the middle */
        memmove(output + ANSWER_PART, output + 100000 - ANSWER_PART, ANSWER_PART);
        assert_ok(answer_make(&(Answer){ .line = "ok",
                                         .output = BYTES(output, 2 * ANSWER_PART),
                                         .reply_to = "$e",
                                         .n_left_out = 92832 },
                              &parts));
        assert_true(cJSON_Compare(parts, content, true));
        assert_string_equal(
                object_string(object_object(object_object(content, "m.relates_to"), "m.in_reply_to"),
                              "event_id"),
                "$e");
        assert_ok(canonical_json(content, false, &text));
        assert_true(strlen(text) * 4 / 3 < 65536 - 1024);
}

static void test_duration(void **state)
{
        static const struct {
                usec_t usec;
                const char *text;
        } rows[] = {
                { 0, "0 ms" },
                { 12999, "12 ms" },
                { 99999, "99 ms" },
                { 100000, "0.1 s" },
                { 300000, "0.3 s" },
                { 59900000, "59.9 s" },
                { 125 * USEC_PER_SEC, "2 min 5 s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(text_done) Text text = TEXT_NULL;

                answer_append_duration(&text, rows[i].usec);
                assert_ok(text.error);
                assert_string_equal(text.data, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_output),
                                            cmocka_unit_test(test_long_output),
                                            cmocka_unit_test(test_duration) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
