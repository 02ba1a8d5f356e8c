/* SPDX-License-Identifier: MIT */
/* Opens the chain that a command line names. */

#include "ctl/audit/open.h"

#include "ctl/problem.h"

int audit_open(const char *path, const char *device, AuditReader **ret_reader, char **ret_problem)
{
        int r = audit_reader_open(path, device, ret_reader);

        switch (r) {
        case 0:
        case -ENOMEM:
                return r;
        case -ENOENT:
                return problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                   "there is no chain at %s; give the file of an exported one", path);
        case -EACCES:
        case -EPERM:
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "%s cannot be read by this user: run as root, or give an exported chain",
                                   path);
        case -ESRCH:
                return device && *device != '\0'
                               ? problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND, "%s holds no chain of %s",
                                             path, device)
                               : problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                             "%s holds no chain of its own device, which is not enrolled; "
                                             "select that of another with --device",
                                             path);
        case -EBADMSG:
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "%s is neither an exported chain nor a ledger's database", path);
        default:
                return problem_set(ret_problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE, "cannot read %s: %s", path,
                                   strerror(-r));
        }
}
