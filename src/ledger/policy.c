/* SPDX-License-Identifier: MIT */
/* The policy of the device: loads root, manifest and ceiling, and checks them against each other. */

#include "ledger/policy.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/ledger-database.h"
#include "basic/fd.h"
#include "basic/time.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "schema/yaml.h"

/* ---- root and manifest */

/* 1: there is one; 0: there is none. */
static int read_envelope(Database *database, const char *key, Envelope **ret_envelope)
{
        _cleanup_(freep) char *text = NULL;

        int r = state_read_text(database, key, &text);
        if (r <= 0)
                return r;

        r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, ret_envelope);
        return r < 0 ? r : r > 0 ? -EUCLEAN : 1;
}

static int load_root(Policy *policy, Database *database)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Root *root = NULL;

        int r = read_envelope(database, LEDGER_ROOT, &envelope);
        if (r <= 0)
                return r;
        r = root_accept_first(envelope, NULL, &root);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;

        root_free(policy->root);
        policy->root = root;
        policy->root_digest = envelope->digest;
        return 0;
}

int policy_review(Policy *policy, Database *database)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        int64_t confirmed = 0;

        policy->manifest = manifest_free(policy->manifest);
        int r = read_envelope(database, LEDGER_MANIFEST, &envelope);
        if (r <= 0)
                return r;
        r = manifest_parse(envelope_payload(envelope), &manifest, NULL);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        r = state_read_integer(database, LEDGER_MANIFEST_CONFIRMED_AT, &confirmed);
        if (r < 0)
                return r;

        policy->confirmed_at_ms = (uint64_t) confirmed;
        policy->floor = (ManifestFloor){ .epoch = manifest->epoch, .version = manifest->version };
        policy->floor.digest = envelope->digest;

        KeySet keys = policy->root ? root_key_set(policy->root, ROOT_ROLE_MANIFEST) : (KeySet){ 0 };
        r = envelope_verify(envelope, ENVELOPE_MANIFEST, &keys, NULL);
        if (r != 0)
                return r < 0 ? r : 0; /* its key is no longer in the root */

        policy->outside =
                ceiling_check(policy->ceiling ? policy->ceiling : &(Ceiling){ 0 }, manifest, NULL) != 0;
        policy->manifest = TAKE_PTR(manifest);
        return 0;
}

int policy_load(Policy *policy, Database *database)
{
        int r = load_root(policy, database);
        return r < 0 ? r : policy_review(policy, database);
}

void policy_done(Policy *policy)
{
        policy->root = root_free(policy->root);
        policy->manifest = manifest_free(policy->manifest);
        policy->ceiling = ceiling_free(policy->ceiling);
}

/* ---- ceiling */

static void set_problem(Policy *policy, const char *path, unsigned line, const char *what)
{
        if (line > 0)
                (void) snprintf(policy->problem, sizeof policy->problem, "%s:%u: %s", path, line, what);
        else
                (void) snprintf(policy->problem, sizeof policy->problem, "%s: %s", path, what);
}

/* Trusted writers: root, and the user of this process, who could change its memory anyway. */
static bool is_trusted(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
               (st.st_mode & 022) == 0;
}

static int read_ceiling_file(Policy *policy, const char *path, char **ret_text, size_t *ret_size)
{
        _cleanup_(fd_closep) int fd = fd_open_regular_at(AT_FDCWD, path, 0);
        _cleanup_(freep) char *text = malloc(YAML_SIZE_MAX + 1);

        if (!text)
                return -ENOMEM;
        if (fd < 0) {
                set_problem(policy, path, 0,
                            fd == -ENOENT   ? "it does not exist, so no manifest is allowed"
                            : fd == -EBADFD ? "it is not a regular file"
                                            : "it cannot be read");
                return 1;
        }
        if (!is_trusted(fd)) {
                set_problem(policy, path, 0, "it must be owned by root and writable by no other user");
                return 1;
        }

        ssize_t n = fd_pread_text(fd, text, YAML_SIZE_MAX + 1);
        if (n < 0) {
                set_problem(policy, path, 0, n == -EFBIG ? "it is too large" : "it cannot be read");
                return 1;
        }

        *ret_size = (size_t) n;
        *ret_text = TAKE_PTR(text);
        return 0;
}

int policy_load_ceiling(Policy *policy, const char *path)
{
        _cleanup_(freep) char *text = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;
        void *ceiling;
        size_t size;

        policy->ceiling = ceiling_free(policy->ceiling);
        policy->problem[0] = '\0';
        int r = read_ceiling_file(policy, path, &text, &size);
        if (r != 0)
                return r < 0 ? r : 0;

        r = schema_yaml_parse(&ceiling_schema, BYTES(text, size), time_now(CLOCK_REALTIME) / USEC_PER_MSEC,
                              &ceiling, &problems);
        if (r == -EBADMSG) {
                set_problem(policy, path, problems.items[0].line, problems.items[0].reason);
                return 0;
        }
        if (r < 0)
                return r;

        policy->ceiling = ceiling;
        return 0;
}
