/* SPDX-License-Identifier: MIT */
/* devboxctl manifest publish: what changes, what is signed, and what is stored for the next time. */

#include "files.h"
#include "hub-world.h"

#define TEMPLATE                                                                                            \
        "operators: [\"@ana:example.org\"]\n"                                                               \
        "capabilities:\n"                                                                                   \
        "  - run: df -h\n"

#define NEXT_SEED "2102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

#define publish(world, ...) run_words(world, "manifest", "publish", ##__VA_ARGS__, SIGNING(world))

/* A template file, whose path the caller frees. */
static char *write_template(const HubWorld *world, const char *text)
{
        write_state_file(world->ledger, "template.yaml", text);
        return text_of("%s/template.yaml", world->ledger->directory);
}

static void test_publish_a_template(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *path = write_template(world, TEMPLATE);

        hub_world_admit(world);
        _cleanup_(run_done) Run run = publish(world, "home-wsl", "--template", path, "--yes");
        assert_true(startswith(run.output, "home-wsl, version 2, until "));
        assert_has(run.output, "- approvers[@ana:example.org]: {");
        assert_has(run.output, "- capabilities[ls]: {");
        assert_has(run.output,
                   "+ capabilities[df]: {\"name\":\"shell.exec\",\"id\":\"df\",\"approval\":\"none\",");
        assert_has(run.output,
                   "home-wsl: version 2 is signed, and delivered as soon as the device is reached\n");
        assert_int_equal(run.status, 0);
        assert_hub_log(world, "PublishManifest home-wsl version 2 for its key\n");

        /* It is stored, and edited there. */
        _cleanup_(run_done) Run again = publish(world, "home-wsl", "--yes");
        assert_has(again.output, "nothing but version and dates changes\n");
        assert_int_equal(again.status, 0);
        assert_hub_log(world, "PublishManifest home-wsl version 3 for its key\n");

        _cleanup_(freep) char *stored = text_of("%s/templates/home-wsl.yaml", world->operator);
        write_file(stored, TEMPLATE "  - run: uptime\n");
        _cleanup_(run_done) Run edited = publish(world, "--all", "--yes");
        assert_has(edited.output, "+ capabilities[uptime]: {");
        assert_null(strstr(edited.output, "capabilities[df]"));
        assert_hub_log(world, "PublishManifest home-wsl version 4 for its key\n");
}

static void test_what_was_given_to_admit_is_stored(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *stored = text_of("%s/templates/home-wsl.yaml", world->operator);

        hub_world_admit(world);
        char text[4096];
        FILE *file = fopen(stored, "re");

        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        assert_int_equal(fclose(file), 0);
        assert_string_equal(text, hub_world_manifest);
}

static void test_publish_asks(void **state)
{
        HubWorld *world = *state;
        const char *const words[] = { "manifest", "publish", "home-wsl", SIGNING(world), NULL };

        hub_world_admit(world);
        _cleanup_(run_done) Run none = publish(world, "home-wsl");
        assert_has(none.output, "there is no terminal to ask on; the same with --yes signs and delivers");
        assert_int_equal(none.status, 1);
        _cleanup_(run_done) Run no = run_ctl_on_terminal(world->ledger->bus, words, "n\n");
        assert_has(no.output, "sign and deliver it? [y/N] n\ndevboxctl: nothing was signed");
        assert_int_equal(no.status, 1);
        _cleanup_(run_done) Run yes = run_ctl_on_terminal(world->ledger->bus, words, "y\n");
        assert_has(yes.output, "home-wsl: version 2 is signed");
        assert_int_equal(yes.status, 0);
}

/* What is noted about a manifest is read before it is signed. */
static void test_publish_notes_what_can_never_run(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *path = write_template(world, TEMPLATE "    approval: message\n");
        const char *const words[] = { "manifest", "publish",      "home-wsl", "--template",
                                      path,       SIGNING(world), NULL };

        hub_world_admit(world);
        _cleanup_(run_done) Run run = run_ctl_on_terminal(world->ledger->bus, words, "n\n");
        const char *note = strstr(run.output, "home-wsl: note: df: there are too few approvers, so this can "
                                              "never run [approvers]");
        assert_non_null(note);
        assert_has(note, "sign and deliver it?");
        assert_has(run.output, "nothing was signed");
}

static void test_publish_as_json(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run empty = publish(world, "--all");
        assert_has(empty.output, "The network has no devices yet. Begin with: devboxctl invite NAME\n");
        assert_int_equal(empty.status, 0);
        _cleanup_(run_done) Run none =
                run_words(world, "--json", "manifest", "publish", "--all", "--yes", SIGNING(world));
        assert_string_equal(none.output, "{\"published\":[],\"failed\":[]}\n");
        hub_world_admit(world);
        _cleanup_(run_done) Run run =
                run_words(world, "--json", "manifest", "publish", "--all", "--yes", SIGNING(world));
        assert_true(startswith(run.output,
                               "{\"published\":[{\"name\":\"home-wsl\",\"epoch\":1,\"version\":2,"
                               "\"expires_at\":\""));
        assert_int_equal(run.status, 0);
}

static void test_what_is_not_published(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *path = write_template(world, TEMPLATE "  - run: bash -c WORD\n");

        hub_world_admit(world);
        _cleanup_(run_done) Run unknown = publish(world, "pc-aurgi", "--yes");
        assert_has(unknown.output, "pc-aurgi is no device of this network; run: devboxctl invite pc-aurgi");
        _cleanup_(run_done) Run risky = publish(world, "home-wsl", "--template", path, "--yes");
        assert_has(risky.output, "; this is not signed, see: devboxctl manifest lint ");
        _cleanup_(run_done) Run none = publish(world, "--yes");
        assert_has(none.output, "name a device, or give --all");
        _cleanup_(run_done) Run both = publish(world, "--all", "--template", path);
        assert_has(both.output, "--template is for one device");
        assert_int_equal(unknown.status, 1);
        assert_int_equal(risky.status, 1);
        assert_int_equal(none.status, 2);
        assert_int_equal(both.status, 2);
}

/* The fake hub keeps the last manifest: that of the hub itself, so that it has none for home-wsl. */
static void test_one_of_several_has_none(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *path = write_template(world, TEMPLATE);

        hub_world_admit(world);
        _cleanup_(run_done) Run self =
                run_words(world, "invite", "hub", "--self", "--manifest", path, SIGNING(world));
        assert_int_equal(self.status, 0);
        _cleanup_(run_done) Run run = publish(world, "--all", "--yes");
        assert_has(run.output,
                   "home-wsl gets no manifest:\ndevboxctl: home-wsl is no device of this network");
        assert_has(run.output, "hub: version 2 is signed, and delivered here\n");
        assert_int_equal(run.status, 1);
        assert_hub_log(world, "PublishManifest hub version 2");

        _cleanup_(run_done) Run json =
                run_words(world, "--json", "manifest", "publish", "--all", "--yes", SIGNING(world));
        assert_has(json.output, "{\"published\":[{\"name\":\"hub\",\"epoch\":1,\"version\":3,");
        assert_has(json.output,
                   "\"failed\":[{\"name\":\"home-wsl\",\"code\":\"peer_unknown\",\"message\":\"");
        assert_int_equal(json.status, 1);

        _cleanup_(run_done) Run one = publish(world, "home-wsl", "--yes");
        assert_has(one.output, "devboxctl: home-wsl is no device of this network");
        assert_int_equal(one.status, 1);
}

/* The operator has another key since: the manifest that is kept is of an earlier root. */
static void test_publish_after_a_rotation(void **state)
{
        HubWorld *world = *state;
        char *key = text_of("%s/next-seed", world->ledger->directory);

        hub_world_admit(world);
        write_state_file(world->ledger, "next-seed", NEXT_SEED);
        _cleanup_(run_done) Run rotated =
                run_words(world, "operator", "rotate", SIGNING(world), "--new-key", key);
        assert_int_equal(rotated.status, 0);
        free(TAKE(world->key, key));
        _cleanup_(run_done) Run init = run_init(world);
        assert_int_equal(init.status, 0);

        _cleanup_(run_done) Run run = publish(world, "--all", "--yes");
        assert_has(run.output, "home-wsl: version 1 is signed");
        assert_int_equal(run.status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                hub_test(test_publish_a_template),
                hub_test(test_what_was_given_to_admit_is_stored),
                hub_test(test_publish_asks),
                hub_test(test_publish_notes_what_can_never_run),
                hub_test(test_publish_as_json),
                hub_test(test_what_is_not_published),
                hub_test(test_one_of_several_has_none),
                hub_test(test_publish_after_a_rotation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
