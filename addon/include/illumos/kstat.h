// Statistics of the kernel.
#pragma once

#include "illumos_types.h"

extern "C" {

#define KSTAT_STRLEN 31
typedef int kid_t;
typedef struct kstat {
  hrtime_t ks_crtime;
  struct kstat* ks_next;
  kid_t ks_kid;
  char ks_module[KSTAT_STRLEN];
  uchar_t ks_resv;
  int ks_instance;
  char ks_name[KSTAT_STRLEN];
  uchar_t ks_type; /* 0 raw, 1 named, 2 intr, 3 io, 4 timer */
  char ks_class[KSTAT_STRLEN];
  uchar_t ks_flags;
  void* ks_data;
  uint_t ks_ndata;
  size_t ks_data_size;
  hrtime_t ks_snaptime;
  int (*ks_update)(struct kstat*, int);
  void* ks_private;
  int (*ks_snapshot)(struct kstat*, void*, int);
  void* ks_lock;
} kstat_t;
typedef struct kstat_ctl {
  kid_t kc_chain_id;
  kstat_t* kc_chain;
  int kc_kd;
} kstat_ctl_t;
typedef struct kstat_named {
  char name[KSTAT_STRLEN];
  uchar_t data_type; /* KSTAT_DATA_* */
  union {
    char c[16];
    int32_t i32;
    uint32_t ui32;
    struct {
      union {
        char* ptr;
        char __pad[8];
      } addr;
      uint32_t len;
    } str;
    int64_t i64;
    uint64_t ui64;
  } value;
} kstat_named_t;
#define KSTAT_TYPE_NAMED 1
#define KSTAT_DATA_CHAR 0
#define KSTAT_DATA_INT32 1
#define KSTAT_DATA_UINT32 2
#define KSTAT_DATA_INT64 3
#define KSTAT_DATA_UINT64 4
#define KSTAT_DATA_STRING 9
extern kstat_ctl_t* kstat_open(void);
extern int kstat_close(kstat_ctl_t*);
extern kid_t kstat_read(kstat_ctl_t*, kstat_t*, void*);
extern kid_t kstat_chain_update(kstat_ctl_t*);
extern kstat_t* kstat_lookup(kstat_ctl_t*, char*, int, char*);
extern void* kstat_data_lookup(kstat_t*, char*);

}  // extern "C"
