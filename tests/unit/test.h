/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_TEST_H
#define MEMONLINE_TEST_H

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
