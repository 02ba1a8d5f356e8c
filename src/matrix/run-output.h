/* SPDX-License-Identifier: MIT */
#pragma once

/* What a command prints, both streams as they arrive, in constant memory: as much as an answer shows is
 * kept, and once it is longer all of it is written to a file to upload. */

#include "basic/text.h"
#include "matrix/upload.h"

/* An entry may allow more than a room is for. What is beyond is dropped. */
#define RUN_OUTPUT_MAX ((size_t) 16 * 1024 * 1024)

typedef struct RunOutput {
        Text kept;          /* its first and its last bytes, without a gap as long as nothing is left out */
        size_t n_left_out;  /* bytes between them, which are only in the file */
        size_t n_written;   /* of `kept`, to the file as well */
        UploadWriter *file; /* NULL: it is not long */
} RunOutput;

/* Drops the file, unless it was finished. */
void run_output_done(RunOutput *output);

size_t run_output_size(const RunOutput *output);

/* Not in a transaction. Errors: those of store/database.h, and -ENOMEM. */
int run_output_add(RunOutput *output, Database *database, Bytes bytes);

/* Writes the rest to the file, if there is one, in the caller's transaction. Errors: the same. */
int run_output_end(RunOutput *output);
