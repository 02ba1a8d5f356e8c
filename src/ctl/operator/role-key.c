/* SPDX-License-Identifier: MIT */
/* Finds the operator's key that may sign a kind of document. */

#include "ctl/operator/role-key.h"

#include <unistd.h>

#include "ctl/operator/files.h"
#include "ctl/operator/options.h"
#include "ctl/problem.h"

int operator_open_role_key(Ctl *ctl, const KeySource *source, const Root *root, RootRole role,
                           OperatorKey *ret_key)
{
        /* Next keys are among them: a crash may have prevented that a key got its own name. */
        static const char *const names[] = { MANIFEST_KEY, OPERATOR_KEY, NEXT_MANIFEST_KEY,
                                             NEXT_OPERATOR_KEY };
        const KeySource first = key_source_named(source, OPERATOR_KEY);
        bool given = key_source_is_given(source), found = false;

        for (size_t i = 0; i < (given ? 1 : ELEMENTSOF(names)); i++) {
                _cleanup_(operator_key_done) OperatorKey key = OPERATOR_KEY_NULL;
                const KeySource named = key_source_named(source, names[i]);
                _cleanup_(freep) char *path = NULL;

                int r = operator_path(source->dir, names[i], &path);
                if (r < 0)
                        return r;
                if (!given && access(path, F_OK) < 0 && errno == ENOENT)
                        continue;

                r = operator_open_key(ctl, &named, &key);
                if (r != 0)
                        return r;
                found = true;
                if (root_has_key(root, role, &key.public)) {
                        *ret_key = TAKE(key, OPERATOR_KEY_NULL);
                        return 0;
                }
        }

        if (!found) /* fails with the path of the key that was expected */
                return operator_key_open(&first, ret_key, &ctl->problem);
        return problem_set(&ctl->problem, DEVBOX_ERROR_UNKNOWN_KEY,
                           "the root does not let %s sign %ss; see: devboxctl operator show",
                           given ? "this key" : "any key that is here", root_role_name(role));
}
