// What illumos keeps in <sys/types.h>, <sys/param.h>, <sys/time.h> and <uuid/uuid.h>: only for declaring the rest.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>

extern "C" {

typedef enum { B_FALSE, B_TRUE } boolean_t;
typedef unsigned char uchar_t;
typedef unsigned short ushort_t;
typedef unsigned int uint_t;
typedef unsigned long ulong_t;
typedef long long longlong_t;
typedef unsigned long long u_longlong_t;
typedef longlong_t hrtime_t;
typedef int zoneid_t; /* id_t, 32 bits on LP64 */
typedef uint32_t datalink_id_t;
typedef uchar_t uuid_t[16]; /* same shape as libuuid on Linux */
struct priv_set;
typedef struct priv_set priv_set_t;
struct mnttab;
struct lifreq;

}  // extern "C"
