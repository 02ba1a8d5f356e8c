/* SPDX-License-Identifier: MIT */
/* Bodies that the hub sends to an agent: what is read can be written, and is the same when it is read again.
 */

#include "agent/bodies.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const Schema *const schemas[] = { &run_body_schema, &documents_body_schema,
                                                 &cosignature_body_schema };

        for (size_t i = 0; i < ELEMENTSOF(schemas); i++) {
                _cleanup_(freep) char *text = NULL, *second = NULL;
                void *body = NULL, *again = NULL;

                if (schema_parse(schemas[i], BYTES(data, size), &body, NULL) != 0)
                        continue;

                fuzz_check(schema_format(schemas[i], body, &text, NULL) == 0);
                fuzz_check(schema_parse(schemas[i], bytes_of_string(text), &again, NULL) == 0);
                fuzz_check(schema_format(schemas[i], again, &second, NULL) == 0);
                fuzz_check(streq(text, second));
                schema_free(schemas[i], body);
                schema_free(schemas[i], again);
        }

        return 0;
}
