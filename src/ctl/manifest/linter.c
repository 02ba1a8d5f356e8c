/* SPDX-License-Identifier: MIT */
/* What in a manifest is dangerous. The rules are two tables of functions, one for a capability and one for
 * the whole; each function checks one property and adds at most a few findings. */

#include "ctl/manifest/linter.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "ctl/manifest/patterns.h"
#include "ctl/manifest/programs.h"
#include "proto/id.h"

#define DAY_MS      INT64_C(86400000)
#define LIFE_NOTICE (30 * DAY_MS)

typedef struct Lint {
        const Manifest *manifest;
        const Ceiling *ceiling;
        uint64_t now_ms;
        LintReport report;
        int error;
} Lint;

void lint_report_done(LintReport *report)
{
        free(report->findings);
        *report = LINT_REPORT_NULL;
}

static LintFinding *add(Lint *lint, bool rejected, const char *rule, const char *advice)
{
        static LintFinding spare; /* written to when there is no room, and never read */
        LintReport *report = &lint->report;

        if (lint->error < 0 || report->n == LINT_MAX)
                return &spare;

        LintFinding *grown = realloc(report->findings, (report->n + 1) * sizeof *grown);
        if (!grown) {
                lint->error = -ENOMEM;
                return &spare;
        }

        report->findings = grown;
        report->findings[report->n] = (LintFinding){ .rejected = rejected, .rule = rule, .advice = advice };
        report->n_rejected += rejected;
        return &report->findings[report->n++];
}

static void about(LintFinding *finding, const char *list, size_t i, const char *subject)
{
        (void) snprintf(finding->path, sizeof finding->path, "%s[%zu]", list, i);
        (void) snprintf(finding->subject, sizeof finding->subject, "%s", strempty(subject));
}

/* ---- a capability */

/* A rejection that accept_risk turns into a note. */
static void risk(Lint *lint, size_t i, const char *rule, const char *advice)
{
        const Capability *capability = &lint->manifest->capabilities.items[i];
        LintFinding *finding = add(lint, !capability->accept_risk, rule, advice);

        finding->acceptable = true;
        about(finding, "capabilities", i, capability->id);
}

static void note(Lint *lint, size_t i, const char *rule, const char *advice)
{
        about(add(lint, false, rule, advice), "capabilities", i, lint->manifest->capabilities.items[i].id);
}

static const char *program_of(const Capability *capability)
{
        if (capability->kind == CAPABILITY_SHELL_EXEC)
                return capability->bin;

        return capability->kind == CAPABILITY_DOCKER_EXEC ? capability->argv.items[0].literal : NULL;
}

static void check_program(Lint *lint, const Capability *capability, size_t i)
{
        const char *program = program_of(capability);
        unsigned functions = program ? program_functions(program) : 0;

        if (functions == PROGRAM_UNKNOWN)
                note(lint, i, "unknown",
                     "this program is unknown to the linter: does it start programs or write files?");
        if (functions == 0 || functions == PROGRAM_UNKNOWN || constraints_are_pinned(&capability->argv))
                return;

        if (functions & PROGRAM_SHELL)
                risk(lint, i, "shell",
                     "this program can start others; pin every argument with lit or enum, or write in "
                     "accept_risk why not");
        else if (functions & PROGRAM_WRITE)
                risk(lint, i, "writes",
                     "this program can write files or change the machine; pin every argument with lit or "
                     "enum, or write in accept_risk why not");
        else
                note(lint, i, "reads", "this program shows any file that its arguments name");
}

static void check_place(Lint *lint, const Capability *capability, size_t i)
{
        if (capability->bin && pattern_matches_path(PATTERN_PROGRAM, capability->bin))
                risk(lint, i, "place",
                     "users other than root may be able to write where this program is; use one below /usr, "
                     "or write in accept_risk why not");
}

/* A word or a path before "--" could be taken for an option by some programs, though it never begins with
 * a hyphen: "@file", "name=value". Numbers cannot. */
static bool needs_separator(const ArgumentConstraints *items)
{
        for (size_t i = 0; i < items->n; i++) {
                const ArgumentConstraint *item = &items->items[i];

                if ((item->kind == CONSTRAINT_LITERAL || item->kind == CONSTRAINT_INSERT) &&
                    item->repeat == CONSTRAINT_ONCE && streq(item->literal, "--"))
                        return false;
                if (item->kind == CONSTRAINT_WORD || item->kind == CONSTRAINT_PATH)
                        return true;
        }

        return false;
}

static void check_separator(Lint *lint, const Capability *capability, size_t i)
{
        if (capability->kind == CAPABILITY_SHELL_EXEC && needs_separator(&capability->argv))
                note(lint, i, "separator",
                     "put {insert: \"--\"} before the first argument that the caller chooses, if the "
                     "program "
                     "knows it");
}

static void check_tier(Lint *lint, const Capability *capability, size_t i)
{
        static const int least[_CAPABILITY_KIND_MAX] = {
                [CAPABILITY_FS_WRITE] = APPROVAL_MESSAGE,
                [CAPABILITY_SERVICE_RESTART] = APPROVAL_MESSAGE,
                [CAPABILITY_DOCKER_EXEC] = APPROVAL_SIGNED,
                [CAPABILITY_CAMERA_SNAPSHOT] = APPROVAL_SIGNED,
        };

        if (capability->approval >= least[capability->kind])
                return;

        note(lint, i, "tier",
             least[capability->kind] == APPROVAL_SIGNED
                     ? "approval: signed is what this kind should ask for; a hub that was broken into can "
                       "run it otherwise"
                     : "approval: message is what this kind should ask for; a homeserver can forge a "
                       "reaction");
}

/* Whether this row can approve a request of this tier, for which `signed` needs a key of their own. */
static bool can_approve(const ManifestApprover *approver, int tier)
{
        return tier != APPROVAL_SIGNED || !public_key_is_null(&approver->key);
}

/* The persons who can. */
static size_t count_approvers(const Manifest *manifest, int tier)
{
        const ManifestApprover *rows = manifest->approvers.items;
        size_t n = 0;

        for (size_t i = 0; i < manifest->approvers.n; i++) {
                bool counted = !can_approve(&rows[i], tier);

                for (size_t k = 0; k < i && !counted; k++)
                        counted = can_approve(&rows[k], tier) &&
                                  manifest_same_person(manifest, rows[k].principal, rows[i].principal);
                n += !counted;
        }

        return n;
}

/* Whether an approver has a room to react in. */
static bool can_react(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->approvers.n; i++)
                if (principal_is_matrix(manifest->approvers.items[i].principal))
                        return true;

        return false;
}

static void check_approvers(Lint *lint, const Capability *capability, size_t i)
{
        if (capability->approval == APPROVAL_NONE)
                return;
        if (capability->approval == APPROVAL_REACTION && lint->manifest->approvers.n > 0 &&
            !can_react(lint->manifest))
                note(lint, i, "reaction",
                     "no approver is a Matrix user, so none can react; approval: message is what "
                     "devboxctl approve and the dashboard give");
        if ((int64_t) count_approvers(lint->manifest, capability->approval) >= capability->approval_count)
                return;

        note(lint, i, "approvers",
             capability->approval == APPROVAL_SIGNED
                     ? "too few approvers have a key (pub), so this can never run"
                     : "there are too few approvers, so this can never run");
}

/* Whether a capability may run a program below this directory. */
static bool holds_program(const Manifest *manifest, const char *directory)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++) {
                const char *program = program_of(&manifest->capabilities.items[i]);

                if (program && *program == '/' && path_is_under(program, directory))
                        return true;
        }

        return false;
}

static void check_written(Lint *lint, size_t i, const char *path)
{
        if (pattern_matches_path(PATTERN_WRITE, path) || pattern_is_below(PATTERN_WRITE, path))
                risk(lint, i, "system",
                     "root's programs read or run what is written there; name a directory of data, or write "
                     "in "
                     "accept_risk why not");
        if (pattern_matches_path(PATTERN_HOME, path) || pattern_is_below(PATTERN_HOME, path))
                risk(lint, i, "home",
                     "login programs read files of a home (.profile, .ssh); name a directory in it, or "
                     "write "
                     "in accept_risk why not");
        if (holds_program(lint->manifest, path))
                risk(lint, i, "replaces",
                     "a program that this manifest allows is there and could be replaced; name another "
                     "directory, or write in accept_risk why not");
}

static void check_roots(Lint *lint, const Capability *capability, size_t i)
{
        for (size_t k = 0; k < capability->roots.n; k++) {
                const char *path = path_root_find(&lint->manifest->roots, capability->roots.items[k])->path;

                if (capability->kind == CAPABILITY_FS_WRITE)
                        check_written(lint, i, path);
                else if (capability->kind == CAPABILITY_FS_READ &&
                         (pattern_matches_path(PATTERN_READ, path) || pattern_is_below(PATTERN_READ, path)))
                        note(lint, i, "secrets",
                             "keys and passwords of programs are there; name a directory of data");
        }
}

static void check_units(Lint *lint, const Capability *capability, size_t i)
{
        for (size_t k = 0; capability->kind == CAPABILITY_SERVICE_RESTART && k < capability->units.n; k++)
                if (pattern_matches_unit(capability->units.items[k]))
                        risk(lint, i, "unit",
                             "much else depends on this unit, or it is of devbox; name a service, or write "
                             "in "
                             "accept_risk why not");
}

static void check_container(Lint *lint, const Capability *capability, size_t i)
{
        if (capability->kind != CAPABILITY_DOCKER_EXEC)
                return;
        if (capability->exec_kill == EXEC_KILL_UNSET)
                note(lint, i, "exec-kill",
                     "exec_kill is not set, so this is always rejected: write timeout if the container has "
                     "timeout(1), or none");
        if (capability->privileged_container)
                risk(lint, i, "privileged",
                     "a privileged container is the machine itself; leave allow_privileged_container out, "
                     "or write in accept_risk why not");
}

static void (*const capability_rules[])(Lint *lint, const Capability *capability, size_t i) = {
        check_program, check_place, check_separator, check_tier,
        check_roots,   check_units, check_approvers, check_container,
};

/* ---- the whole */

/* The keys of the examples are those of RFC 8032, section 7.1: their secret halves are public. */
static bool key_is_public_knowledge(const PublicKey *key)
{
        static const char *const known[] = {
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        };
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE)];

        hex_format(BYTES_OF(key->bytes), hex);
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(hex, known[i]))
                        return true;

        return false;
}

static void check_key(Lint *lint, const PublicKey *key, const char *list, size_t i)
{
        if (!key_is_public_knowledge(key))
                return;

        LintFinding *finding =
                add(lint, true, "example-key",
                    list ? "this is the key of an example, whose private key is public; put your own"
                         : "this is the key of an example, whose private key is public; put the output of "
                           "devboxctl device key");
        if (list)
                about(finding, list, i, NULL);
        else
                (void) snprintf(finding->path, sizeof finding->path, "dev_pub");
}

static void check_keys(Lint *lint)
{
        const Manifest *manifest = lint->manifest;

        check_key(lint, &manifest->device_key, NULL, 0);
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                check_key(lint, &manifest->dispatchers.items[i].key, "dispatchers", i);
        for (size_t i = 0; i < manifest->attesters.n; i++)
                check_key(lint, &manifest->attesters.items[i].key, "attesters", i);
        for (size_t i = 0; i < manifest->approvers.n; i++)
                check_key(lint, &manifest->approvers.items[i].key, "approvers", i);
}

/* Of a Matrix user who is not pinned. */
static void check_pin(Lint *lint, const PublicKey *master_key, const char *principal, const char *list,
                      size_t i)
{
        if (principal_is_matrix(principal) && public_key_is_null(master_key))
                about(add(lint, false, "pin",
                          "without msk, their cross-signing key, a homeserver can pose as them, and "
                          "nothing that they write counts; pin it with: devboxctl person add"),
                      list, i, principal);
}

/* The pin of an approver may be with the same user as an operator. */
static void check_pins(Lint *lint)
{
        const Manifest *manifest = lint->manifest;

        for (size_t i = 0; i < manifest->operators.n; i++)
                check_pin(lint, &manifest->operators.items[i].master_key,
                          manifest->operators.items[i].principal, "operators", i);
        for (size_t i = 0; i < manifest->approvers.n; i++)
                if (!manifest_find_operator(manifest, manifest->approvers.items[i].principal))
                        check_pin(lint, &manifest->approvers.items[i].master_key,
                                  manifest->approvers.items[i].principal, "approvers", i);
}

static void check_people(Lint *lint)
{
        const Manifest *manifest = lint->manifest;

        if (manifest_is_tombstone(manifest))
                return;
        if (manifest->device && manifest->dispatchers.n == 0) /* a template has none */
                (void) add(lint, false, "dispatchers", "no hub may request anything: dispatchers is empty");
        if (manifest->operators.n == 0)
                (void) add(lint, false, "operators", "no person may request anything: operators is empty");
        check_pins(lint);
}

static void check_life(Lint *lint)
{
        const Manifest *manifest = lint->manifest;

        if (manifest->expires_at_ms - manifest->issued_at_ms > LIFE_NOTICE)
                (void) add(lint, false, "life",
                           "valid for more than 30 days: a hub that hides a newer manifest can do so for as "
                           "long");
        if (manifest_is_dated_ahead(manifest, lint->now_ms)) {
                LintFinding *finding = add(lint, true, "life",
                                           "issued in the future, so every device rejects it until then; "
                                           "leave issued_at out");
                (void) snprintf(finding->path, sizeof finding->path, "issued_at");
        }
        for (size_t i = 0; i < manifest->dispatchers.n; i++)
                if (manifest->dispatchers.items[i].not_after_ms <= manifest->issued_at_ms)
                        about(add(lint, false, "life", "this key is already past its not_after"),
                              "dispatchers", i, NULL);
}

static void check_ceiling(Lint *lint)
{
        SchemaFault fault = { 0 };
        size_t at = 0;

        while (lint->ceiling && ceiling_check_next(lint->ceiling, lint->manifest, &at, &fault) != 0) {
                LintFinding *finding = add(lint, true, "ceiling", fault.why);

                (void) snprintf(finding->path, sizeof finding->path, "%.*s", (int) strcspn(fault.path, " "),
                                fault.path);
        }
}

static void (*const manifest_rules[])(Lint *lint) = { check_keys, check_people, check_life, check_ceiling };

int manifest_lint(const Manifest *manifest, const Ceiling *ceiling, uint64_t now_ms, LintReport *ret_report)
{
        Lint lint = { .manifest = manifest, .ceiling = ceiling, .now_ms = now_ms };

        for (size_t rule = 0; rule < ELEMENTSOF(manifest_rules); rule++)
                manifest_rules[rule](&lint);
        for (size_t i = 0; i < manifest->capabilities.n; i++)
                for (size_t rule = 0; rule < ELEMENTSOF(capability_rules); rule++)
                        capability_rules[rule](&lint, &manifest->capabilities.items[i], i);
        if (lint.error < 0) {
                lint_report_done(&lint.report);
                return lint.error;
        }

        *ret_report = lint.report;
        return 0;
}
