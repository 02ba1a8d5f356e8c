/* SPDX-License-Identifier: MIT */
#pragma once

/* devboxctl: one file for each verb, or for a few that belong together; this is what they share. */

#include "basic/macro.h"

/* Exit statuses, as devboxctl(1) has them. Those from 3 on are outcomes of devboxctl-audit(1). */
enum { CTL_FINE = 0, CTL_PROBLEM = 1, CTL_USAGE = 2 };

typedef enum CtlOption {
        OPTION_ALL,
        OPTION_CEILING,
        OPTION_CHECKPOINTS,
        OPTION_DB,
        OPTION_DEVICE,
        OPTION_DIR,
        OPTION_EVIDENCE,
        OPTION_EXPIRES,
        OPTION_FOLLOW,
        OPTION_FORMAT,
        OPTION_FROM,
        OPTION_HASH_ONLY,
        OPTION_KEEP_KEY,
        OPTION_KEY,
        OPTION_KEY_FD,
        OPTION_LABEL,
        OPTION_LINES,
        OPTION_MANIFEST_KEY,
        OPTION_NETWORK,
        OPTION_NEW_KEY,
        OPTION_NEW_KEY_FD,
        OPTION_OUTPUT,
        OPTION_PASSPHRASE_FD,
        OPTION_PREVIOUS,
        OPTION_PRINT,
        OPTION_ROOT,
        OPTION_ROOT_KEYS,
        OPTION_THRESHOLD,
        OPTION_WITNESS,
        _OPTION_MAX,
} CtlOption;

typedef struct Ctl {
        bool json;
        bool colour;
        const char *options[_OPTION_MAX]; /* as given; "" for one without a value; NULL: not given */
} Ctl;

/* Each verb prints what it found and returns an exit status. `args` are the words after the verb, ended by
 * NULL. Errors: -ENOMEM and failures of writing. */
int ctl_status(const Ctl *ctl, char **args);
int ctl_system(const Ctl *ctl, char **args);
int ctl_services(const Ctl *ctl, char **args);
int ctl_health(const Ctl *ctl, char **args);
int ctl_config_check(const Ctl *ctl, char **args);
int ctl_selftest(const Ctl *ctl, char **args);

int ctl_operator_init(const Ctl *ctl, char **args);
int ctl_operator_keygen(const Ctl *ctl, char **args);
int ctl_operator_sign(const Ctl *ctl, char **args);
int ctl_operator_show(const Ctl *ctl, char **args);
int ctl_operator_export_pub(const Ctl *ctl, char **args);
int ctl_operator_rotate(const Ctl *ctl, char **args);

int ctl_manifest_sign(const Ctl *ctl, char **args);
int ctl_manifest_verify(const Ctl *ctl, char **args);
int ctl_manifest_show(const Ctl *ctl, char **args);
int ctl_manifest_diff(const Ctl *ctl, char **args);
int ctl_manifest_lint(const Ctl *ctl, char **args);
int ctl_manifest_ceiling(const Ctl *ctl, char **args);

int ctl_audit_verify(const Ctl *ctl, char **args);
int ctl_audit_show(const Ctl *ctl, char **args);
int ctl_audit_tail(const Ctl *ctl, char **args);
int ctl_audit_export(const Ctl *ctl, char **args);
