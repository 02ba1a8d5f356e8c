/* SPDX-License-Identifier: MIT */
/* Which chain the options mean. */

#include "ctl/audit/open.h"

#include "ctl/print.h"

#define LEDGER_PATH "/var/lib/devbox/ledger/ledger.db"

const char *audit_path(const Ctl *ctl)
{
        return ctl->options[OPTION_DB] ? ctl->options[OPTION_DB] : LEDGER_PATH;
}

int audit_open(const Ctl *ctl, const char *path, const char *device, AuditReader **ret_source)
{
        int r = audit_reader_open(path, device, ret_source);

        switch (r) {
        case 0:
        case -ENOMEM:
                return r;
        case -ENOENT:
                return print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                     "there is no chain at %s; give an exported one with --db", path);
        case -EACCES:
        case -EPERM:
                return print_failure(ctl, DEVBOX_ERROR_ACCESS_DENIED,
                                     "%s is for root to read; or give an exported chain with --db", path);
        case -ESRCH:
                return device && *device != '\0'
                               ? print_failure(ctl, DEVBOX_ERROR_NOT_FOUND, "%s holds no chain of %s", path,
                                               device)
                               : print_failure(ctl, DEVBOX_ERROR_NOT_FOUND,
                                               "%s holds no chain of its own device, which is not enrolled; "
                                               "those of others are chosen with --device",
                                               path);
        case -EBADMSG:
                return print_failure(ctl, DEVBOX_ERROR_BAD_REQUEST,
                                     "%s is neither an exported chain nor a ledger's database", path);
        default:
                return print_failure(ctl, DEVBOX_ERROR_AUDIT_UNAVAILABLE, "cannot read %s: %s", path,
                                     strerror(-r));
        }
}
