/* SPDX-License-Identifier: MIT */
#pragma once

/* The people that templates name: people.yaml in the operator's directory, with the principals and keys of
 * each. It is where a name is given its meaning; manifests have the meaning only.
 *
 *     people:
 *       - name: ana
 *         mxid: "@ana:example.org"
 *         msk: <64 hexadecimal digits>
 *         local: ana
 *         groups: [admins]
 *
 * Functions return 0, or a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "trust/manifest.h"

typedef struct Person {
        char *name;           /* a label */
        char *mxid;           /* NULL: no Matrix user */
        PublicKey master_key; /* their pinned cross-signing key; zero: not pinned */
        char *local;          /* the Unix user of the hub; NULL: none */
        PublicKey key;        /* for approvals of the tier `signed`; zero: none */
        LIST_OF(char *) groups;
} Person;

typedef struct People {
        LIST_OF(Person) people;
} People;

extern const Schema people_schema;
DEFINE_DOCUMENT(People, people);

#define PEOPLE_FILE "people.yaml"

/* `dir` as in ctl/operator/files.h. No file: no people. */
int people_read(const char *dir, People **ret_people, char **ret_problem);
int people_write(const char *dir, const People *people, char **ret_problem);

/* NULL: there is no person of that name. */
Person *people_find(const People *people, const char *name);

/* Calls `add` for every principal that a name denotes: those of a person, of all people in a group, or the
 * principal itself. Each principal of a person is given once, whatever names it. Returns -ENOENT if the name
 * denotes no person, else what `add` returned if it is not 0. */
typedef int (*PrincipalAdd)(void *context, const char *principal, const Person *person);
int people_resolve(const People *people, const char *name, PrincipalAdd add, void *context);
