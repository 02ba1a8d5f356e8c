/* SPDX-License-Identifier: MIT */
#pragma once

/* A template: a manifest without device, keys, version and dates, as YAML. Its capabilities may have the
 * short form; see short-form.h. Filled in with people and facts it gives the manifest to sign. Functions
 * that take `problems` add to them what is wrong, with its line. Errors: -EBADMSG there are problems;
 * -ENOMEM. */

#include "ctl/person/people.h"
#include "schema/yaml.h"
#include "trust/manifest.h"

typedef struct Template Template;

/* What a manifest has beyond its template. */
typedef struct ManifestFacts {
        const char *device;
        PublicKey device_key;           /* zero: not known yet, the manifest is for looking at */
        PublicKey dispatcher, attester; /* zero: none */
        int64_t epoch, version;
        Sha256 previous; /* zero: none */
        int64_t issued_at_ms;
        int64_t expires_at_ms; /* 0: that of the template */
} ManifestFacts;

/* Whether it is a template, and not the YAML of a whole manifest, which names its device. */
bool template_is(const YamlNode *yaml);

/* Borrows the tree, which must outlive the template. Expiry is counted from now. */
int template_parse(const YamlNode *yaml, uint64_t now_ms, Template **ret_template, YamlProblems *problems);
Template *template_free(Template *template);
DEFINE_CLEANUP(Template, template_free);

/* What can be known before it is filled in: device, keys and version are absent, so it cannot be formatted;
 * dates are from now. The caller frees it. */
int template_expand(const Template *template, const People *people, Manifest **ret_manifest,
                    YamlProblems *problems);

/* The manifest to sign, which is valid if the device's key is known. The caller frees it. */
int template_fill(const Template *template, const People *people, const ManifestFacts *facts,
                  Manifest **ret_manifest, YamlProblems *problems);

/* The line of a part of the expanded manifest, such as "capabilities[2].argv". */
unsigned template_line(const Template *template, const char *part);
