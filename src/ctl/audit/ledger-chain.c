/* SPDX-License-Identifier: MIT */
/* The chain of this machine's ledger, copied over D-Bus. */

#include "ctl/audit/ledger-chain.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "ctl/client.h"
#include "ctl/device/ledger-client.h"
#include "ctl/problem.h"

struct LedgerChain {
        sd_bus *bus;
        int fd; /* of a file without a name */
        char path[32];
        ChainIdentity identity;
        uint64_t size; /* entries in the file */
};

LedgerChain *ledger_chain_free(LedgerChain *chain)
{
        if (!chain)
                return NULL;

        sd_bus_flush_close_unref(chain->bus);
        fd_close(chain->fd);
        free(chain);
        return NULL;
}

const char *ledger_chain_path(const LedgerChain *chain)
{
        return chain->path;
}

const char *ledger_chain_device(const LedgerChain *chain)
{
        return chain->identity.device;
}

static int write_text(const LedgerChain *chain, const Text *text)
{
        return text->error < 0 ? text->error
                               : fd_write_all(chain->fd, (Bytes){ (uint8_t *) text->data, text->size });
}

static int write_entry(const AuditEntry *entry, void *userdata)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        LedgerChain *chain = userdata;

        audit_write_entry(AUDIT_FORM_BINARY, entry, &text);
        chain->size++;
        return write_text(chain, &text);
}

int ledger_chain_update(LedgerChain *chain, char **ret_problem)
{
        uint64_t before;
        int r;

        do {
                before = chain->size;
                r = ledger_client_export(chain->bus, before, write_entry, chain, ret_problem);
        } while (r == 0 && chain->size > before);

        return r;
}

static int begin_file(LedgerChain *chain)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        chain->fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
        if (chain->fd < 0)
                return -errno;

        (void) snprintf(chain->path, sizeof chain->path, "/proc/self/fd/%d", chain->fd);
        audit_write_head(AUDIT_FORM_BINARY, &chain->identity, &text);
        return write_text(chain, &text);
}

static int get_identity(LedgerChain *chain, char **ret_problem)
{
        _cleanup_(device_status_done) DeviceStatus status = DEVICE_STATUS_NULL;

        int r = ledger_client_get_status(chain->bus, &status, ret_problem);
        if (r != 0)
                return r;
        if (*status.device == '\0')
                return problem_set(ret_problem, DEVBOX_ERROR_NOT_ENROLLED, "%s",
                                   devbox_error_sentence(DEVBOX_ERROR_NOT_ENROLLED));

        (void) snprintf(chain->identity.device, sizeof chain->identity.device, "%s", status.device);
        memcpy(chain->identity.chain.bytes, status.chain_id, CHAIN_ID_SIZE);
        return 0;
}

int ledger_chain_open(LedgerChain **ret_chain, char **ret_problem)
{
        _cleanup_(ledger_chain_freep) LedgerChain *chain = calloc(1, sizeof *chain);

        if (!chain)
                return -ENOMEM;

        chain->fd = -EBADF;
        int r = client_open(NULL, &chain->bus, ret_problem);
        if (r == 0)
                r = get_identity(chain, ret_problem);
        if (r == 0)
                r = begin_file(chain);
        if (r == 0)
                r = ledger_chain_update(chain, ret_problem);
        if (r != 0)
                return r;

        *ret_chain = TAKE_PTR(chain);
        return 0;
}
