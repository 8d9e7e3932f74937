/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CONTRACT_H
#define MEMONLINE_CONTRACT_H

/* What a prototype says to the compiler; both are in gcc 4.4 (EL6) and later. */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): as kmod names them */
/* Who calls it looks at what it returns: an error, or what has to be freed. */
#define _must_check_ __attribute__((warn_unused_result))
/* These arguments, counted from 1, are never NULL; what may be says so in its comment. */
#define _nonnull_(...) __attribute__((nonnull(__VA_ARGS__)))
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#endif
