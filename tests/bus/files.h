/* SPDX-License-Identifier: MIT */
#pragma once

/* Texts and files of the harness; whatever fails ends the test. */

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/macro.h"

#include "test.h"

/* The caller frees it. */
static inline _printf_(1, 2) char *text_of(const char *format, ...)
{
        va_list args;
        char *text = NULL;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        assert_true(n >= 0);

        return text;
}

/* Replaces the file as a whole: a reader never sees a part. */
static inline void write_file(const char *path, const char *text)
{
        _cleanup_(freep) char *aside = text_of("%s.new", path);
        FILE *file = fopen(aside, "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(rename(aside, path), 0);
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) remove(path);
        return 0;
}

static inline void remove_tree(const char *path)
{
        (void) nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
