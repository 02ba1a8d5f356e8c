/* SPDX-License-Identifier: MIT */
/* What a request asks for, in one line. */

#include "trust/description.h"

#include <inttypes.h>

#include "basic/text.h"
#include "basic/word.h"
#include "codec/binary-text.h"

static void append_word(Text *text, const char *word)
{
        text_append(text, " ");
        word_append_quoted(text, word);
}

static void append_words(Text *text, char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                append_word(text, words[i]);
}

static void append_path(Text *text, const Arguments *arguments, const PathRoots *roots)
{
        const PathRoot *root = path_root_find(roots, arguments->root);
        const char *path = strempty(arguments->path), *before = NULL;
        _cleanup_(text_done) Text whole = TEXT_NULL;

        if (root)
                before = streq(root->path, "/") ? "" : root->path;
        else if (streq(arguments->root, PATH_ROOT_NONE))
                before = "";
        if (before)
                text_appendf(&whole, "%s%s%s", before, *path || *before == '\0' ? "/" : "", path);
        else
                text_appendf(&whole, "%s:%s", arguments->root, path);
        if (whole.error < 0)
                text->error = whole.error;
        else
                append_word(text, whole.data);
}

static void append_digest(Text *text, const Sha256 *digest)
{
        char hex[HEX_SIZE(SHA256_SIZE)];

        hex_format(BYTES_OF(digest->bytes), hex);
        text_appendf(text, "sha256 %s", hex);
}

static void append_part(Text *text, const Arguments *arguments)
{
        if (arguments->length > 0 && arguments->offset > 0)
                text_appendf(text, " (%" PRIi64 " bytes from byte %" PRIi64 ")", arguments->length,
                             arguments->offset);
        else if (arguments->length > 0)
                text_appendf(text, " (%" PRIi64 " bytes)", arguments->length);
        else if (arguments->offset > 0)
                text_appendf(text, " (from byte %" PRIi64 ")", arguments->offset);
}

static void append_content(Text *text, const Arguments *arguments)
{
        Sha256 digest;

        text_appendf(text, " (%zu %s, ", arguments->content.size,
                     arguments->content.size == 1 ? "byte" : "bytes");
        text_append(text, arguments->write_mode == WRITE_CREATE ? "a new file, " : "also over a file");
        if (arguments->write_mode != WRITE_CREATE && !sha256_is_null(&arguments->expect_sha256)) {
                text_append(text, " with ");
                append_digest(text, &arguments->expect_sha256);
        }
        if (arguments->write_mode != WRITE_CREATE)
                text_append(text, ", ");
        sha256(BYTES(arguments->content.data, arguments->content.size), &digest);
        append_digest(text, &digest);
        text_append(text, ")");
}

static void append_lines(Text *text, const Arguments *arguments)
{
        text_appendf(text, " (%" PRIi64 " lines", arguments->tail);
        if (arguments->since_s > 0)
                text_appendf(text, " since @%" PRIi64, arguments->since_s);
        text_append(text, ")");
}

static void append_arguments(Text *text, CapabilityKind kind, const Arguments *it, const PathRoots *roots)
{
        switch (kind) {
        case CAPABILITY_FS_LIST:
                return append_path(text, it, roots);
        case CAPABILITY_FS_READ:
                append_path(text, it, roots);
                return append_part(text, it);
        case CAPABILITY_FS_WRITE:
                append_path(text, it, roots);
                return append_content(text, it);
        case CAPABILITY_DOCKER_LOGS:
                append_word(text, it->container);
                return append_lines(text, it);
        case CAPABILITY_DOCKER_EXEC:
                append_word(text, it->container);
                return append_words(text, it->argv.items, it->argv.n);
        case CAPABILITY_SHELL_EXEC:
                return append_words(text, it->argv.items, it->argv.n);
        case CAPABILITY_SENSORS_READ:
                return append_words(text, it->sensors.items, it->sensors.n);
        case CAPABILITY_SERVICE_STATUS:
        case CAPABILITY_SERVICE_RESTART:
                return append_word(text, it->unit);
        case CAPABILITY_CAMERA_SNAPSHOT:
                append_word(text, it->device);
                return text_appendf(text, " (%" PRIi64 " x %" PRIi64 ")", it->width, it->height);
        default:
                return; /* docker.list has none */
        }
}

int request_describe(const Request *request, const PathRoots *roots, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        word_append_quoted(&text, request->capability);
        if (request->kind >= 0)
                append_arguments(&text, (CapabilityKind) request->kind, &request->arguments, roots);
        else
                append_word(&text, request->unknown_arguments); /* JSON */
        return text_take(&text, ret_text, NULL);
}
