/* SPDX-License-Identifier: MIT */
/* What the ledger costs: one line per figure, with its goal. The directory to work in is the argument, by
 * default one in /var/tmp: it should be on a disk. Exits 1 if a goal is missed by a factor of two, which no
 * machine that is merely busy does. */

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"
#include "ledger/ledger-world.h"

#define ROUNDS 10
#define BATCH  200

static bool missed;

static int compare(const void *a, const void *b)
{
        double left = *(const double *) a, right = *(const double *) b;

        return left < right ? -1 : left > right;
}

static double median(double figures[static ROUNDS])
{
        qsort(figures, ROUNDS, sizeof *figures, compare);
        return (figures[ROUNDS / 2 - 1] + figures[ROUNDS / 2]) / 2;
}

static double per_second(usec_t begin)
{
        return BATCH * (double) USEC_PER_SEC / (double) (time_now(CLOCK_MONOTONIC) - begin);
}

/* The cost of a commit to this disk, without any ledger: what bounds the rest. */
static double commit_pages(FILE *file)
{
        static const char page[4096];
        usec_t begin = time_now(CLOCK_MONOTONIC);

        for (int i = 0; i < BATCH; i++) {
                assert_int_equal(write(fileno(file), page, sizeof page), sizeof page);
                assert_int_equal(fdatasync(fileno(file)), 0);
        }
        return per_second(begin);
}

static double append_entries(LedgerWorld *world)
{
        usec_t begin = time_now(CLOCK_MONOTONIC);

        for (int i = 0; i < BATCH; i++)
                ledger_world_begin_session(world);
        return per_second(begin);
}

static double accept_requests(LedgerWorld *world, unsigned first)
{
        static SignedBundle bundles[BATCH];

        for (unsigned i = 0; i < BATCH; i++) {
                Sibling sibling;

                sibling_init(&sibling, first + i);
                signed_bundle(&world->made, &(Case){ .request = { sibling.edits[0], sibling.edits[1] } },
                              &bundles[i]);
        }

        usec_t begin = time_now(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < BATCH; i++) {
                LedgerAnswer answer;

                ledger_world_put(world, &bundles[i], &answer);
                assert_int_equal(answer.outcome, LEDGER_ACCEPTED);
                ledger_answer_done(&answer);
        }
        double figure = per_second(begin);
        for (unsigned i = 0; i < BATCH; i++)
                signed_bundle_done(&bundles[i]);
        return figure;
}

/* In turns, because the disk of a busy machine is not the same from one second to the next. */
static void bench(void **state)
{
        LedgerWorld *world = *state;
        double disk[ROUNDS], appends[ROUNDS], requests[ROUNDS];
        char path[128];

        (void) snprintf(path, sizeof path, "%s/disk", world->directory);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        for (unsigned i = 0; i < ROUNDS; i++) {
                disk[i] = commit_pages(file);
                appends[i] = append_entries(world);
                requests[i] = accept_requests(world, i * BATCH);
        }
        (void) fclose(file);

        double bound = median(disk), figure = median(appends);
        printf("%-46s %10.1f %-10s\n", "the disk: write 4 KiB, fdatasync", bound, "per s");
        printf("%-46s %10.1f %-10s goal >= 1000: %s\n", "durable appends", figure, "per s",
               figure >= 1000 ? "reached" : "missed");
        printf("%-46s %10.2f %-10s goal >= 0.50: %s\n", "durable appends, of what the disk can do",
               figure / bound, "", figure / bound >= 0.5 ? "reached" : "missed");
        printf("%-46s %10.1f %-10s\n", "requests verified, accepted, committed", median(requests), "per s");
        missed = figure < 500 && figure / bound < 0.25;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest benches[] = { ledger_test(bench) };

        (void) setenv("TMPDIR", argc > 1 ? argv[1] : "/var/tmp", 1);
        int failed = cmocka_run_group_tests(benches, NULL, NULL);
        return failed ? 2 : missed;
}
