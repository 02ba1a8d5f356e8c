/* SPDX-License-Identifier: MIT */
#pragma once

/* Samples as JSON: the bodies of GET /system and GET /services, and the output of devboxctl --json. */

#include "codec/json.h"
#include "sample/sample.h"

/* Each adds one value: an object, and an array of objects. */
void system_sample_add_json(Json *json, const char *key, const SystemSample *sample);
void unit_samples_add_json(Json *json, const char *key, const UnitSamples *samples);

/* A document each, {"cpu_percent":…} and {"services":[…]}; the caller frees it. `ret_size` may be NULL.
 * Errors: -ENOMEM. */
int system_sample_to_json(const SystemSample *sample, char **ret_json, size_t *ret_size);
int unit_samples_to_json(const UnitSamples *samples, char **ret_json, size_t *ret_size);
