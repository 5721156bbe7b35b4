// ZFS datasets and pools.
#pragma once

#include <libnvpair.h>
#include <libzfs_core.h>
#include <sys/fs/zfs.h>
#include <sys/mount.h>

// Says that these are not the headers of a system that has ZFS.
#define SMARTADM_ILLUMOS_DECLARATIONS 1

/* illumos has them in <sys/mount.h> */
#define MS_OVERLAY 0x80
#define MS_FORCE 0x400

extern "C" {

typedef struct avl_tree avl_tree_t;
typedef struct zfs_handle zfs_handle_t;
typedef struct zpool_handle zpool_handle_t;
typedef struct libzfs_handle libzfs_handle_t;

/* as SmartOS counts them */
typedef enum zfs_error {
  EZFS_SUCCESS = 0,
  EZFS_NOMEM = 2000,
  EZFS_BADPROP,
  EZFS_PROPREADONLY,
  EZFS_PROPTYPE,
  EZFS_PROPNONINHERIT,
  EZFS_PROPSPACE,
  EZFS_PROPCACHED,
  EZFS_BADTYPE,
  EZFS_BUSY,
  EZFS_EXISTS,
  EZFS_NOENT,
  EZFS_BADSTREAM,
  EZFS_DSREADONLY,
  EZFS_VOLTOOBIG,
  EZFS_INVALIDNAME,
  EZFS_BADRESTORE,
  EZFS_BADBACKUP,
  EZFS_BADTARGET,
  EZFS_NODEVICE,
  EZFS_BADDEV,
  EZFS_NOREPLICAS,
  EZFS_RESILVERING,
  EZFS_BADVERSION,
  EZFS_POOLUNAVAIL,
  EZFS_DEVOVERFLOW,
  EZFS_BADPATH,
  EZFS_CROSSTARGET,
  EZFS_ZONED,
  EZFS_MOUNTFAILED,
  EZFS_UMOUNTFAILED,
  EZFS_UNSHARENFSFAILED,
  EZFS_SHARENFSFAILED,
  EZFS_PERM,
  EZFS_NOSPC,
  EZFS_FAULT,
  EZFS_IO,
  EZFS_INTR,
  EZFS_ISSPARE,
  EZFS_INVALCONFIG,
  EZFS_RECURSIVE,
  EZFS_NOHISTORY,
  EZFS_POOLPROPS,
  EZFS_POOL_NOTSUP,
  EZFS_POOL_INVALARG,
  EZFS_NAMETOOLONG,
  EZFS_OPENFAILED,
  EZFS_NOCAP,
  EZFS_LABELFAILED,
  EZFS_BADWHO,
  EZFS_BADPERM,
  EZFS_BADPERMSET,
  EZFS_NODELEGATION,
  EZFS_UNSHARESMBFAILED,
  EZFS_SHARESMBFAILED,
  EZFS_BADCACHE,
  EZFS_ISL2CACHE,
  EZFS_VDEVNOTSUP,
  EZFS_NOTSUP,
  EZFS_ACTIVE_SPARE,
  EZFS_UNPLAYED_LOGS,
  EZFS_REFTAG_RELE,
  EZFS_REFTAG_HOLD,
  EZFS_TAGTOOLONG,
  EZFS_PIPEFAILED,
  EZFS_THREADCREATEFAILED,
  EZFS_POSTSPLIT_ONLINE,
  EZFS_SCRUBBING,
  EZFS_NO_SCRUB,
  EZFS_DIFF,
  EZFS_DIFFDATA,
  EZFS_POOLREADONLY,
  EZFS_SCRUB_PAUSED,
  EZFS_ACTIVE_POOL,
  EZFS_CRYPTOFAILED,
  EZFS_NO_PENDING,
  EZFS_CHECKPOINT_EXISTS,
  EZFS_DISCARDING_CHECKPOINT,
  EZFS_NO_CHECKPOINT,
  EZFS_DEVRM_IN_PROGRESS,
  EZFS_VDEV_TOO_BIG,
  EZFS_TOOMANY,
  EZFS_INITIALIZING,
  EZFS_NO_INITIALIZE,
  EZFS_WRONG_PARENT,
  EZFS_TRIMMING,
  EZFS_NO_TRIM,
  EZFS_TRIM_NOTSUP,
  EZFS_NO_RESILVER_DEFER,
  EZFS_IOC_NOTSUPPORTED,
  EZFS_UNKNOWN
} zfs_error_t;

/* opaque outside the platform headers: get values from *_name_to_prop */
typedef int zpool_status_t; /* an enum in the real header */
typedef int zpool_errata_t; /* an enum in the real header */
typedef int (*zfs_iter_f)(zfs_handle_t*, void*);
typedef int (*zpool_iter_f)(zpool_handle_t*, void*);
typedef boolean_t(snapfilter_cb_t)(zfs_handle_t*, void*);

/* library */
extern libzfs_handle_t* libzfs_init(void);
extern void libzfs_fini(libzfs_handle_t*);
extern void libzfs_print_on_error(libzfs_handle_t*, boolean_t);
extern int libzfs_errno(libzfs_handle_t*);
extern const char* libzfs_error_action(libzfs_handle_t*);
extern const char* libzfs_error_description(libzfs_handle_t*);
extern void libzfs_mnttab_cache(libzfs_handle_t*, boolean_t);

/* handles */
extern zfs_handle_t* zfs_open(libzfs_handle_t*, const char*, int);
extern zfs_handle_t* zfs_handle_dup(zfs_handle_t*);
extern void zfs_close(zfs_handle_t*);
extern zfs_type_t zfs_get_type(const zfs_handle_t*);
extern const char* zfs_get_name(const zfs_handle_t*);
extern zpool_handle_t* zfs_get_pool_handle(const zfs_handle_t*);
extern const char* zfs_get_pool_name(const zfs_handle_t*);
extern libzfs_handle_t* zfs_get_handle(zfs_handle_t*);
extern void zfs_refresh_properties(zfs_handle_t*);
extern boolean_t zfs_dataset_exists(libzfs_handle_t*, const char*, zfs_type_t);
extern boolean_t zfs_bookmark_exists(const char*);
extern int zfs_name_valid(const char*, zfs_type_t);
extern const char* zfs_type_to_name(zfs_type_t);
extern zfs_handle_t* zfs_path_to_zhandle(libzfs_handle_t*, char*, zfs_type_t);

/* create, destroy */
extern int zfs_create(libzfs_handle_t*, const char*, zfs_type_t, nvlist_t*);
extern int zfs_create_ancestors(libzfs_handle_t*, const char*);
extern int zfs_clone(zfs_handle_t*, const char*, nvlist_t*);
extern int zfs_snapshot(libzfs_handle_t*, const char*, boolean_t, nvlist_t*);
extern int zfs_snapshot_nvl(libzfs_handle_t*, nvlist_t*, nvlist_t*);
extern int zfs_rollback(zfs_handle_t*, zfs_handle_t*, boolean_t);
extern int zfs_destroy(zfs_handle_t*, boolean_t);
extern int zfs_destroy_snaps(zfs_handle_t*, char*, boolean_t);
extern int zfs_destroy_snaps_nvl(libzfs_handle_t*, nvlist_t*, boolean_t);
extern int zfs_rename(zfs_handle_t*, const char*, boolean_t, boolean_t);
extern int zfs_promote(zfs_handle_t*);
extern uint64_t zvol_volsize_to_reservation(zpool_handle_t*, uint64_t, nvlist_t*);
extern int zfs_nicestrtonum(libzfs_handle_t*, const char*, uint64_t*);

/* properties */
extern zfs_prop_t zfs_name_to_prop(const char*);
extern const char* zfs_prop_to_name(zfs_prop_t);
extern boolean_t zfs_prop_user(const char*);
extern boolean_t zfs_prop_readonly(zfs_prop_t);
extern boolean_t zfs_prop_inheritable(zfs_prop_t);
extern boolean_t zfs_prop_valid_for_type(int, zfs_type_t); /* Linux 2.1: extra boolean_t */
extern int zfs_prop_is_string(zfs_prop_t);
extern int zfs_prop_get(zfs_handle_t*, zfs_prop_t, char*, size_t, zprop_source_t*, char*, size_t, boolean_t);
extern uint64_t zfs_prop_get_int(zfs_handle_t*, zfs_prop_t);
extern int zfs_prop_get_numeric(zfs_handle_t*, zfs_prop_t, uint64_t*, zprop_source_t*, char*, size_t);
extern int zfs_prop_get_recvd(zfs_handle_t*, const char*, char*, size_t, boolean_t);
extern int zfs_prop_get_written(zfs_handle_t*, const char*, char*, int, boolean_t);
extern int zfs_prop_set(zfs_handle_t*, const char*, const char*);
extern int zfs_prop_set_list(zfs_handle_t*, nvlist_t*);
extern int zfs_prop_inherit(zfs_handle_t*, const char*, boolean_t);
extern nvlist_t* zfs_get_user_props(zfs_handle_t*);

/* iteration */
extern int zfs_iter_root(libzfs_handle_t*, zfs_iter_f, void*);
extern int zfs_iter_children(zfs_handle_t*, zfs_iter_f, void*);
extern int zfs_iter_dependents(zfs_handle_t*, boolean_t, zfs_iter_f, void*);
extern int zfs_iter_filesystems(zfs_handle_t*, zfs_iter_f, void*);
extern int zfs_iter_snapshots(zfs_handle_t*, boolean_t, zfs_iter_f, void*);
extern int zfs_iter_snapshots_sorted(zfs_handle_t*, zfs_iter_f, void*);
extern int zfs_iter_snapspec(zfs_handle_t*, const char*, zfs_iter_f, void*);
extern int zfs_iter_bookmarks(zfs_handle_t*, zfs_iter_f, void*);

/* holds, mounts */
extern int zfs_hold(zfs_handle_t*, const char*, const char*, boolean_t, int);
extern int zfs_release(zfs_handle_t*, const char*, const char*, boolean_t);
extern int zfs_get_holds(zfs_handle_t*, nvlist_t**);
extern boolean_t zfs_is_mounted(zfs_handle_t*, char**);
extern int zfs_mount(zfs_handle_t*, const char*, int);
extern int zfs_unmount(zfs_handle_t*, const char*, int);
extern int zfs_unmountall(zfs_handle_t*, int);

/* send, receive */
typedef struct sendflags { /* SmartOS: 15 boolean_t */
  boolean_t verbose, replicate, doall, fromorigin, dedup, props, dryrun, parsable, progress, largeblock, embed_data,
      compress, raw, backup, holds;
} sendflags_t;
typedef struct recvflags { /* SmartOS: 11 boolean_t */
  boolean_t verbose, isprefix, istail, dryrun, force, canmountoff, resumable, byteswap, nomount, holds, skipholds;
} recvflags_t;
extern int zfs_send(zfs_handle_t*, const char*, const char*, sendflags_t*, int, snapfilter_cb_t, void*, nvlist_t**);
extern int zfs_send_one(zfs_handle_t*, const char*, int, enum lzc_send_flags);
extern int zfs_send_resume(libzfs_handle_t*, sendflags_t*, int, const char*);
extern nvlist_t* zfs_send_resume_token_to_nvlist(libzfs_handle_t*, const char*);
extern int zfs_receive(libzfs_handle_t*, const char*, nvlist_t*, recvflags_t*, int, avl_tree_t*);

/* pools */
extern zpool_handle_t* zpool_open(libzfs_handle_t*, const char*);
extern zpool_handle_t* zpool_open_canfail(libzfs_handle_t*, const char*);
extern void zpool_close(zpool_handle_t*);
extern const char* zpool_get_name(zpool_handle_t*);
extern int zpool_get_state(zpool_handle_t*);
extern int zpool_iter(libzfs_handle_t*, zpool_iter_f, void*);
extern zpool_prop_t zpool_name_to_prop(const char*);
extern const char* zpool_prop_to_name(zpool_prop_t);
extern int zpool_get_prop(zpool_handle_t*, zpool_prop_t, char*, size_t, zprop_source_t*, boolean_t);
extern uint64_t zpool_get_prop_int(zpool_handle_t*, zpool_prop_t, zprop_source_t*);
extern int zpool_set_prop(zpool_handle_t*, const char*, const char*);
extern nvlist_t* zpool_get_config(zpool_handle_t*, nvlist_t**);
extern int zpool_refresh_stats(zpool_handle_t*, boolean_t*);
extern zpool_status_t zpool_get_status(zpool_handle_t*, char**, zpool_errata_t*);
extern const char* zpool_pool_state_to_name(pool_state_t);

}  // extern "C"
