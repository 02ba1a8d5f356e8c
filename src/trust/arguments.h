/* SPDX-License-Identifier: MIT */
#pragma once

/* The eleven capabilities, and the arguments that a request gives each: one table per kind, one struct for
 * all, in which a kind uses the fields named in its row. */

#include "crypto/sha256.h"
#include "schema/schema.h"

typedef enum CapabilityKind {
        CAPABILITY_SHELL_EXEC,
        CAPABILITY_FS_LIST,
        CAPABILITY_FS_READ,
        CAPABILITY_FS_WRITE,
        CAPABILITY_DOCKER_LIST,
        CAPABILITY_DOCKER_LOGS,
        CAPABILITY_DOCKER_EXEC,
        CAPABILITY_SENSORS_READ,
        CAPABILITY_SERVICE_STATUS,
        CAPABILITY_SERVICE_RESTART,
        CAPABILITY_CAMERA_SNAPSHOT,
        _CAPABILITY_KIND_MAX,
        _CAPABILITY_KIND_INVALID = -EINVAL,
} CapabilityKind;

typedef enum WriteMode { WRITE_CREATE, WRITE_REPLACE, _WRITE_MODE_MAX } WriteMode;

#define FS_READ_MAX  (1024 * 1024)
#define FS_WRITE_MAX (256 * 1024)
#define OUTPUT_MAX   (64 * 1024 * 1024) /* of each stream, passed on in constant memory */

typedef struct Arguments {
        LIST_OF(char *) argv;    /* shell.exec (argv[0] is the program's path), docker.exec */
        char *root;              /* fs.*: a name in the manifest's table of roots */
        char *path;              /* fs.*: relative to the root; absent = the root itself (fs.list only) */
        int64_t offset, length;  /* fs.read: bytes; length 0 = as much as allowed */
        int write_mode;          /* fs.write: WriteMode */
        SchemaBlob content;      /* fs.write */
        Sha256 expect_sha256;    /* fs.write, replace: only over content of this digest; zero = over any */
        char *container;         /* docker.logs, docker.exec: its name */
        int64_t tail;            /* docker.logs: lines */
        int64_t since_s;         /* docker.logs: seconds since the epoch; 0 = no bound */
        LIST_OF(char *) sensors; /* sensors.read: labels */
        char *unit;              /* service.*: with its suffix */
        char *device;            /* camera.snapshot: "/dev/video0" */
        int64_t width, height;   /* camera.snapshot */
} Arguments;

/* One table per kind, by CapabilityKind. */
extern const Schema arguments_schemas[_CAPABILITY_KIND_MAX];
extern const char *const capability_kind_names[_CAPABILITY_KIND_MAX + 1]; /* ends with NULL */

const char *capability_kind_name(CapabilityKind kind);      /* "shell.exec" */
CapabilityKind capability_kind_from_name(const char *name); /* or _CAPABILITY_KIND_INVALID */

/* Whether it only looks: what a device whose clock is not synchronised still does. */
bool capability_kind_is_read_only(CapabilityKind kind);

/* Whether the argument has this key: for the manifest's redact lists. */
bool arguments_key_exists(CapabilityKind kind, const char *key);
