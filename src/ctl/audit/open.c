/* SPDX-License-Identifier: MIT */
/* Opens the chain that a command line names. */

#include "ctl/audit/open.h"

#include "ctl/problem.h"

/* Of the own device only, whose name the ledger has. 1: opened. */
static int open_over_bus(const char *device, AuditReader **ret_reader, LedgerChain **ret_chain)
{
        _cleanup_(ledger_chain_freep) LedgerChain *chain = NULL;
        _cleanup_(freep) char *problem = NULL; /* dropped: that of the database is more useful */

        int r = ledger_chain_open(&chain, &problem);
        if (r == 0 && device && !streq(device, ledger_chain_device(chain)))
                r = -ESRCH;
        if (r == 0)
                r = audit_reader_open(ledger_chain_path(chain), NULL, ret_reader);
        if (r != 0)
                return r == -ENOMEM ? r : 0;

        if (ret_chain)
                *ret_chain = TAKE_PTR(chain);
        return 1;
}

static int reject(int r, const char *path, const char *device, char **ret_problem)
{
        switch (r) {
        case -ENOMEM:
                return r;
        case -ENOENT:
                return problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                   "there is no chain at %s; give the file of an exported one", path);
        case -EACCES:
        case -EPERM:
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "%s cannot be read by this user: run as root or a member of the group "
                                   "devbox-admin, or give an exported chain",
                                   path);
        case -ESRCH:
                return device && *device != '\0'
                               ? problem_set(ret_problem, DEVBOX_ERROR_NOT_FOUND, "%s holds no chain of %s",
                                             path, device)
                               : problem_set(
                                         ret_problem, DEVBOX_ERROR_NOT_FOUND,
                                         "%s holds no chain of its own device, which is not enrolled: run "
                                         "devboxctl device enroll, or select a chain with --device",
                                         path);
        case -EBADFD:
                return problem_set(ret_problem, DEVBOX_ERROR_ACCESS_DENIED,
                                   "cannot read %s: it is not a regular file", path);
        case -EBADMSG:
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_REQUEST,
                                   "%s is neither an exported chain nor a ledger's database", path);
        default:
                return problem_set(ret_problem, DEVBOX_ERROR_AUDIT_UNAVAILABLE, "cannot read %s: %s", path,
                                   strerror(-r));
        }
}

int audit_open(const char *path, const char *device, AuditReader **ret_reader, LedgerChain **ret_chain,
               char **ret_problem)
{
        if (ret_chain)
                *ret_chain = NULL;

        int r = audit_reader_open(path, device, ret_reader);
        if (r == 0)
                return 0;
        if ((r == -ENOENT || r == -EACCES || r == -EPERM) && streq(path, LEDGER_PATH)) {
                int opened = open_over_bus(device, ret_reader, ret_chain);
                if (opened != 0)
                        return MIN(opened, 0);
        }

        return reject(r, path, device, ret_problem);
}
