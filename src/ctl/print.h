/* SPDX-License-Identifier: MIT */
#pragma once

/* Output for a person: figures with units, and tables with aligned columns. */

#include <stdio.h>

#include "basic/macro.h"
#include "basic/text.h"
#include "basic/time.h"
#include "codec/json.h"
#include "ctl/verb.h"
#include "proto/error.h"

#define FIGURE_MAX 48

/* Each returns `buffer`: "?" for a figure that is unknown, UINT64_MAX or not a number. */

/* "3.9 GiB", "512 B" */
const char *format_bytes(char buffer[static FIGURE_MAX], uint64_t bytes);

/* "3 d 4 h", "5 min 1 s", "12 s": the two largest units */
const char *format_span(char buffer[static FIGURE_MAX], usec_t span_usec);

/* "41.0 %" */
const char *format_percent(char buffer[static FIGURE_MAX], double percent);

/* "0.25" */
const char *format_load(char buffer[static FIGURE_MAX], double load);

typedef enum Style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_FAINT, STYLE_HEAD, _STYLE_MAX } Style;

#define TABLE_COLUMNS_MAX 8

/* Cells are added from left to right, row after row. The first failure sticks. */
typedef struct Table {
        size_t n_columns;
        struct Cell *cells;
        size_t n_cells;
        int error;
} Table;

void table_done(Table *table);

/* The text is sanitised. */
void table_add(Table *table, Style style, const char *format, ...) _printf_(3, 4);

/* A row of a table with two columns: a faint label, and its value. */
void table_add_fact(Table *table, const char *label, Style style, const char *format, ...) _printf_(4, 5);

/* A row of empty cells. */
void table_add_blank(Table *table);

/* Writes the rows, in colour if `colour`, and drops them. Errors: -ENOMEM of any table_add(), or of
 * writing. */
int table_print(Table *table, FILE *stream, bool colour);

/* Writes one line, sanitised: for every message that repeats a path, an argument or the content of a file.
 * Errors: -ENOMEM, of writing. */
int print_line(FILE *stream, const char *format, ...) _printf_(2, 3);

/* Writes the document and a newline on standard output. */
int print_json(Json *json);

/* Prints the detail of a failure, `ctl->problem` or the plain sentence of `error`: sanitised on standard
 * error, or with --json as {"error":{"code":…,"message":…}} on standard output. Errors: -ENOMEM, of writing.
 */
int print_problem(const Ctl *ctl, DevboxError error);

/* "2026-11-22 02:24:14 UTC". Returns `buffer`. */
const char *format_moment(char buffer[static FIGURE_MAX], uint64_t time_ms);
