/* SPDX-License-Identifier: MIT */
/* devboxctl hub init, invite and admit, killed before each call by which they change something, one call
 * later each time: the next one goes on, with the same root, and nothing is done twice. */

#include <stdio.h>
#include <unistd.h>

#include "files.h"
#include "hub-world.h"

static unsigned count(const char *text, const char *part)
{
        unsigned n = 0;

        while ((text = strstr(text, part))) {
                text += strlen(part);
                n++;
        }
        return n;
}

static unsigned count_in_hub_log(const HubWorld *world, const char *part)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, HUB);

        return count(log, part);
}

/* ---- hub init */

/* The six words of the root are the same in every output that has them. */
static void check_fingerprint(const char *output, void *userdata)
{
        const char *words = strstr(output, "\n fingerprint ");
        char *first = userdata;

        if (!words)
                return;
        words += strlen("\n fingerprint ");
        if (*first == '\0')
                (void) snprintf(first, 128, "%.*s", (int) strcspn(words, "\n"), words);
        assert_memory_equal(words, first, strlen(first));
}

static void test_hub_init(void **state)
{
        HubWorld *world = *state;
        const char *const words[] = { "hub",        "init",
                                      "--endpoint", "vps.example.org",
                                      "--dir",      world->operator, "--key",
                                      world->key,   NULL };
        char fingerprint[128] = "";

        _cleanup_(run_done) Run run =
                run_ctl_through_kills(world->ledger->bus, words, check_fingerprint, fingerprint);
        assert_int_equal(run.status, 0);
        assert_has(run.output, "Next: devboxctl invite NAME --manifest FILE\n");
        assert_int_equal(count_in_hub_log(world, "SetRoot 2"), 0);
        _cleanup_(run_done) Run root = run_words(world, "operator", "show", "--dir", world->operator);
        assert_has(root.output, fingerprint);
        assert_int_equal(root.status, 0);
}

/* ---- invite, admit */

static void test_invite_and_admit(void **state)
{
        HubWorld *world = *state;
        const char *const invite[] = { "invite",    "home-wsl",     "--manifest", world->manifest,
                                       "--no-wait", SIGNING(world), NULL };
        const char *const admit[] = { "admit",    "home-wsl", "--manifest",   world->manifest,
                                      "--digits", "482 913",  SIGNING(world), NULL };

        _cleanup_(freep) char *stored = text_of("%s/templates/home-wsl.yaml", world->operator);
        _cleanup_(run_done) Run invited = run_ctl_through_kills(world->ledger->bus, invite, NULL, NULL);
        assert_int_equal(invited.status, 0);
        hub_world_claim(world, "482 913");
        _cleanup_(run_done) Run admitted = run_ctl_through_kills(world->ledger->bus, admit, NULL, NULL);
        assert_int_equal(admitted.status, 0);
        assert_has(admitted.output, "home-wsl is 10.42.0.10, handshake 0.");
        assert_int_equal(count_in_hub_log(world, "Admit home-wsl version 1"), 1);
        assert_int_equal(access(stored, F_OK), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                hub_test_empty(test_hub_init),
                hub_test(test_invite_and_admit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
