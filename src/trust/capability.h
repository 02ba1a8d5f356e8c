/* SPDX-License-Identifier: MIT */
#pragma once

/* A capability of a manifest: which arguments, with whose approval, how often. Each kind has its own table;
 * an unknown key invalidates the manifest. */

#include "trust/approval.h"
#include "trust/arguments.h"
#include "trust/constraint.h"

typedef enum ExecKill { EXEC_KILL_UNSET, EXEC_KILL_TIMEOUT, EXEC_KILL_NONE, _EXEC_KILL_MAX } ExecKill;

typedef struct Rate {
        int64_t n, per_s; /* n == 0: no limit */
} Rate;

typedef struct Window {
        char *days; /* "1-7", "1-5", "6": Monday is 1; NULL: no limit */
        char *utc;  /* "08:00-18:00"; the end is not part of it; 24:00 is allowed there */
} Window;

typedef struct Capability {
        int kind; /* CapabilityKind */
        char *id; /* a label, unique in the manifest */

        int approval;           /* ApprovalTier that a request needs at least */
        int64_t approval_count; /* distinct approvers */
        bool approval_self;     /* the requester may be one of them */
        int64_t timeout_s, max_output, max_age_s;
        Rate rate;
        Window window;
        bool queue;             /* may wait at the hub while the device is away */
        bool strict;            /* rejected when the manifest was not confirmed for stale_max_s */
        LIST_OF(char *) redact; /* keys of the arguments that the audit chain keeps only as digests */
        char *accept_risk;      /* why the operator allows what the linter warns of */

        char *bin;                /* shell.exec: an absolute path */
        Sha256 bin_sha256;        /* shell.exec: zero = any content */
        LIST_OF(SchemaPair) env;  /* shell.exec: only locale, time zone and width */
        char *cwd;                /* shell.exec, docker.exec: NULL = "/" */
        ArgumentConstraints argv; /* shell.exec: what follows the program; docker.exec: the whole command */
        LIST_OF(char *) roots;    /* fs.*: labels in the manifest's table */
        int64_t max_bytes;        /* fs.read, fs.write */
        bool replace;             /* fs.write: may also replace */
        LIST_OF(char *) containers; /* docker.*: names; docker.list: absent = all */
        char *user;                 /* docker.exec: NULL = the image's */
        int exec_kill;              /* docker.exec: ExecKill; unset: never run */
        bool privileged_container;  /* docker.exec: may run in one */
        LIST_OF(char *) sensors;    /* sensors.read */
        LIST_OF(char *) units;      /* service.* */
        LIST_OF(char *) cameras;    /* camera.snapshot: device nodes */
        int64_t max_width, max_height;
} Capability;

extern const Schema capability_schema;

/* Whether this entry allows the arguments. Errors: DEVBOX_ERROR_BINARY_NOT_ALLOWED another program,
 * container, unit, sensor or camera; DEVBOX_ERROR_ARGS_DENIED; DEVBOX_ERROR_PATH_DENIED. */
int capability_match(const Capability *capability, const PathRoots *roots, const Arguments *arguments);

/* The same of shell.exec and docker.exec, and what is executed, from the program on, borrowed from both;
 * `ret_executed` may be NULL. */
int capability_match_command(const Capability *capability, const PathRoots *roots,
                             const Arguments *arguments, ExecutedArguments *ret_executed);

/* Whether the time is within the days and hours of the entry. */
bool capability_window_open(const Capability *capability, uint64_t now_ms);

/* The name in messages and audit entries: "shell.exec.rm", "docker.exec.web", "fs.read.logs". */
void capability_subject(CapabilityKind kind, const Arguments *arguments, char ret_subject[static 64]);
