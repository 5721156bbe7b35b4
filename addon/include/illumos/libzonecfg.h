// Configurations and states of zones.
#pragma once

#include <libbrand.h>
#include <rctl.h>
#include <zone.h>

extern "C" {

enum {
  Z_OK = 0,
  Z_EMPTY_DOCUMENT = 1,
  Z_WRONG_DOC_TYPE = 2,
  Z_BAD_PROPERTY = 3,
  Z_TEMP_FILE = 4,
  Z_SAVING_FILE = 5,
  Z_NO_ENTRY = 6,
  Z_BOGUS_ZONE_NAME = 7,
  Z_REQD_RESOURCE_MISSING = 8,
  Z_REQD_PROPERTY_MISSING = 9,
  Z_BAD_HANDLE = 10,
  Z_NOMEM = 11,
  Z_INVAL = 12,
  Z_ACCES = 13,
  Z_TOO_BIG = 14,
  Z_MISC_FS = 15,
  Z_NO_ZONE = 16,
  Z_NO_RESOURCE_TYPE = 17,
  Z_NO_RESOURCE_ID = 18,
  Z_NO_PROPERTY_TYPE = 19,
  Z_NO_PROPERTY_ID = 20,
  Z_BAD_ZONE_STATE = 21,
  Z_INVALID_DOCUMENT = 22,
  Z_NAME_IN_USE = 23,
  Z_NO_SUCH_ID = 24,
  Z_UPDATING_INDEX = 25,
  Z_LOCKING_FILE = 26,
  Z_UNLOCKING_FILE = 27,
  Z_SYSTEM = 28,
  Z_INSUFFICIENT_SPEC = 29,
  Z_RESOLVED_PATH = 34,
  Z_IPV6_ADDR_PREFIX_LEN = 35,
  Z_BOGUS_ADDRESS = 36,
  Z_PRIV_PROHIBITED = 37,
  Z_PRIV_REQUIRED = 38,
  Z_PRIV_UNKNOWN = 39,
  Z_BRAND_ERROR = 40,
  Z_INCOMPATIBLE = 41,
  Z_ALIAS_DISALLOW = 42,
  Z_CLEAR_DISALLOW = 43,
  Z_POOL = 44,
  Z_POOLS_NOT_ACTIVE = 45,
  Z_POOL_ENABLE = 46,
  Z_NO_POOL = 47,
  Z_POOL_CREATE = 48,
  Z_POOL_BIND = 49,
  Z_INVALID_PROPERTY = 50
};
enum {
  ZONE_STATE_CONFIGURED = 0,
  ZONE_STATE_INCOMPLETE = 1,
  ZONE_STATE_INSTALLED = 2,
  ZONE_STATE_READY = 3,
  ZONE_STATE_RUNNING = 4,
  ZONE_STATE_SHUTTING_DOWN = 5,
  ZONE_STATE_DOWN = 6,
  ZONE_STATE_MOUNTED = 7
};
#define ZONE_ID_UNDEFINED (-1)
#define ZONE_STATE_MAXSTRLEN 14
#define ZONE_PROP_MAXSTRLEN 1024 /* SmartOS only */
#define ZONE_INT32SZ 11          /* SmartOS only */
#define ZONE_CONFIG_ROOT "/etc/zones"
#define ZONE_INDEX_FILE "/etc/zones/index"
#define ZONE_DETACHED "SUNWdetached.xml"
#define ZONE_DRY_RUN 0x01
#define ZONECFG_SECFLAGS_MAX 1024
#define ZONE_MGMT_PROF "Zone Management"

typedef enum zone_iptype { ZS_SHARED, ZS_EXCLUSIVE } zone_iptype_t;
typedef uint_t zone_state_t;
typedef struct zone_dochandle* zone_dochandle_t; /* opaque */

struct zoneent {             /* sizeof 1436 */
  char zone_name[64];        /*    0 */
  int zone_state;            /*   64 */
  char zone_path[1024];      /*   68 */
  uuid_t zone_uuid;          /* 1092 */
  char zone_newname[64];     /* 1108 */
  char zone_brand[256];      /* 1172  SmartOS only */
  zone_iptype_t zone_iptype; /* 1428  SmartOS only */
  zoneid_t zone_did;         /* 1432  SmartOS only: debug id */
};

typedef struct zone_fsopt { /* sizeof 1032 */
  struct zone_fsopt* zone_fsopt_next;
  char zone_fsopt_opt[1024];
} zone_fsopt_t;

struct zone_fstab {              /* sizeof 3096 */
  char zone_fs_special[1024];    /*    0 */
  char zone_fs_dir[1024];        /* 1024 */
  char zone_fs_type[16];         /* 2048 */
  zone_fsopt_t* zone_fs_options; /* 2064 */
  char zone_fs_raw[1024];        /* 2072 */
};

struct zone_res_attrtab { /* sizeof 1288  SmartOS only */
  char zone_res_attr_name[256];
  char zone_res_attr_value[1024];
  struct zone_res_attrtab* zone_res_attr_next;
};

struct zone_nwiftab {                       /* sizeof 248 (upstream: 170) */
  char zone_nwif_address[46];               /*   0 shared-ip only */
  char zone_nwif_allowed_address[46];       /*  46 exclusive-ip only */
  char zone_nwif_physical[32];              /*  92 */
  char zone_nwif_mac[20];                   /* 124 SmartOS only, text form */
  char zone_nwif_vlan_id[11];               /* 144 SmartOS only, decimal text */
  char zone_nwif_gnic[32];                  /* 155 SmartOS only, nic tag / link / overlay rule */
  char zone_nwif_defrouter[46];             /* 187 */
  struct zone_res_attrtab* zone_nwif_attrp; /* 240 SmartOS only */
};

struct zone_devtab { /* sizeof 1032 (upstream: 1024) */
  char zone_dev_match[1024];
  struct zone_res_attrtab* zone_dev_attrp; /* SmartOS only */
};

struct zone_rctlvaltab { /* sizeof 776 */
  char zone_rctlval_priv[256];
  char zone_rctlval_limit[256];
  char zone_rctlval_action[256];
  struct zone_rctlvaltab* zone_rctlval_next;
};

struct zone_rctltab { /* sizeof 264 */
  char zone_rctl_name[256];
  struct zone_rctlvaltab* zone_rctl_valptr;
};

struct zone_attrtab { /* sizeof 2560 */
  char zone_attr_name[256];
  char zone_attr_type[256];   /* boolean | int | string | uint */
  char zone_attr_value[2048]; /* 2 * BUFSIZ */
};

struct zone_dstab {
  char zone_dataset_name[256];
};

struct zone_psettab { /* sizeof 768 */
  char zone_ncpu_min[256];
  char zone_ncpu_max[256];
  char zone_importance[256];
};

struct zone_admintab { /* sizeof 4128 */
  char zone_admin_user[32];
  char zone_admin_auths[4096];
};

struct zone_secflagstab { /* sizeof 3072 */
  char zone_secflags_lower[1024];
  char zone_secflags_upper[1024];
  char zone_secflags_default[1024];
};

/* handles */
extern zone_dochandle_t zonecfg_init_handle(void);
extern void zonecfg_fini_handle(zone_dochandle_t);
extern int zonecfg_check_handle(zone_dochandle_t);
extern int zonecfg_get_handle(const char*, zone_dochandle_t);
extern int zonecfg_get_snapshot_handle(const char*, zone_dochandle_t);
extern int zonecfg_get_template_handle(const char*, const char*, zone_dochandle_t);
extern int zonecfg_get_xml_handle(const char*, zone_dochandle_t);
extern int zonecfg_get_attach_handle(const char*, const char*, const char*, boolean_t, zone_dochandle_t);
extern int zonecfg_save(zone_dochandle_t);
extern int zonecfg_verify_save(zone_dochandle_t, char*);
extern int zonecfg_detach_save(zone_dochandle_t, uint_t);
extern int zonecfg_destroy(const char*, boolean_t);
extern int zonecfg_create_snapshot(const char*);
extern int zonecfg_destroy_snapshot(const char*);
extern int zonecfg_access(const char*, int);
extern char* zonecfg_strerror(int);
extern void zonecfg_set_root(const char*);
extern const char* zonecfg_get_root(void);
extern boolean_t zonecfg_in_alt_root(void);
extern boolean_t zonecfg_detached(const char*);
extern void zonecfg_rm_detached(zone_dochandle_t, boolean_t);
extern int zonecfg_num_resources(zone_dochandle_t, char*);
extern int zonecfg_del_all_resources(zone_dochandle_t, char*);
extern void zonecfg_notify_create(zone_dochandle_t); /* SmartOS only */
extern int zonecfg_fix_obsolete(zone_dochandle_t);   /* SmartOS only */

/* scalar properties */
extern int zonecfg_validate_zonename(const char*);
extern int zonecfg_get_name(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_name(zone_dochandle_t, char*);
extern int zonecfg_get_zonepath(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_zonepath(zone_dochandle_t, char*);
extern int zonecfg_get_brand(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_brand(zone_dochandle_t, char*);
extern int zonecfg_get_autoboot(zone_dochandle_t, boolean_t*);
extern int zonecfg_set_autoboot(zone_dochandle_t, boolean_t);
extern int zonecfg_get_iptype(zone_dochandle_t, zone_iptype_t*);
extern int zonecfg_set_iptype(zone_dochandle_t, zone_iptype_t);
extern int zonecfg_get_pool(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_pool(zone_dochandle_t, char*);
extern int zonecfg_get_bootargs(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_bootargs(zone_dochandle_t, char*);
extern int zonecfg_get_sched_class(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_sched(zone_dochandle_t, char*);
extern int zonecfg_get_limitpriv(zone_dochandle_t, char**);
extern int zonecfg_set_limitpriv(zone_dochandle_t, char*);
extern int zonecfg_get_privset(zone_dochandle_t, priv_set_t*, char**);
extern int zonecfg_get_hostid(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_hostid(zone_dochandle_t, const char*);
extern int zonecfg_get_fs_allowed(zone_dochandle_t, char*, size_t);
extern int zonecfg_set_fs_allowed(zone_dochandle_t, const char*);
extern zoneid_t zonecfg_get_did(zone_dochandle_t); /* SmartOS only */
extern void zonecfg_set_did(zone_dochandle_t);     /* SmartOS only */
extern int zonecfg_default_brand(char*, size_t);

/* filesystems */
extern int zonecfg_add_filesystem(zone_dochandle_t, struct zone_fstab*);
extern int zonecfg_delete_filesystem(zone_dochandle_t, struct zone_fstab*);
extern int zonecfg_modify_filesystem(zone_dochandle_t, struct zone_fstab*, struct zone_fstab*);
extern int zonecfg_lookup_filesystem(zone_dochandle_t, struct zone_fstab*);
extern int zonecfg_add_fs_option(struct zone_fstab*, char*);
extern int zonecfg_remove_fs_option(struct zone_fstab*, char*);
extern void zonecfg_free_fs_option_list(zone_fsopt_t*);
extern boolean_t zonecfg_valid_fs_type(const char*);
extern int zonecfg_find_mounts(char*, int (*)(const struct mnttab*, void*), void*);

/* per-resource properties: the <net-attr> children of network and device */
extern int zonecfg_add_res_attr(struct zone_res_attrtab**, struct zone_res_attrtab*);
extern int zonecfg_remove_res_attr(struct zone_res_attrtab**, struct zone_res_attrtab*);
extern void zonecfg_free_res_attr_list(struct zone_res_attrtab*);

/* networks */
extern int zonecfg_add_nwif(zone_dochandle_t, struct zone_nwiftab*);
extern int zonecfg_delete_nwif(zone_dochandle_t, struct zone_nwiftab*);
extern int zonecfg_modify_nwif(zone_dochandle_t, struct zone_nwiftab*, struct zone_nwiftab*);
extern int zonecfg_lookup_nwif(zone_dochandle_t, struct zone_nwiftab*);

/* devices */
extern int zonecfg_add_dev(zone_dochandle_t, struct zone_devtab*);
extern int zonecfg_delete_dev(zone_dochandle_t, struct zone_devtab*);
extern int zonecfg_modify_dev(zone_dochandle_t, struct zone_devtab*, struct zone_devtab*);
extern int zonecfg_lookup_dev(zone_dochandle_t, struct zone_devtab*);

/* attributes */
extern int zonecfg_add_attr(zone_dochandle_t, struct zone_attrtab*);
extern int zonecfg_delete_attr(zone_dochandle_t, struct zone_attrtab*);
extern int zonecfg_modify_attr(zone_dochandle_t, struct zone_attrtab*, struct zone_attrtab*);
extern int zonecfg_lookup_attr(zone_dochandle_t, struct zone_attrtab*);
extern int zonecfg_get_attr_boolean(const struct zone_attrtab*, boolean_t*);
extern int zonecfg_get_attr_int(const struct zone_attrtab*, int64_t*);
extern int zonecfg_get_attr_string(const struct zone_attrtab*, char*, size_t);
extern int zonecfg_get_attr_uint(const struct zone_attrtab*, uint64_t*);

/* resource controls */
extern int zonecfg_add_rctl(zone_dochandle_t, struct zone_rctltab*);
extern int zonecfg_delete_rctl(zone_dochandle_t, struct zone_rctltab*);
extern int zonecfg_modify_rctl(zone_dochandle_t, struct zone_rctltab*, struct zone_rctltab*);
extern int zonecfg_lookup_rctl(zone_dochandle_t, struct zone_rctltab*);
extern int zonecfg_add_rctl_value(struct zone_rctltab*, struct zone_rctlvaltab*);
extern int zonecfg_remove_rctl_value(struct zone_rctltab*, struct zone_rctlvaltab*);
extern void zonecfg_free_rctl_value_list(struct zone_rctlvaltab*);
extern boolean_t zonecfg_aliased_rctl_ok(zone_dochandle_t, char*);
extern int zonecfg_set_aliased_rctl(zone_dochandle_t, char*, uint64_t);
extern int zonecfg_get_aliased_rctl(zone_dochandle_t, char*, uint64_t*);
extern int zonecfg_rm_aliased_rctl(zone_dochandle_t, char*);
extern int zonecfg_apply_rctls(char*, zone_dochandle_t);
extern boolean_t zonecfg_is_rctl(const char*);
extern boolean_t zonecfg_valid_rctlname(const char*);
extern boolean_t zonecfg_valid_rctlblk(const rctlblk_t*);
extern boolean_t zonecfg_valid_rctl(const char*, const rctlblk_t*);
extern int zonecfg_construct_rctlblk(const struct zone_rctlvaltab*, rctlblk_t*);
extern boolean_t zonecfg_valid_alias_limit(char*, char*, uint64_t*);
extern int zonecfg_str_to_bytes(char*, uint64_t*);
extern boolean_t zonecfg_valid_memlimit(char*, uint64_t*);
extern boolean_t zonecfg_valid_ncpus(char*, char*);
extern boolean_t zonecfg_valid_importance(char*);

/* delegated datasets, dedicated cpu, admins, security flags */
extern int zonecfg_add_ds(zone_dochandle_t, struct zone_dstab*);
extern int zonecfg_delete_ds(zone_dochandle_t, struct zone_dstab*);
extern int zonecfg_modify_ds(zone_dochandle_t, struct zone_dstab*, struct zone_dstab*);
extern int zonecfg_lookup_ds(zone_dochandle_t, struct zone_dstab*);
extern int zonecfg_add_pset(zone_dochandle_t, struct zone_psettab*);
extern int zonecfg_delete_pset(zone_dochandle_t);
extern int zonecfg_modify_pset(zone_dochandle_t, struct zone_psettab*);
extern int zonecfg_lookup_pset(zone_dochandle_t, struct zone_psettab*);
extern int zonecfg_add_admin(zone_dochandle_t, struct zone_admintab*, char*);
extern int zonecfg_delete_admin(zone_dochandle_t, struct zone_admintab*, char*);
extern int zonecfg_lookup_admin(zone_dochandle_t, struct zone_admintab*);
extern int zonecfg_deauthorize_users(zone_dochandle_t, char*);
extern int zonecfg_add_secflags(zone_dochandle_t, struct zone_secflagstab*);
extern int zonecfg_delete_secflags(zone_dochandle_t, struct zone_secflagstab*);
extern int zonecfg_lookup_secflags(zone_dochandle_t, struct zone_secflagstab*);

/* iteration: set / get until not Z_OK / end */
extern int zonecfg_setfsent(zone_dochandle_t);
extern int zonecfg_getfsent(zone_dochandle_t, struct zone_fstab*);
extern int zonecfg_endfsent(zone_dochandle_t);
extern int zonecfg_setnwifent(zone_dochandle_t);
extern int zonecfg_getnwifent(zone_dochandle_t, struct zone_nwiftab*);
extern int zonecfg_endnwifent(zone_dochandle_t);
extern int zonecfg_setdevent(zone_dochandle_t);
extern int zonecfg_getdevent(zone_dochandle_t, struct zone_devtab*);
extern int zonecfg_enddevent(zone_dochandle_t);
extern int zonecfg_setattrent(zone_dochandle_t);
extern int zonecfg_getattrent(zone_dochandle_t, struct zone_attrtab*);
extern int zonecfg_endattrent(zone_dochandle_t);
extern int zonecfg_setrctlent(zone_dochandle_t);
extern int zonecfg_getrctlent(zone_dochandle_t, struct zone_rctltab*);
extern int zonecfg_endrctlent(zone_dochandle_t);
extern int zonecfg_setdsent(zone_dochandle_t);
extern int zonecfg_getdsent(zone_dochandle_t, struct zone_dstab*);
extern int zonecfg_enddsent(zone_dochandle_t);
extern int zonecfg_setadminent(zone_dochandle_t);
extern int zonecfg_getadminent(zone_dochandle_t, struct zone_admintab*);
extern int zonecfg_endadminent(zone_dochandle_t);
extern int zonecfg_getpsetent(zone_dochandle_t, struct zone_psettab*);
extern int zonecfg_getsecflagsent(zone_dochandle_t, struct zone_secflagstab*);

/* by zone name; no handle needed */
extern int zone_get_state(char*, zone_state_t*);
extern int zone_set_state(char*, zone_state_t);
extern char* zone_state_str(zone_state_t);
extern int zone_get_zonepath(char*, char*, size_t);
extern int zone_get_rootpath(char*, char*, size_t);
extern int zone_get_devroot(char*, char*, size_t);
extern int zone_get_brand(char*, char*, size_t);
extern zoneid_t zone_get_did(char*); /* SmartOS only */
extern int zonecfg_get_uuid(const char*, uuid_t);
extern int zonecfg_set_uuid(const char*, const char*, const char*); /* SmartOS only */
extern int zonecfg_get_name_by_uuid(const uuid_t, char*, size_t);

/* the index, as a stream */
extern FILE* setzoneent(void);
extern char* getzoneent(FILE*);
extern struct zoneent* getzoneent_private(FILE*);
extern void endzoneent(FILE*);

/* zone lock */
extern void zonecfg_init_lock_file(const char*, char**);
extern int zonecfg_grab_lock_file(const char*, int*);
extern void zonecfg_release_lock_file(const char*, int);
extern boolean_t zonecfg_lock_file_held(int*);
extern int zonecfg_ping_zoneadmd(const char*);

// Not in the system's header, but exported.
extern void* zonecfg_notify_bind(int (*)(const char*, zoneid_t, const char*, const char*, hrtime_t, void*), void*);
extern void zonecfg_notify_unbind(void*);
extern void zonecfg_notify_critical_enter(void*);
extern int zonecfg_notify_critical_exit(void*);
extern void zonecfg_notify_critical_abort(void*);

extern int zonecfg_call_zoneadmd(const char*, zone_cmd_arg_t*, char*, boolean_t);

}  // extern "C"
