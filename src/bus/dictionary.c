/* SPDX-License-Identifier: MIT */
/* Structs as D-Bus dictionaries a{sv}. */

#include "bus/dictionary.h"

#include <math.h>

#define COUNT_MAX (((int64_t) 1 << 53) - 1)

static const char *const signatures[] = {
        [BUS_STRING] = "s", [BUS_TEXT] = "s",      [BUS_BOOL] = "b",   [BUS_INT32] = "i",
        [BUS_UINT64] = "t", [BUS_COUNT] = "t",     [BUS_DOUBLE] = "d", [BUS_BYTES] = "ay",
        [BUS_ARRAY] = "ay", [BUS_ROWS] = "aa{sv}", [BUS_TEXTS] = "as",
};

static const BusField *field_at(const BusDictionary *dictionary, size_t i)
{
        size_t size = dictionary->field_size > 0 ? dictionary->field_size : sizeof(BusField);

        return (const BusField *) ((const char *) dictionary->fields + i * size);
}

/* ---- writing */

static bool value_is_empty(const BusField *field, const void *object)
{
        const void *value = (const char *) object + field->offset;

        if (field->type == BUS_STRING || field->type == BUS_TEXT)
                return strempty(*(const char *const *) value)[0] == '\0';
        if (field->type == BUS_BYTES)
                return ((const Bytes *) value)->size == 0;

        return field->type == BUS_UINT64 && *(const uint64_t *) value == 0;
}

static bool value_is_unknown(const BusField *field, const void *object)
{
        const void *value = (const char *) object + field->offset;

        if (field->type == BUS_DOUBLE)
                return isnan(*(const double *) value);

        return field->type == BUS_UINT64 && *(const uint64_t *) value == UINT64_MAX;
}

static bool is_written(const BusField *field, const void *object)
{
        if (!field->key || (field->flags & BUS_OPTIONAL && value_is_empty(field, object)))
                return false;

        return !(field->flags & BUS_IF_KNOWN && value_is_unknown(field, object));
}

static size_t *length_of(const BusField *field, const void *object)
{
        return (size_t *) ((char *) object + field->size);
}

static int texts_append(sd_bus_message *message, const char *const *texts, size_t n)
{
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append_basic(message, 's', texts[i]);

        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int value_append(sd_bus_message *message, const BusField *field, const void *object)
{
        const void *value = (const char *) object + field->offset;

        switch (field->type) {
        case BUS_STRING:
        case BUS_TEXT:
                return sd_bus_message_append_basic(message, 's', strempty(*(const char *const *) value));
        case BUS_BOOL:
                return sd_bus_message_append_basic(message, 'b', &(int){ *(const bool *) value });
        case BUS_BYTES:
                return sd_bus_message_append_array(message, 'y', ((const Bytes *) value)->data,
                                                   ((const Bytes *) value)->size);
        case BUS_ARRAY:
                return sd_bus_message_append_array(message, 'y', value, field->size);
        case BUS_ROWS:
                return bus_rows_append(message, field->rows, value, *length_of(field, object));
        case BUS_TEXTS:
                return texts_append(message, value, *length_of(field, object));
        default: /* a number has the same representation on the bus */
                return sd_bus_message_append_basic(message, signatures[field->type][0], value);
        }
}

static int entry_append(sd_bus_message *message, const BusField *field, const void *object)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', field->key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', signatures[field->type]);
        if (r >= 0)
                r = value_append(message, field, object);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r;
}

int bus_dictionary_append(sd_bus_message *message, const BusDictionary *dictionary, const void *object)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        for (size_t i = 0; r >= 0 && i < dictionary->n_fields; i++) {
                const BusField *field = field_at(dictionary, i);

                if (is_written(field, object))
                        r = entry_append(message, field, object);
        }

        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_rows_append(sd_bus_message *message, const BusRows *rows, const void *array, size_t n)
{
        int r = sd_bus_message_open_container(message, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = bus_dictionary_append(message, rows->row, (const char *) array + i * rows->row_size);

        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_reply_dictionary(sd_bus_message *call, const BusDictionary *dictionary, const void *object)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_dictionary_append(reply, dictionary, object);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return MIN(r, 0);
}

int bus_reply_rows_begin(sd_bus_message *call, sd_bus_message **ret_reply)
{
        int r = sd_bus_message_new_method_return(call, ret_reply);

        return r < 0 ? r : sd_bus_message_open_container(*ret_reply, 'a', "a{sv}");
}

int bus_reply_rows_send(int r, sd_bus_message *reply)
{
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return MIN(r, 0);
}

/* ---- reading */

static int read_rows(sd_bus_message *message, const BusRows *rows, void **array, size_t *n, bool is_new);

static int read_string(sd_bus_message *message, char **string)
{
        const char *text;

        int r = sd_bus_message_read_basic(message, 's', &text);
        if (r < 0)
                return r;

        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;

        free(*string);
        *string = copy;
        return 0;
}

static int read_bool(sd_bus_message *message, bool *ret_value)
{
        int value;

        int r = sd_bus_message_read_basic(message, 'b', &value);
        if (r >= 0)
                *ret_value = value;
        return r;
}

static int read_count(sd_bus_message *message, int64_t *ret_value)
{
        uint64_t value;

        int r = sd_bus_message_read_basic(message, 't', &value);
        if (r < 0)
                return r;
        if (value > COUNT_MAX)
                return -EBADMSG;

        *ret_value = (int64_t) value;
        return 0;
}

static int read_bytes(sd_bus_message *message, Bytes *ret_bytes)
{
        const void *data;
        size_t size;

        int r = sd_bus_message_read_array(message, 'y', &data, &size);
        if (r >= 0)
                *ret_bytes = BYTES(data, size);
        return r;
}

int bus_array_read(sd_bus_message *message, void *ret_array, size_t size)
{
        Bytes bytes;

        int r = read_bytes(message, &bytes);
        if (r < 0)
                return r;
        if (bytes.size != size)
                return -EBADMSG;

        memcpy(ret_array, bytes.data, size);
        return 0;
}

static int read_texts(sd_bus_message *message, const char **texts, size_t *ret_n)
{
        size_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                if (n == BUS_TEXTS_MAX)
                        return -EBADMSG;
                r = sd_bus_message_read_basic(message, 's', &texts[n++]);
        }
        if (r < 0)
                return r;

        *ret_n = n;
        return sd_bus_message_exit_container(message);
}

static int value_read(sd_bus_message *message, const BusField *field, void *object)
{
        void *value = (char *) object + field->offset;

        switch (field->type) {
        case BUS_STRING:
                return read_string(message, value);
        case BUS_BOOL:
                return read_bool(message, value);
        case BUS_COUNT:
                return read_count(message, value);
        case BUS_BYTES:
                return read_bytes(message, value);
        case BUS_ARRAY:
                return bus_array_read(message, value, field->size);
        case BUS_ROWS:
                return read_rows(message, field->rows, &value, length_of(field, object), false);
        case BUS_TEXTS:
                return read_texts(message, value, length_of(field, object));
        default:
                return sd_bus_message_read_basic(message, signatures[field->type][0], value);
        }
}

/* The number of the field, or that of all fields if there is none. */
static size_t find_field(const BusDictionary *dictionary, const char *key)
{
        size_t i = 0;

        for (; i < dictionary->n_fields; i++)
                if (field_at(dictionary, i)->key && streq(field_at(dictionary, i)->key, key))
                        break;

        return i;
}

/* `seen` has a bit for each field. */
static int entry_read(sd_bus_message *message, const BusDictionary *dictionary, void *object, uint64_t *seen)
{
        const char *key;

        int r = sd_bus_message_read_basic(message, 's', &key);
        if (r < 0)
                return r;

        size_t i = find_field(dictionary, key);
        if (i == dictionary->n_fields)
                return dictionary->strict ? -EBADMSG : sd_bus_message_skip(message, "v");

        const BusField *field = field_at(dictionary, i);
        uint64_t bit = UINT64_C(1) << i;
        if (dictionary->strict && *seen & bit)
                return -EBADMSG;
        *seen |= bit;

        r = sd_bus_message_enter_container(message, 'v', signatures[field->type]);
        if (r < 0)
                return r;
        r = value_read(message, field, object);
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(message);
}

static bool is_complete(const BusDictionary *dictionary, uint64_t seen)
{
        for (size_t i = 0; i < dictionary->n_fields; i++)
                if (field_at(dictionary, i)->flags & BUS_REQUIRED && !(seen & UINT64_C(1) << i))
                        return false;

        return true;
}

static int read_dictionary(sd_bus_message *message, const BusDictionary *dictionary, void *object)
{
        uint64_t seen = 0;

        assert(dictionary->n_fields <= 64);
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = entry_read(message, dictionary, object, &seen);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (!is_complete(dictionary, seen))
                return -EBADMSG;

        return sd_bus_message_exit_container(message);
}

static int grow(const BusRows *rows, void **array, size_t n)
{
        char *grown = reallocarray(*array, n + 1, rows->row_size);

        if (!grown)
                return -ENOMEM;

        memset(grown + n * rows->row_size, 0, rows->row_size);
        *array = grown;
        return 0;
}

static int read_rows(sd_bus_message *message, const BusRows *rows, void **array, size_t *n, bool is_new)
{
        int r = sd_bus_message_enter_container(message, 'a', "a{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                if (*n >= rows->max)
                        return -EBADMSG;
                if (is_new)
                        r = grow(rows, array, *n);
                if (r == 0)
                        r = read_dictionary(message, rows->row, (char *) *array + (*n)++ * rows->row_size);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* sd-bus has several codes for a message of another type. */
static int read_error(int r)
{
        if (r >= 0)
                return 0;

        return r == -ENOMEM ? -ENOMEM : -EBADMSG;
}

int bus_dictionary_read(sd_bus_message *message, const BusDictionary *dictionary, void *object)
{
        return read_error(read_dictionary(message, dictionary, object));
}

int bus_rows_read(sd_bus_message *message, const BusRows *rows, void *array, size_t *n)
{
        return read_error(read_rows(message, rows, &array, n, false));
}

int bus_rows_read_new(sd_bus_message *message, const BusRows *rows, void **ret_array, size_t *ret_n)
{
        *ret_array = NULL;
        *ret_n = 0;
        return read_error(read_rows(message, rows, ret_array, ret_n, true));
}
