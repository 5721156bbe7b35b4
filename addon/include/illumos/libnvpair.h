// Lists of named values.
#pragma once

#include "illumos_types.h"

extern "C" {

typedef struct nvlist nvlist_t;
typedef struct nvpair nvpair_t;

typedef enum {
  DATA_TYPE_UNKNOWN = 0,
  DATA_TYPE_BOOLEAN,
  DATA_TYPE_BYTE,
  DATA_TYPE_INT16,
  DATA_TYPE_UINT16,
  DATA_TYPE_INT32,
  DATA_TYPE_UINT32,
  DATA_TYPE_INT64,
  DATA_TYPE_UINT64,
  DATA_TYPE_STRING,
  DATA_TYPE_BYTE_ARRAY,
  DATA_TYPE_INT16_ARRAY,
  DATA_TYPE_UINT16_ARRAY,
  DATA_TYPE_INT32_ARRAY,
  DATA_TYPE_UINT32_ARRAY,
  DATA_TYPE_INT64_ARRAY,
  DATA_TYPE_UINT64_ARRAY,
  DATA_TYPE_STRING_ARRAY,
  DATA_TYPE_HRTIME,
  DATA_TYPE_NVLIST,
  DATA_TYPE_NVLIST_ARRAY,
  DATA_TYPE_BOOLEAN_VALUE,
  DATA_TYPE_INT8,
  DATA_TYPE_UINT8,
  DATA_TYPE_BOOLEAN_ARRAY,
  DATA_TYPE_INT8_ARRAY,
  DATA_TYPE_UINT8_ARRAY,
  DATA_TYPE_DOUBLE
} data_type_t; /* 0 .. 27; also DATA_TYPE_DONTCARE = -1 */
#define NV_UNIQUE_NAME 0x1
#define NV_UNIQUE_NAME_TYPE 0x2
#define NV_ENCODE_NATIVE 0
#define NV_ENCODE_XDR 1

extern int nvlist_alloc(nvlist_t**, uint_t, int);
extern void nvlist_free(nvlist_t*);
extern int nvlist_dup(nvlist_t*, nvlist_t**, int);
extern int nvlist_pack(nvlist_t*, char**, size_t*, int, int);
extern int nvlist_unpack(char*, size_t, nvlist_t**, int);
extern boolean_t nvlist_exists(nvlist_t*, const char*);
extern boolean_t nvlist_empty(nvlist_t*);
extern int nvlist_add_boolean(nvlist_t*, const char*);
extern int nvlist_add_boolean_value(nvlist_t*, const char*, boolean_t);
extern int nvlist_add_int32(nvlist_t*, const char*, int32_t);
extern int nvlist_add_uint32(nvlist_t*, const char*, uint32_t);
extern int nvlist_add_int64(nvlist_t*, const char*, int64_t);
extern int nvlist_add_uint64(nvlist_t*, const char*, uint64_t);
extern int nvlist_add_string(nvlist_t*, const char*, const char*);
extern int nvlist_add_nvlist(nvlist_t*, const char*, nvlist_t*);
extern int nvlist_add_string_array(nvlist_t*, const char*, char* const*, uint_t);
extern int nvlist_add_nvlist_array(nvlist_t*, const char*, nvlist_t**, uint_t);
extern int nvlist_remove_all(nvlist_t*, const char*);
extern int nvlist_lookup_boolean_value(nvlist_t*, const char*, boolean_t*);
extern int nvlist_lookup_int32(nvlist_t*, const char*, int32_t*);
extern int nvlist_lookup_uint32(nvlist_t*, const char*, uint32_t*);
extern int nvlist_lookup_int64(nvlist_t*, const char*, int64_t*);
extern int nvlist_lookup_uint64(nvlist_t*, const char*, uint64_t*);
extern int nvlist_lookup_string(nvlist_t*, const char*, char**);
extern int nvlist_lookup_nvlist(nvlist_t*, const char*, nvlist_t**);
extern int nvlist_lookup_uint64_array(nvlist_t*, const char*, uint64_t**, uint_t*);
extern int nvlist_lookup_nvlist_array(nvlist_t*, const char*, nvlist_t***, uint_t*);
extern nvpair_t* nvlist_next_nvpair(nvlist_t*, nvpair_t*);
extern char* nvpair_name(nvpair_t*);
extern data_type_t nvpair_type(nvpair_t*);
extern int nvpair_value_boolean_value(nvpair_t*, boolean_t*);
extern int nvpair_value_byte(nvpair_t*, uchar_t*);
extern int nvpair_value_int8(nvpair_t*, int8_t*);
extern int nvpair_value_uint8(nvpair_t*, uint8_t*);
extern int nvpair_value_int16(nvpair_t*, int16_t*);
extern int nvpair_value_uint16(nvpair_t*, uint16_t*);
extern int nvpair_value_int32(nvpair_t*, int32_t*);
extern int nvpair_value_uint32(nvpair_t*, uint32_t*);
extern int nvpair_value_int64(nvpair_t*, int64_t*);
extern int nvpair_value_uint64(nvpair_t*, uint64_t*);
extern int nvpair_value_string(nvpair_t*, char**);
extern int nvpair_value_nvlist(nvpair_t*, nvlist_t**);
extern int nvpair_value_hrtime(nvpair_t*, hrtime_t*);
extern int nvpair_value_double(nvpair_t*, double*);
extern int nvpair_value_uint64_array(nvpair_t*, uint64_t**, uint_t*);
extern int nvpair_value_string_array(nvpair_t*, char***, uint_t*);
extern int nvpair_value_nvlist_array(nvpair_t*, nvlist_t***, uint_t*);
extern nvlist_t* fnvlist_alloc(void);
extern void fnvlist_free(nvlist_t*);
extern void fnvlist_add_boolean(nvlist_t*, const char*);
extern void fnvlist_add_string(nvlist_t*, const char*, const char*);
extern void fnvlist_add_uint64(nvlist_t*, const char*, uint64_t);
extern void fnvlist_add_nvlist(nvlist_t*, const char*, nvlist_t*);

}  // extern "C"
