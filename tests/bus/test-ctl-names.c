/* SPDX-License-Identifier: MIT */
/* Names that do harm, wherever devboxctl takes one: nothing is done, no file is made, and what is shown on
 * the terminal is harmless. */

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/utf8.h"
#include "files.h"
#include "hub-world.h"

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 63 */

static const char *const hostile[] = {
        "",
        "..",
        "../escaped",
        "/etc/passwd",
        "a\nb",
        "\x1b[2J",
        "\xe2\x80\xae.",  /* from right to left */
        "a\xe2\x80\x8b.", /* with no width between */
        "a\xcc\x81",      /* composed */
        "\xf0\x9f\x98\x80",
        "\xff",
        "A",
        "a b",
        "$(reboot)",
        "-a",
        "%s%n",
        LONG "a",
};

/* "NAME" stands for each. */
#define NAME      "NAME"
#define WORDS_MAX 12

static bool is_harmless(const char *output)
{
        _cleanup_(freep) char *copy = strdup(output);

        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
                if (!utf8_is_visible(line))
                        return false;
        return true;
}

static Run run_with_name(const HubWorld *world, const char *const *words, const char *name)
{
        const char *all[WORDS_MAX + 1] = { NULL };

        for (size_t i = 0; words[i]; i++)
                all[i] = streq(words[i], NAME) ? name : words[i];
        return run_ctl_words(world->ledger->bus, all);
}

static unsigned count_files(const char *path)
{
        DIR *directory = opendir(path);
        unsigned n = 0;

        while (directory && readdir(directory))
                n++;
        (void) (directory && closedir(directory));
        return n;
}

static void test_names(void **state)
{
        HubWorld *world = *state;
        const char *const verbs[][WORDS_MAX] = {
                { "invite", NAME, "--manifest", world->manifest, "--no-wait", SIGNING(world) },
                { "admit", NAME, "--manifest", world->manifest, "--digits", "482913", SIGNING(world) },
                { "revoke", NAME }, { "peer", "show", NAME }, { "peer", "set", NAME, "--keepalive", "0" },
                { "capabilities", NAME }, { "run", NAME, "ls" },
                { "manifest", "publish", NAME, "--yes", SIGNING(world) },
                {
                        "person",
                        "add",
                        NAME,
                        "--local",
                        "ana",
                        "--dir",
                        world->operator},
                        { "operator", "init", "--network", NAME, "--key", world->key, "--dir",
                          "/nonexistent/x" },
                };
        unsigned n_files = count_files(world->operator), n_around = count_files(world->ledger->directory);
        _cleanup_(freep) char *before = test_bus_read_log(world->ledger->bus, HUB);

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                for (size_t j = 0; j < ELEMENTSOF(hostile); j++) {
                        _cleanup_(run_done) Run run = run_with_name(world, verbs[i], hostile[j]);

                        if (run.status == 0 || run.status > 2 || !is_harmless(run.output))
                                fail_msg("%s with name %zu: status %d:\n%s", verbs[i][0], j, run.status,
                                         run.output);
                }

        _cleanup_(freep) char *after = test_bus_read_log(world->ledger->bus, HUB);
        assert_string_equal(after, before);
        assert_int_equal(count_files(world->operator), n_files);
        assert_int_equal(count_files(world->ledger->directory), n_around);
}

int main(void)
{
        const struct CMUnitTest tests[] = { hub_test(test_names) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
