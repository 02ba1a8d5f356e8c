/* SPDX-License-Identifier: MIT */
/* Strict JSON against a second parser, jansson: what the profile accepts, both read alike; what jansson
 * reads as a document of the profile, the profile accepts. */

#include "codec/strict-json.h"

#include <jansson.h>

#include "fuzz.h"

static bool equal(const cJSON *ours, const json_t *theirs)
{
        switch (json_typeof(theirs)) {
        case JSON_OBJECT:
                if (!cJSON_IsObject(ours) || (size_t) cJSON_GetArraySize(ours) != json_object_size(theirs))
                        return false;
                for (const cJSON *member = ours->child; member; member = member->next) {
                        const json_t *value = json_object_get(theirs, member->string);
                        if (!value || !equal(member, value))
                                return false;
                }
                return true;
        case JSON_ARRAY:
                if (!cJSON_IsArray(ours) || (size_t) cJSON_GetArraySize(ours) != json_array_size(theirs))
                        return false;
                for (size_t i = 0; i < json_array_size(theirs); i++)
                        if (!equal(cJSON_GetArrayItem(ours, (int) i), json_array_get(theirs, i)))
                                return false;
                return true;
        case JSON_STRING:
                return cJSON_IsString(ours) && strlen(ours->valuestring) == json_string_length(theirs) &&
                       streq(ours->valuestring, json_string_value(theirs));
        case JSON_INTEGER:
                return cJSON_IsNumber(ours) && ours->valuedouble == (double) json_integer_value(theirs);
        case JSON_TRUE:
                return cJSON_IsTrue(ours);
        case JSON_FALSE:
                return cJSON_IsFalse(ours);
        case JSON_NULL:
                return cJSON_IsNull(ours);
        default:
                return false;
        }
}

static bool string_in_profile(const char *text, size_t length)
{
        return strlen(text) == length && strict_json_text_valid(text);
}

/* Whether the profile has a spelling of it. */
static bool in_profile(json_t *value, unsigned depth)
{
        size_t i;
        const char *key;
        json_t *member;

        if (depth > STRICT_JSON_DEPTH)
                return !json_is_object(value) && !json_is_array(value);
        json_object_foreach(value, key, member) if (!strict_json_text_valid(key) ||
                                                    !in_profile(member, depth + 1)) return false;
        json_array_foreach(value, i, member) if (!in_profile(member, depth + 1)) return false;
        if (json_is_string(value))
                return string_in_profile(json_string_value(value), json_string_length(value));
        if (json_is_integer(value))
                return json_integer_value(value) >= -STRICT_JSON_INTEGER &&
                       json_integer_value(value) <= STRICT_JSON_INTEGER;

        return !json_is_real(value) && json_object_size(value) <= STRICT_JSON_MEMBERS;
}

/* Texts that jansson reads although they are no JSON of the profile: a signed zero is an integer without its
 * sign, and a NUL after a number is skipped. */
static bool read_loosely(Bytes text)
{
        return memmem(text.data, text.size, "-0", 2) || memchr(text.data, '\0', text.size);
}

/* What was read is written and read again without a change. */
static void check_round_trip(const cJSON *tree)
{
        _cleanup_(json_deletep) cJSON *again = NULL;
        _cleanup_(freep) char *text = NULL, *twice = NULL;

        fuzz_check(strict_json_format(tree, &text) == 0);
        fuzz_check(strict_json_parse(bytes_of_string(text), SIZE_MAX, &again, NULL) == 0);
        fuzz_check(strict_json_format(again, &twice) == 0);
        fuzz_check(streq(text, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(json_deletep) cJSON *ours = NULL;
        JsonFault fault = { 0 };

        int r = strict_json_parse(BYTES(data, size), 65536, &ours, &fault);
        json_t *theirs = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);

        if (r == 0) {
                fuzz_check(theirs && equal(ours, theirs));
                check_round_trip(ours);
        } else if (size <= STRICT_JSON_VALUES)
                fuzz_check(!theirs || !json_is_object(theirs) || !in_profile(theirs, 1) ||
                           read_loosely(BYTES(data, size)));

        json_decref(theirs);
        return 0;
}
