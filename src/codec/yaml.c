/* SPDX-License-Identifier: MIT */
/* Parses the subset of YAML that people write by hand into a small tree.
 *
 * libyaml provides events: each opens a container, closes one, or is a scalar, which in a map is a key and a
 * value by turns. Every node is counted before it is allocated, so that the limits hold for any text. */

#include "codec/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "basic/parse.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct YamlNode {
        YamlKind kind;
        unsigned line, key_line;
        bool plain;
        char *key;  /* in a map */
        char *text; /* of a scalar */
        YamlNode *parent;
        YamlNode *first, *last, *next;
};

typedef struct Reader {
        const char *text;
        size_t size;
        YamlNode *root;
        YamlNode *open; /* the innermost open container */
        char *key;      /* waits for its value */
        unsigned key_line;
        unsigned depth, n_nodes;
        bool documents; /* one has started */
        YamlProblem *problem;
} Reader;

static int fail(Reader *reader, size_t line, const char *format, ...) _printf_(3, 4);

static int fail(Reader *reader, size_t line, const char *format, ...)
{
        va_list args;

        reader->problem->line = (unsigned) line;
        va_start(args, format);
        (void) vsnprintf(reader->problem->reason, sizeof reader->problem->reason, format, args);
        va_end(args);
        return -EBADMSG;
}

static void wipe_free(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

YamlNode *yaml_node_free(YamlNode *node)
{
        if (!node)
                return NULL;

        for (YamlNode *member = node->first, *next; member; member = next) {
                next = member->next;
                (void) yaml_node_free(member); /* not deeper than YAML_DEPTH_MAX */
        }

        wipe_free(node->key);
        wipe_free(node->text);
        free(node);
        return NULL;
}

/* Adds a node to the open container, or as the root. */
static int add_node(Reader *reader, YamlKind kind, size_t line, YamlNode **ret_node)
{
        YamlNode *node, *open = reader->open;

        if (reader->n_nodes >= YAML_NODES_MAX)
                return fail(reader, line, "more than %d values", YAML_NODES_MAX);

        node = calloc(1, sizeof *node);
        if (!node)
                return -ENOMEM;

        node->kind = kind;
        node->line = (unsigned) line;
        node->key = TAKE_PTR(reader->key);
        node->key_line = reader->key_line;
        node->parent = open;
        reader->n_nodes++;

        if (!open)
                reader->root = node;
        else if (open->last)
                open->last->next = node;
        else
                open->first = node;
        if (open)
                open->last = node;

        *ret_node = node;
        return 0;
}

static int add_key(Reader *reader, const char *text, size_t line)
{
        for (const YamlNode *member = reader->open->first; member; member = member->next)
                if (streq(member->key, text))
                        return fail(reader, line, "this key is already on line %u; keep one of the two",
                                    member->key_line);

        reader->key = strdup(text);
        if (!reader->key)
                return -ENOMEM;

        reader->key_line = (unsigned) line;
        return 0;
}

static bool key_expected(const Reader *reader)
{
        return reader->open && reader->open->kind == YAML_KIND_MAP && !reader->key;
}

static int on_scalar(Reader *reader, const yaml_event_t *event)
{
        const char *text = (const char *) event->data.scalar.value;
        size_t line = event->start_mark.line + 1;
        YamlNode *node = NULL;

        if (event->data.scalar.anchor)
                return fail(reader, line, "anchors (&name) are not allowed; write the value out");
        if (event->data.scalar.tag)
                return fail(reader, line, "tags (!name) are not allowed; write the value alone");
        if (memchr(text, '\0', event->data.scalar.length))
                return fail(reader, line, "NUL characters are not allowed");
        if (key_expected(reader))
                return add_key(reader, text, line);

        int r = add_node(reader, YAML_KIND_SCALAR, line, &node);
        if (r < 0)
                return r;

        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        node->text = strdup(text);
        return node->text ? 0 : -ENOMEM;
}

static int on_open(Reader *reader, YamlKind kind, const yaml_event_t *event)
{
        const yaml_char_t *anchor =
                kind == YAML_KIND_MAP ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
        const yaml_char_t *tag =
                kind == YAML_KIND_MAP ? event->data.mapping_start.tag : event->data.sequence_start.tag;
        size_t line = event->start_mark.line + 1;
        YamlNode *node = NULL;

        if (anchor)
                return fail(reader, line, "anchors (&name) are not allowed; write the values out");
        if (tag)
                return fail(reader, line, "tags (!name) are not allowed; write the values alone");
        if (key_expected(reader))
                return fail(reader, line, "a key must be a word, not a list or a map");
        if (reader->depth >= YAML_DEPTH_MAX)
                return fail(reader, line, "nested deeper than %d levels", YAML_DEPTH_MAX);

        int r = add_node(reader, kind, line, &node);
        if (r < 0)
                return r;

        reader->open = node;
        reader->depth++;
        return 0;
}

static int on_document(Reader *reader, const yaml_event_t *event)
{
        size_t line = event->start_mark.line + 1;

        if (event->data.document_start.version_directive ||
            event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
                return fail(reader, line, "directives (%%YAML, %%TAG) are not allowed; remove them");
        if (reader->documents)
                return fail(reader, line, "a second document begins here; keep one");

        reader->documents = true;
        return 0;
}

static int on_event(Reader *reader, const yaml_event_t *event)
{
        switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
                return on_document(reader, event);
        case YAML_ALIAS_EVENT:
                return fail(reader, event->start_mark.line + 1,
                            "aliases (*name) are not allowed; write the value out, in quotes if it begins "
                            "with *");
        case YAML_SCALAR_EVENT:
                return on_scalar(reader, event);
        case YAML_MAPPING_START_EVENT:
                return on_open(reader, YAML_KIND_MAP, event);
        case YAML_SEQUENCE_START_EVENT:
                return on_open(reader, YAML_KIND_LIST, event);
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
                reader->open = reader->open->parent;
                reader->depth--;
                return 0;
        default:
                return 0;
        }
}

static size_t line_at(const Reader *reader, size_t offset)
{
        size_t line = 1;

        for (size_t i = 0; i < offset && i < reader->size; i++)
                line += reader->text[i] == '\n';

        return line;
}

static bool line_is_indented_with_tab(const Reader *reader, size_t line)
{
        size_t at = 0;

        for (; line > 1 && at < reader->size; at++)
                line -= reader->text[at] == '\n';
        while (at < reader->size && reader->text[at] == ' ')
                at++;

        return at < reader->size && reader->text[at] == '\t';
}

/* Reports libyaml's error. Its messages are constants: they hold nothing of the text. */
static int on_failure(Reader *reader, const yaml_parser_t *parser)
{
        size_t line = parser->problem_mark.line + 1;

        switch (parser->error) {
        case YAML_MEMORY_ERROR:
                return -ENOMEM;
        case YAML_READER_ERROR: /* has the byte, not the line */
                return fail(reader, line_at(reader, parser->problem_offset), "not UTF-8 text: %s",
                            strempty(parser->problem));
        default:
                if (line_is_indented_with_tab(reader, line))
                        return fail(reader, line, "indented with a tab; use spaces");
                return fail(reader, line,
                            "not YAML: %s; check the quotes and the indentation, also on the lines before",
                            strempty(parser->problem));
        }
}

static int read_events(Reader *reader, yaml_parser_t *parser)
{
        for (bool done = false; !done;) {
                yaml_event_t event;

                if (!yaml_parser_parse(parser, &event))
                        return on_failure(reader, parser);

                int r = on_event(reader, &event);
                done = event.type == YAML_STREAM_END_EVENT;
                yaml_event_delete(&event);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Bytes that YAML would let pass, or report as something else. */
static int check_text(Reader *reader)
{
        if (reader->size > YAML_SIZE_MAX)
                return fail(reader, 0, "larger than %zu KiB", YAML_SIZE_MAX / 1024);

        const char *nul = memchr(reader->text, '\0', reader->size);
        if (nul)
                return fail(reader, line_at(reader, (size_t) (nul - reader->text)),
                            "NUL characters are not allowed");

        /* libyaml would count it as a column of the first line. */
        if (reader->size >= sizeof BYTE_ORDER_MARK - 1 &&
            memcmp(reader->text, BYTE_ORDER_MARK, sizeof BYTE_ORDER_MARK - 1) == 0) {
                reader->text += sizeof BYTE_ORDER_MARK - 1;
                reader->size -= sizeof BYTE_ORDER_MARK - 1;
        }
        const char *mark = memmem(reader->text, reader->size, BYTE_ORDER_MARK, sizeof BYTE_ORDER_MARK - 1);
        if (mark)
                return fail(reader, line_at(reader, (size_t) (mark - reader->text)),
                            "a byte order mark (U+FEFF) inside the text; remove it");

        return 0;
}

static int read_document(Reader *reader)
{
        yaml_parser_t parser;
        YamlNode *node = NULL;

        int r = check_text(reader);
        if (r < 0)
                return r;
        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING); /* UTF-16 is rejected */
        yaml_parser_set_input_string(&parser, (const unsigned char *) reader->text, reader->size);

        r = read_events(reader, &parser);
        yaml_parser_delete(&parser);
        if (r < 0 || reader->root)
                return r;

        r = add_node(reader, YAML_KIND_SCALAR, 1, &node);
        if (r < 0)
                return r;

        node->plain = true;
        node->text = strdup("");
        return node->text ? 0 : -ENOMEM;
}

int yaml_node_parse(const char *text, size_t size, YamlNode **ret_root, YamlProblem *ret_problem)
{
        Reader reader = { .text = text, .size = size, .problem = ret_problem };

        int r = read_document(&reader);
        wipe_free(reader.key);
        if (r < 0) {
                (void) yaml_node_free(reader.root);
                return r;
        }

        *ret_root = reader.root;
        return 0;
}

YamlKind yaml_node_kind(const YamlNode *node)
{
        return node->kind;
}

unsigned yaml_node_line(const YamlNode *node)
{
        return node->line;
}

const char *yaml_node_text(const YamlNode *node)
{
        assert(node->kind == YAML_KIND_SCALAR);

        return node->text;
}

bool yaml_node_is_plain(const YamlNode *node)
{
        return node->plain;
}

bool yaml_node_is_null(const YamlNode *node)
{
        return node->plain && (streq(node->text, "") || streq(node->text, "~") || streq(node->text, "null"));
}

const YamlNode *yaml_node_first(const YamlNode *node)
{
        return node->first;
}

const YamlNode *yaml_node_next(const YamlNode *member)
{
        return member->next;
}

const char *yaml_node_key(const YamlNode *member)
{
        return member->key;
}

unsigned yaml_node_key_line(const YamlNode *member)
{
        return member->key_line;
}

static const YamlNode *member_at(const YamlNode *node, const char *name, size_t length)
{
        if (yaml_node_kind(node) != YAML_KIND_MAP)
                return NULL;

        for (const YamlNode *member = yaml_node_first(node); member; member = yaml_node_next(member))
                if (strlen(yaml_node_key(member)) == length &&
                    memcmp(yaml_node_key(member), name, length) == 0)
                        return member;

        return NULL;
}

static const YamlNode *element_at(const YamlNode *node, uint64_t index)
{
        const YamlNode *element = yaml_node_kind(node) == YAML_KIND_LIST ? yaml_node_first(node) : NULL;

        while (element && index-- > 0)
                element = yaml_node_next(element);
        return element;
}

const YamlNode *yaml_node_at(const YamlNode *root, const char *path)
{
        const YamlNode *node = root;

        while (*path != '\0') {
                const YamlNode *next = NULL;
                uint64_t index;

                if (*path == '[') {
                        path++;
                        if (parse_next_u64(&path, &index) < 0 || *path != ']')
                                break;
                        path++;
                        next = element_at(node, index);
                } else {
                        path += *path == '.';
                        size_t length = strcspn(path, ".[");
                        next = member_at(node, path, length);
                        path += length;
                }
                if (!next)
                        break;
                node = next;
        }

        return node;
}
