/* The part of Apple's unified logging interface that our dependencies compile
 * against, in our own words, so that a machine without Xcode can compile and
 * link for macOS. A release is built on a Mac, with Apple's own header. */
#ifndef PORTREEVE_STUB_OS_LOG_H
#define PORTREEVE_STUB_OS_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct os_log_s;
typedef struct os_log_s *os_log_t;

typedef uint8_t os_log_type_t;
enum {
    OS_LOG_TYPE_DEFAULT = 0x00,
    OS_LOG_TYPE_INFO = 0x01,
    OS_LOG_TYPE_DEBUG = 0x02,
    OS_LOG_TYPE_ERROR = 0x10,
    OS_LOG_TYPE_FAULT = 0x11,
};

extern struct os_log_s _os_log_default;
#define OS_LOG_DEFAULT (&_os_log_default)
#define OS_LOG_DISABLED ((os_log_t)0)

/* The address of the image that logs: ld provides it. */
extern struct mach_header __dso_handle;

os_log_t os_log_create(const char *subsystem, const char *category);
bool os_log_type_enabled(os_log_t log, os_log_type_t type);

void _os_log_impl(void *dso, os_log_t log, os_log_type_t type,
                  const char *format, uint8_t *buffer, uint32_t size);

/* logd finds the format by its offset in the image, so it must lie in the
 * section that it looks in. */
#define os_log_with_type(log, type, format, ...)                               \
    do {                                                                       \
        os_log_t portreeve_log_ = (log);                                       \
        os_log_type_t portreeve_type_ = (type);                                \
        if (os_log_type_enabled(portreeve_log_, portreeve_type_)) {            \
            static const char portreeve_format_[]                              \
                __attribute__((section("__TEXT,__oslogstring,cstring_literals"))) = \
                    format;                                                    \
            uint8_t __attribute__((aligned(16)))                               \
            portreeve_buffer_[__builtin_os_log_format_buffer_size(             \
                format, ##__VA_ARGS__)];                                       \
            _os_log_impl(&__dso_handle, portreeve_log_, portreeve_type_,       \
                         portreeve_format_,                                    \
                         (uint8_t *)__builtin_os_log_format(                   \
                             portreeve_buffer_, format, ##__VA_ARGS__),        \
                         (uint32_t)sizeof(portreeve_buffer_));                 \
        }                                                                      \
    } while (0)

#endif
