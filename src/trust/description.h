/* SPDX-License-Identifier: MIT */
#pragma once

/* What a request asks for, in the one line that people decide on. */

#include "trust/constraint.h"
#include "trust/request.h"

/* In requests for paths below no root of the manifest, which the device rejects: below "/". */
#define PATH_ROOT_NONE "none"

/* "fs.write /home/ana/x (5 bytes, a new file, sha256 2cf2…)": the capability and all of its arguments, but
 * of the content of a file size and digest. Words are quoted as bash reads them, and what would not be seen
 * is escaped. A path is absolute; below a root that is not among these it is ROOT:PATH. The caller frees the
 * text. Errors: -ENOMEM. */
int request_describe(const Request *request, const PathRoots *roots, char **ret_text);
