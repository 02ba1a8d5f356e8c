/* SPDX-License-Identifier: MIT */
/* Frames of an agent, however they are cut. */

#include "proto/frames.h"

#include "test.h"

static const uint8_t stream[] = { 'A', 0, 0,   0,   2, '{', '}', 'O', 0,   0,   0,  0,
                                  'O', 0, 0,   0,   4, 'l', 'o', 'n', 'g', 'E', 0,  0,
                                  0,   1, 'x', 'R', 0, 0,   0,   3,   'e', 'n', 'd' };

/* Output has no length here: it is passed on in pieces. */
static int append(char type, Bytes payload, void *userdata)
{
        if (type == 'O' || type == 'E')
                text_append_bytes(userdata, payload.data, payload.size);
        else
                text_appendf(userdata, " %c%zu:%.*s ", type, payload.size, (int) payload.size,
                             (const char *) payload.data);
        return 0;
}

static void test_any_cut(void **state)
{
        for (size_t piece = 1; piece <= sizeof stream; piece++) {
                _cleanup_(frames_done) Frames frames = { .n_header = 0 };
                _cleanup_(text_done) Text seen = TEXT_NULL;

                for (size_t at = 0; at < sizeof stream; at += piece)
                        assert_ok(frames_feed(&frames, BYTES(stream + at, MIN(piece, sizeof stream - at)),
                                              append, &seen));
                assert_string_equal(seen.data, " A2:{} longx R3:end ");
        }
}

static void test_frame_that_is_too_long(void **state)
{
        static const uint8_t header[] = { 'O', 0x7f, 0, 0, 0 };
        _cleanup_(frames_done) Frames frames = { .n_header = 0 };

        assert_err(frames_feed(&frames, BYTES_OF(header), append, NULL), -EPROTO);
}

/* Nothing of it is kept. */
static void test_output_is_passed_on_as_it_arrives(void **state)
{
        static const uint8_t begun[] = { 'O', 0, 1, 0, 0, 'x', 'y' };
        _cleanup_(frames_done) Frames frames = { .n_header = 0 };
        _cleanup_(text_done) Text seen = TEXT_NULL;

        assert_ok(frames_feed(&frames, BYTES_OF(begun), append, &seen));
        assert_string_equal(seen.data, "xy");
        assert_int_equal(frames.payload.room, 0);
}

static int reject_frame(char type, Bytes payload, void *userdata)
{
        return -ENOSPC;
}

static void test_error_of_the_handler(void **state)
{
        _cleanup_(frames_done) Frames frames = { .n_header = 0 };

        assert_err(frames_feed(&frames, BYTES_OF(stream), reject_frame, NULL), -ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_cut),
                cmocka_unit_test(test_frame_that_is_too_long),
                cmocka_unit_test(test_output_is_passed_on_as_it_arrives),
                cmocka_unit_test(test_error_of_the_handler),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
