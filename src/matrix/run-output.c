/* SPDX-License-Identifier: MIT */
/* What a command prints. */

#include "matrix/run-output.h"

#include "matrix/answer.h"

#define KEPT_MAX ((size_t) 256 * 1024) /* then the file gets it: each time is a commit */

void run_output_done(RunOutput *output)
{
        text_done(&output->kept);
        output->file = upload_writer_free(output->file);
        *output = (RunOutput){ .n_written = 0 };
}

size_t run_output_size(const RunOutput *output)
{
        return output->kept.size + output->n_left_out;
}

int run_output_end(RunOutput *output)
{
        Text *kept = &output->kept;

        int r = output->file ? upload_writer_add(output->file, BYTES(kept->data + output->n_written,
                                                                     kept->size - output->n_written))
                             : 0;
        if (r == 0)
                output->n_written = kept->size;
        return r;
}

/* An answer shows the first and the last part. */
static void leave_out(RunOutput *output)
{
        Text *kept = &output->kept;

        output->n_left_out += kept->size - 2 * ANSWER_PART;
        memmove(kept->data + ANSWER_PART, kept->data + kept->size - ANSWER_PART, ANSWER_PART);
        output->n_written = kept->size = 2 * ANSWER_PART;
}

static int write_out(RunOutput *output, Database *database)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(database, &transaction);
        if (r == 0 && !output->file)
                r = upload_writer_new(database, &output->file);
        if (r == 0)
                r = run_output_end(output);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                return r;

        leave_out(output);
        return 0;
}

int run_output_add(RunOutput *output, Database *database, Bytes bytes)
{
        text_append_bytes(&output->kept, bytes.data,
                          MIN(bytes.size, RUN_OUTPUT_MAX - run_output_size(output)));
        if (output->kept.error < 0)
                return output->kept.error;
        return output->kept.size < KEPT_MAX ? 0 : write_out(output, database);
}
