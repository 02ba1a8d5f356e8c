/* SPDX-License-Identifier: MIT */
/* The roots of the network. */

#include "mesh/roots.h"

#include "proto/error.h"

void roots_done(Roots *roots)
{
        root_free(roots->current);
        *roots = ROOTS_NULL;
}

/* Rows were verified before they were stored; the last is parsed only. */
static int read_rows(Statement *row, Roots *roots)
{
        int r;

        while ((r = statement_step(row)) > 0) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;
                _cleanup_(root_freep) Root *root = NULL;

                r = envelope_parse(bytes_of_string(statement_text(row, 0)), ENVELOPE_PAYLOAD_MAX, &envelope);
                if (r == 0)
                        r = root_parse(envelope_payload(envelope), &root, NULL);
                if (r != 0)
                        return r < 0 ? r : -EBADMSG;

                if (!roots->current)
                        roots->first_sha256 = envelope->digest;
                roots->sha256 = envelope->digest;
                root_free(roots->current);
                roots->current = TAKE_PTR(root);
        }
        return r;
}

int roots_load(Database *database, Roots *roots)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        _cleanup_(roots_done) Roots loaded = ROOTS_NULL;

        int r = query(database, &row, "SELECT envelope FROM root ORDER BY version", "");
        if (r >= 0)
                r = read_rows(row, &loaded);
        if (r < 0)
                return r;

        roots_done(roots);
        *roots = TAKE(loaded, ROOTS_NULL);
        return 0;
}

int roots_store(Database *database, const Roots *roots, const char *network, const char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(root_freep) Root *root = NULL;

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r != 0)
                return r;
        if (roots->current && sha256_equal(&envelope->digest, &roots->sha256))
                return 0;

        r = roots->current ? root_accept_next(roots->current, envelope, &root)
                           : root_accept_first(envelope, NULL, &root);
        if (r != 0)
                return r;
        if (!streq(root->network, network))
                return DEVBOX_ERROR_ROOT_CHAIN;

        return query_run(database, "INSERT INTO root VALUES (?, ?)", "it", root->version, text);
}
