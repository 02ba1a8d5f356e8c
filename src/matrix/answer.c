/* SPDX-License-Identifier: MIT */
/* Answers in rooms. */

#include "matrix/answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/utf8.h"
#include "e2ee/json.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Appends a part of what a program printed, in two forms. */
static void append_output(Text *plain, Text *html, Bytes output)
{
        static const char *const escapes['>' + 1] = { ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;" };
        uint32_t code;

        for (size_t at = 0; at < output.size;) {
                const char *text = (const char *) output.data + at;
                size_t size = utf8_decode(text, output.size - at, &code);
                bool shown = size > 0 && (code == '\n' || code == '\t' || !utf8_is_invisible(code));

                at += MAX(size, (size_t) 1);
                if (!shown) {
                        text = REPLACEMENT;
                        size = strlen(REPLACEMENT);
                }
                text_append_bytes(plain, text, size);
                if (size == 1 && (unsigned char) *text < ELEMENTSOF(escapes) &&
                    escapes[(unsigned char) *text])
                        text_append(html, escapes[(unsigned char) *text]);
                else
                        text_append_bytes(html, text, size);
        }
}

bool answer_is_whole(Bytes output)
{
        return output.size <= 2 * ANSWER_PART;
}

static void append_parts(Text *plain, Text *html, Bytes output, size_t n_left_out)
{
        if (n_left_out == 0 && answer_is_whole(output))
                return append_output(plain, html, output);

        size_t cut = output.size + n_left_out - 2 * ANSWER_PART;
        append_output(plain, html, BYTES(output.data, ANSWER_PART));
        text_appendf(plain, "\n[… %zu bytes …]\n", cut);
        text_appendf(html, "\n[… %zu bytes …]\n", cut);
        append_output(plain, html, BYTES(output.data + output.size - ANSWER_PART, ANSWER_PART));
}

void answer_append_duration(Text *text, usec_t usec)
{
        if (usec < 100 * USEC_PER_MSEC)
                text_appendf(text, "%" PRIu64 " ms", usec / USEC_PER_MSEC);
        else if (usec < 60 * USEC_PER_SEC)
                text_appendf(text, "%.1f s", (double) usec / (double) USEC_PER_SEC);
        else
                text_appendf(text, "%" PRIu64 " min %" PRIu64 " s", usec / USEC_PER_SEC / 60,
                             usec / USEC_PER_SEC % 60);
}

/* A reply in a thread has both relations. */
int answer_relation(const char *reply_to, const char *thread, cJSON **ret_relation)
{
        cJSON *reply = NULL;

        int r = reply_to ? json_pack(&reply, "{event_id:s}", reply_to) : 0;
        if (r < 0 || (!reply && !thread))
                return r;
        return thread ? json_pack(ret_relation, "{rel_type:s,event_id:s,is_falling_back:b,m.in_reply_to:o}",
                                  "m.thread", thread, !reply, reply)
                      : json_pack(ret_relation, "{m.in_reply_to:o}", reply);
}

int answer_make(const Answer *answer, cJSON **ret_content)
{
        _cleanup_(text_done) Text plain = TEXT_NULL, html = TEXT_NULL;
        cJSON *relation = NULL;
        bool block = answer->output.size > 0;

        append_output(&plain, &html, bytes_of_string(answer->line));
        if (block) {
                text_append(&plain, "\n");
                text_append(&html, "<pre><code class=\"language-text\">");
                append_parts(&plain, &html, answer->output, answer->n_left_out);
                text_append(&html, "</code></pre>");
        }
        if (answer->end) {
                text_append(&plain, "\n");
                append_output(&plain, &html, bytes_of_string(answer->end));
        }
        if (plain.error < 0 || html.error < 0)
                return -ENOMEM;

        int r = answer_relation(answer->reply_to, answer->thread, &relation);
        return r < 0 ? r
                     : json_pack(ret_content,
                                 "{msgtype:s,body:s,format:s,formatted_body:s,m.mentions:{},m.relates_to:o}",
                                 "m.notice", strempty(plain.data), block ? "org.matrix.custom.html" : NULL,
                                 block ? html.data : NULL, relation);
}

int answer_reaction(const char *event_id, const char *key, cJSON **ret_content)
{
        return json_pack(ret_content, "{m.relates_to:{rel_type:s,event_id:s,key:s}}", "m.annotation",
                         event_id, key);
}

/* What apps show that know no edits: the first line. */
static char *fallback_body(const cJSON *content)
{
        const char *body = strempty(object_string(content, "body"));
        char *fallback = NULL;

        return asprintf(&fallback, "* %.*s", (int) strcspn(body, "\n"), body) < 0 ? NULL : fallback;
}

int answer_edit_take(cJSON *content, const char *event_id, cJSON **ret_edit)
{
        _cleanup_(freep) char *fallback = fallback_body(content);

        cJSON_DeleteItemFromObjectCaseSensitive(content, "m.relates_to");
        if (!fallback) {
                cJSON_Delete(content);
                return -ENOMEM;
        }
        return json_pack(ret_edit,
                         "{msgtype:s,body:s,m.mentions:{},m.new_content:o,"
                         "m.relates_to:{rel_type:s,event_id:s}}",
                         object_string(content, "msgtype"), fallback, content, "m.replace", event_id);
}
