/* SPDX-License-Identifier: MIT */
/* Compares the introspection of a daemon with its XML in dbus/. */

#include "introspect.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/text.h"

#define MEMBERS_MAX 64
#define VALUE_MAX   128

typedef struct Tag {
        char kind[VALUE_MAX]; /* "method", "arg", …; "/interface" for its end */
        char name[VALUE_MAX], type[VALUE_MAX], direction[VALUE_MAX], access[VALUE_MAX], value[VALUE_MAX];
} Tag;

static void copy_value(char *to, const char *from, size_t size)
{
        (void) snprintf(to, VALUE_MAX, "%.*s", (int) size, from);
}

/* The attributes that mean something; others are passed over. */
static const char *read_attribute(const char *at, Tag *tag)
{
        const struct {
                const char *name;
                char *value;
        } attributes[] = { { "name", tag->name },
                           { "type", tag->type },
                           { "direction", tag->direction },
                           { "access", tag->access },
                           { "value", tag->value } };
        size_t length = strcspn(at, "=");
        const char *value = at + length + 2, *end = strchr(value, '"');

        assert_non_null(end);
        for (size_t i = 0; i < ELEMENTSOF(attributes); i++)
                if (strlen(attributes[i].name) == length && strncmp(at, attributes[i].name, length) == 0)
                        copy_value(attributes[i].value, value, (size_t) (end - value));
        return end + 1;
}

/* Returns what is behind the next tag, NULL after the last one. */
static const char *read_tag(const char *at, Tag *ret_tag)
{
        *ret_tag = (Tag){ 0 };

        for (at = strchr(at, '<'); at; at = strchr(at, '<')) {
                if (startswith(at, "<!--"))
                        at = strstr(at, "-->");
                else if (at[1] == '!' || at[1] == '?')
                        at = strchr(at, '>');
                else
                        break;
        }
        if (!at)
                return NULL;

        size_t length = 1 + strcspn(at + 1 + (at[1] == '/'), " />\n") + (at[1] == '/');
        copy_value(ret_tag->kind, at + 1, length - 1);
        for (at += length; *at != '>';)
                at = isspace((unsigned char) *at) || *at == '/' ? at + 1 : read_attribute(at, ret_tag);
        return at + 1;
}

static void add_member(Text *member, const Tag *tag)
{
        if (streq(tag->kind, "method") || streq(tag->kind, "signal") || streq(tag->kind, "property"))
                text_appendf(member, "%s %s %s %s", tag->kind, tag->name, tag->type, tag->access);
        else if (streq(tag->kind, "arg")) /* the direction of a signal's arguments is implicit */
                text_appendf(member, " (%s %s %s)", tag->direction, tag->type, tag->name);
        else if (streq(tag->kind, "annotation") && !streq(tag->value, "true"))
                text_appendf(member, " [%s %s]", tag->name, tag->value);
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const Text *) a)->data, ((const Text *) b)->data);
}

char *introspect_members(const char *xml, const char *interface)
{
        Text members[MEMBERS_MAX] = { TEXT_NULL }, all = TEXT_NULL;
        bool inside = false;
        size_t n = 0;
        char *text;
        Tag tag;

        while ((xml = read_tag(xml, &tag))) {
                if (streq(tag.kind, "interface"))
                        inside = streq(tag.name, interface);
                else if (streq(tag.kind, "/interface"))
                        inside = false;
                else if (inside && tag.kind[0] != '/') {
                        if (!streq(tag.kind, "arg") && !streq(tag.kind, "annotation"))
                                n++;
                        assert_in_range(n, 1, MEMBERS_MAX);
                        add_member(&members[n - 1], &tag);
                }
        }

        qsort(members, n, sizeof members[0], compare);
        for (size_t i = 0; i < n; i++) {
                text_appendf(&all, "%s\n", members[i].data);
                text_done(&members[i]);
        }
        assert_ok(text_take(&all, &text, NULL));
        return text;
}

void assert_introspects(const TestBus *bus, const char *name, const char *interface)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(bus->client, name, "org.freedesktop.DBus.Introspectable.Introspect");
        _cleanup_(freep) char *promise_xml = NULL, *promise = NULL, *present = NULL;
        char path[4096];
        const char *xml;

        (void) snprintf(path, sizeof path, SOURCE_DIR "/dbus/%s.xml", interface);
        assert_ok(fd_read_file_at(AT_FDCWD, path, 1024 * 1024, &promise_xml, NULL));
        assert_ok(sd_bus_message_read(reply, "s", &xml));

        promise = introspect_members(promise_xml, interface);
        present = introspect_members(xml, interface);
        assert_string_not_equal(promise, "");
        assert_string_equal(present, promise);
}
