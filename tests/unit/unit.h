/* What every unit test includes first: cmocka and what it needs. */
#ifndef SIGNPOST_UNIT_H
#define SIGNPOST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
