/*
 * The unit tests' sample registry (tests/unit/sample.h) for harnesses: the same records, and a
 * complaint of the sample's is a finding.
 */
#ifndef SIGNPOST_FUZZ_RECORDS_H
#define SIGNPOST_FUZZ_RECORDS_H

#include "fuzz.h"

#define assert_int_equal(wanted, is) require((wanted) == (is))
#define assert_non_null(pointer)     require((pointer) != NULL)
#define fail_msg(...)                    \
    do {                                 \
        fprintf(stderr, __VA_ARGS__);    \
        require(!"the sample is sound"); \
    } while (0)

#include "../unit/sample.h"

#endif
