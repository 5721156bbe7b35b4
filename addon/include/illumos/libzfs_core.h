// ZFS without a handle: thread-safe, results are errno values.
#pragma once

#include <libnvpair.h>

extern "C" {

enum lzc_dataset_type { LZC_DATSET_TYPE_ZFS = 2, LZC_DATSET_TYPE_ZVOL };
enum lzc_send_flags {
  LZC_SEND_FLAG_EMBED_DATA = 1,
  LZC_SEND_FLAG_LARGE_BLOCK = 2,
  LZC_SEND_FLAG_COMPRESS = 4,
  LZC_SEND_FLAG_RAW = 8
};

extern int libzfs_core_init(void);
extern void libzfs_core_fini(void);
extern int lzc_create(const char*, enum lzc_dataset_type, nvlist_t*, uint8_t*, uint_t);
extern int lzc_clone(const char*, const char*, nvlist_t*);
extern int lzc_promote(const char*, char*, int);
extern int lzc_snapshot(nvlist_t*, nvlist_t*, nvlist_t**);
extern int lzc_destroy_snaps(nvlist_t*, boolean_t, nvlist_t**);
extern int lzc_destroy(const char*);
extern int lzc_rename(const char*, const char*);
extern int lzc_rollback(const char*, char*, int);
extern int lzc_rollback_to(const char*, const char*);
extern int lzc_bookmark(nvlist_t*, nvlist_t**);
extern int lzc_get_bookmarks(const char*, nvlist_t*, nvlist_t**);
extern int lzc_destroy_bookmarks(nvlist_t*, nvlist_t**);
extern int lzc_snaprange_space(const char*, const char*, uint64_t*);
extern int lzc_hold(nvlist_t*, int, nvlist_t**);
extern int lzc_release(nvlist_t*, nvlist_t**);
extern int lzc_get_holds(const char*, nvlist_t**);
extern int lzc_send(const char*, const char*, int, enum lzc_send_flags);
extern int lzc_send_resume(const char*, const char*, int, enum lzc_send_flags, uint64_t, uint64_t);
extern int lzc_send_space(const char*, const char*, enum lzc_send_flags, uint64_t*);
extern int lzc_receive(const char*, nvlist_t*, const char*, boolean_t, boolean_t, int);
extern int lzc_receive_resumable(const char*, nvlist_t*, const char*, boolean_t, boolean_t, int);
extern boolean_t lzc_exists(const char*);
extern int lzc_sync(const char*, nvlist_t*, nvlist_t**);
extern int lzc_channel_program(const char*, const char*, uint64_t, uint64_t, nvlist_t*, nvlist_t**);
extern int lzc_channel_program_nosync(const char*, const char*, uint64_t, uint64_t, nvlist_t*, nvlist_t**);

}  // extern "C"
