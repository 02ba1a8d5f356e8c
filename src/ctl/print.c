/* SPDX-License-Identifier: MIT */
/* What a person reads. */

#include "ctl/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "basic/utf8.h"

typedef struct Cell {
        char *text;
        size_t width; /* in columns of a terminal */
        Style style;
} Cell;

/* Source: ECMA-48, SGR. */
static const char *const style_codes[_STYLE_MAX] = {
        [STYLE_PLAIN] = "",        [STYLE_GOOD] = "\x1b[32m", [STYLE_BAD] = "\x1b[1;31m",
        [STYLE_FAINT] = "\x1b[2m", [STYLE_HEAD] = "\x1b[1m",
};

static const char *format_unknown(char buffer[static FIGURE_MAX])
{
        (void) snprintf(buffer, FIGURE_MAX, "?");
        return buffer;
}

const char *format_bytes(char buffer[static FIGURE_MAX], uint64_t bytes)
{
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double) bytes / 1024;
        size_t unit = 0;

        if (bytes == UINT64_MAX)
                return format_unknown(buffer);
        if (bytes < 1024) {
                (void) snprintf(buffer, FIGURE_MAX, "%" PRIu64 " B", bytes);
                return buffer;
        }

        /* 1023.95 would be shown as 1024.0 */
        for (; value >= 1023.95 && unit + 1 < ELEMENTSOF(units); unit++)
                value /= 1024;

        (void) snprintf(buffer, FIGURE_MAX, "%.1f %s", value, units[unit]);
        return buffer;
}

const char *format_span(char buffer[static FIGURE_MAX], usec_t span_usec)
{
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
        uint64_t seconds = span_usec / USEC_PER_SEC, rest;
        size_t i = 0;

        if (span_usec == USEC_INFINITY)
                return format_unknown(buffer);

        while (i + 1 < ELEMENTSOF(units) && seconds < units[i].seconds)
                i++;

        rest = seconds % units[i].seconds;
        if (i + 1 < ELEMENTSOF(units))
                (void) snprintf(buffer, FIGURE_MAX, "%" PRIu64 " %s %" PRIu64 " %s",
                                seconds / units[i].seconds, units[i].name, rest / units[i + 1].seconds,
                                units[i + 1].name);
        else
                (void) snprintf(buffer, FIGURE_MAX, "%" PRIu64 " s", seconds);
        return buffer;
}

const char *format_percent(char buffer[static FIGURE_MAX], double percent)
{
        if (isnan(percent))
                return format_unknown(buffer);

        (void) snprintf(buffer, FIGURE_MAX, "%.1f %%", percent);
        return buffer;
}

const char *format_load(char buffer[static FIGURE_MAX], double load)
{
        if (isnan(load))
                return format_unknown(buffer);

        (void) snprintf(buffer, FIGURE_MAX, "%.2f", load);
        return buffer;
}

void table_done(Table *table)
{
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].text);

        free(table->cells);
        *table = (Table){ .n_columns = table->n_columns };
}

/* The caller frees the text. */
static int format_text(char **ret_text, const char *format, va_list args)
{
        char *text;

        if (vasprintf(&text, format, args) < 0)
                return -ENOMEM;

        *ret_text = text;
        return 0;
}

static void add_cell(Table *table, Style style, const char *format, va_list args)
{
        _cleanup_(freep) char *text = NULL;

        if (table->error == 0)
                table->error = format_text(&text, format, args);
        if (table->error < 0)
                return;

        Cell *grown = realloc(table->cells, (table->n_cells + 1) * sizeof *grown);
        if (!grown) {
                table->error = -ENOMEM;
                return;
        }

        size_t width = utf8_sanitize(text);
        table->cells = grown;
        table->cells[table->n_cells++] = (Cell){ TAKE_PTR(text), width, style };
}

void table_add(Table *table, Style style, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        add_cell(table, style, format, args);
        va_end(args);
}

void table_add_fact(Table *table, const char *label, Style style, const char *format, ...)
{
        va_list args;

        table_add(table, STYLE_FAINT, "%s", label);
        va_start(args, format);
        add_cell(table, style, format, args);
        va_end(args);
}

/* Writes one row; what is empty at its end leaves no blanks behind. */
static int print_row(FILE *stream, bool colour, const Cell *row, const size_t *widths, size_t n)
{
        while (n > 0 && row[n - 1].width == 0)
                n--;

        for (size_t i = 0; i < n; i++) {
                bool styled = colour && row[i].style != STYLE_PLAIN, last = i + 1 == n;
                int padding = last ? 0 : (int) (widths[i] - row[i].width) + 2;

                if (fprintf(stream, "%s%s%s%*s", styled ? style_codes[row[i].style] : "", row[i].text,
                            styled ? "\x1b[0m" : "", padding, "") < 0)
                        return -errno;
        }

        return fputc('\n', stream) == EOF ? -errno : 0;
}

int table_print(Table *table, FILE *stream, bool colour)
{
        size_t widths[TABLE_COLUMNS_MAX] = { 0 }, n = table->n_columns;

        assert(n > 0 && n <= TABLE_COLUMNS_MAX && (table->error < 0 || table->n_cells % n == 0));

        for (size_t i = 0; i < table->n_cells; i++)
                widths[i % n] = MAX(widths[i % n], table->cells[i].width);
        for (size_t i = 0; i < table->n_cells && table->error >= 0; i += n)
                table->error = print_row(stream, colour, &table->cells[i], widths, n);

        int r = table->error;
        table_done(table);
        return r;
}

void table_add_blank(Table *table)
{
        for (size_t i = 0; i < table->n_columns; i++)
                table_add(table, STYLE_PLAIN, "%s", "");
}

int print_line(FILE *stream, const char *format, ...)
{
        _cleanup_(freep) char *line = NULL;
        va_list args;

        va_start(args, format);
        int r = format_text(&line, format, args);
        va_end(args);
        if (r < 0)
                return r;

        (void) utf8_sanitize(line);
        return fprintf(stream, "%s\n", line) < 0 ? -errno : 0;
}

int print_json(Json *json)
{
        _cleanup_(freep) char *document = NULL;

        int r = json_take(json, &document, NULL);
        if (r < 0)
                return r;

        return puts(document) < 0 ? -errno : 0;
}

static int print_problem_lines(const char *problem)
{
        int r = 0;

        for (; *problem != '\0' && r == 0; problem += strspn(problem, "\n")) {
                size_t length = strcspn(problem, "\n");

                r = print_line(stderr, "devboxctl: %.*s", (int) length, problem);
                problem += length;
        }

        return r;
}

int print_problem(const Ctl *ctl, DevboxError error)
{
        const char *problem = ctl->problem ? ctl->problem : devbox_error_sentence(error);
        _cleanup_(json_done) Json json = JSON_NULL;

        if (!ctl->json)
                return print_problem_lines(problem);

        json_open_object(&json, NULL);
        json_open_object(&json, "error");
        json_add_string(&json, "code", devbox_error_code(error));
        json_add_string(&json, "message", problem);
        json_close_object(&json);
        json_close_object(&json);
        return print_json(&json);
}

const char *format_moment(char buffer[static FIGURE_MAX], uint64_t time_ms)
{
        time_t seconds = (time_t) (time_ms / 1000);
        struct tm parts;

        if (!gmtime_r(&seconds, &parts) ||
            strftime(buffer, FIGURE_MAX, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
                (void) snprintf(buffer, FIGURE_MAX, "%" PRIu64 " ms", time_ms);
        return buffer;
}
