/* SPDX-License-Identifier: MIT */
/* Constraints: the first line is a list of items, each further line an argument. An argument that begins
 * with a hyphen is matched only where it is written out, and all that is executed was asked or inserted. */

#include "fuzz.h"
#include "trust/constraint.h"

typedef struct Pattern {
        ArgumentConstraints items;
} Pattern;

static const SchemaField fields[] = {
        { "argv", SCHEMA_OBJECTS, true, offsetof(Pattern, items), 0, ARGUMENTS_MAX,
          .nested = &constraint_schema },
};
static const Schema pattern_schema = { .size = sizeof(Pattern), .max_bytes = 65536, SCHEMA_TABLE(fields) };

DEFINE_DOCUMENT(Pattern, pattern);

static bool is_written_out(const ArgumentConstraints *items, const char *argument)
{
        for (size_t i = 0; i < items->n; i++) {
                const ArgumentConstraint *item = &items->items[i];

                if (item->kind == CONSTRAINT_LITERAL && streq(item->literal, argument))
                        return true;
                for (size_t j = 0; item->kind == CONSTRAINT_ENUM && j < item->names.n; j++)
                        if (streq(item->names.items[j], argument))
                                return true;
        }

        return false;
}

static bool is_inserted(const ArgumentConstraints *items, const char *argument)
{
        for (size_t i = 0; i < items->n; i++)
                if (items->items[i].kind == CONSTRAINT_INSERT && items->items[i].literal == argument)
                        return true;

        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static PathRoot root = { (char *) "logs", (char *) "/var/log" };
        const PathRoots roots = { &root, 1 };
        _cleanup_(pattern_freep) Pattern *pattern = NULL;
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char *arguments[ARGUMENTS_MAX + 1], *rest = text;
        ExecutedArguments executed = { .n = 0 };
        size_t n = 0, asked = 0;

        fuzz_check(text);
        if (pattern_parse(bytes_of_string(strsep(&rest, "\n")), &pattern, NULL) != 0)
                return 0;
        while (rest && n < ELEMENTSOF(arguments))
                arguments[n++] = strsep(&rest, "\n");

        if (constraints_match(&pattern->items, &roots, arguments, n, &executed) != 0)
                return 0;
        for (size_t i = 0; i < executed.n; i++)
                if (asked < n && executed.items[i] == arguments[asked])
                        asked++;
                else
                        fuzz_check(is_inserted(&pattern->items, executed.items[i]));
        fuzz_check(asked == n);
        for (size_t i = 0; i < n; i++)
                fuzz_check(arguments[i][0] != '-' || is_written_out(&pattern->items, arguments[i]));
        return 0;
}
