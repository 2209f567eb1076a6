/* Included by our dependencies, which declare for themselves what they use of
 * it: see log.h beside this file. */
#ifndef PORTREEVE_STUB_OS_ACTIVITY_H
#define PORTREEVE_STUB_OS_ACTIVITY_H
#endif
