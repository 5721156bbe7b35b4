// Datalinks: handles, statuses and what the other headers of the library share.
#pragma once

#include "illumos_types.h"

extern "C" {

#define DLADM_OPT_ACTIVE 0x00000001
#define DLADM_OPT_PERSIST 0x00000002
#define DLADM_OPT_CREATE 0x00000004
#define DLADM_OPT_FORCE 0x00000008
#define DLADM_OPT_PREFIX 0x00000010
#define DLADM_OPT_ANCHOR 0x00000020
#define DLADM_OPT_VLAN 0x00000040
#define DLADM_OPT_NOREFRESH 0x00000080
#define DLADM_OPT_BOOT 0x00000100
#define DLADM_OPT_TRANSIENT 0x00000200 /* SmartOS only */

#define DLADM_WALK_TERMINATE 0
#define DLADM_WALK_CONTINUE (-1)
#define DLADM_STRSIZE 2048 /* upstream 256 */
#define DLADM_MAX_ARG_CNT 32
#define DLADM_MAX_ARG_VALS 64
#define DLADM_MAX_PROP_VALCNT 32
#define DLADM_PROP_VAL_MAX 128
#define DATALINK_INVALID_LINKID 0
#define DATALINK_ALL_LINKID 0
#define DL_ETHER 0x4
#define ETHERADDRL 6
#define VRRP_VRID_NONE 0
#define VRRP_VRID_MIN 1
#define VRRP_VRID_MAX 255
#define MAXMACADDRLEN 20
#define MAXLINKNAMELEN 32

typedef enum { /* 0 .. 86 */
               DLADM_STATUS_OK = 0,
               DLADM_STATUS_BADARG,
               DLADM_STATUS_FAILED,
               DLADM_STATUS_TOOSMALL,
               DLADM_STATUS_NOTSUP,
               DLADM_STATUS_NOTFOUND,
               DLADM_STATUS_BADVAL,
               DLADM_STATUS_NOMEM,
               DLADM_STATUS_EXIST,
               DLADM_STATUS_LINKINVAL,
               DLADM_STATUS_PROPRDONLY = 10,
               DLADM_STATUS_BADVALCNT,
               DLADM_STATUS_DBNOTFOUND,
               DLADM_STATUS_DENIED,
               DLADM_STATUS_IOERR,
               DLADM_STATUS_TEMPONLY,
               DLADM_STATUS_TIMEDOUT,
               DLADM_STATUS_ISCONN,
               DLADM_STATUS_NOTCONN,
               DLADM_STATUS_REPOSITORYINVAL,
               DLADM_STATUS_MACADDRINVAL = 20,
               DLADM_STATUS_KEYINVAL,
               DLADM_STATUS_INVALIDMACADDRLEN,
               DLADM_STATUS_INVALIDMACADDRTYPE,
               DLADM_STATUS_LINKBUSY,
               DLADM_STATUS_VIDINVAL,
               DLADM_STATUS_NONOTIF,
               DLADM_STATUS_TRYAGAIN,
               DLADM_STATUS_IPTUNTYPE,
               DLADM_STATUS_IPTUNTYPEREQD,
               DLADM_STATUS_BADIPTUNLADDR = 30,
               DLADM_STATUS_BADIPTUNRADDR,
               DLADM_STATUS_ADDRINUSE,
               DLADM_STATUS_BADTIMEVAL,
               DLADM_STATUS_INVALIDMACADDR,
               DLADM_STATUS_INVALIDMACADDRNIC,
               DLADM_STATUS_INVALIDMACADDRINUSE,
               DLADM_STATUS_MACFACTORYSLOTINVALID,
               DLADM_STATUS_MACFACTORYSLOTUSED,
               DLADM_STATUS_MACFACTORYSLOTALLUSED,
               DLADM_STATUS_MACFACTORYNOTSUP = 40,
               DLADM_STATUS_INVALIDMACPREFIX,
               DLADM_STATUS_INVALIDMACPREFIXLEN,
               DLADM_STATUS_BADCPUID,
               DLADM_STATUS_CPUERR,
               DLADM_STATUS_CPUNOTONLINE,
               DLADM_STATUS_BADRANGE,
               DLADM_STATUS_TOOMANYELEMENTS,
               DLADM_STATUS_DB_NOTFOUND,
               DLADM_STATUS_DB_PARSE_ERR,
               DLADM_STATUS_PROP_PARSE_ERR = 50,
               DLADM_STATUS_ATTR_PARSE_ERR,
               DLADM_STATUS_FLOW_DB_ERR,
               DLADM_STATUS_FLOW_DB_OPEN_ERR,
               DLADM_STATUS_FLOW_DB_PARSE_ERR,
               DLADM_STATUS_FLOWPROP_DB_PARSE_ERR,
               DLADM_STATUS_FLOW_ADD_ERR,
               DLADM_STATUS_FLOW_WALK_ERR,
               DLADM_STATUS_FLOW_IDENTICAL,
               DLADM_STATUS_FLOW_INCOMPATIBLE,
               DLADM_STATUS_FLOW_EXISTS = 60,
               DLADM_STATUS_PERSIST_FLOW_EXISTS,
               DLADM_STATUS_INVALID_IP,
               DLADM_STATUS_INVALID_PREFIXLEN,
               DLADM_STATUS_INVALID_PROTOCOL,
               DLADM_STATUS_INVALID_PORT,
               DLADM_STATUS_INVALID_DSF,
               DLADM_STATUS_INVALID_DSFMASK,
               DLADM_STATUS_INVALID_MACMARGIN,
               DLADM_STATUS_NOTDEFINED,
               DLADM_STATUS_BADPROP = 70,
               DLADM_STATUS_MINMAXBW,
               DLADM_STATUS_NO_HWRINGS,
               DLADM_STATUS_PERMONLY,
               DLADM_STATUS_OPTMISSING,
               DLADM_STATUS_POOLCPU,
               DLADM_STATUS_INVALID_PORT_INSTANCE,
               DLADM_STATUS_PORT_IS_DOWN,
               DLADM_STATUS_PKEY_NOT_PRESENT,
               DLADM_STATUS_PARTITION_EXISTS,
               DLADM_STATUS_INVALID_PKEY = 80,
               DLADM_STATUS_NO_IB_HW_RESOURCE,
               DLADM_STATUS_INVALID_PKEY_TBL_SIZE,
               DLADM_STATUS_PORT_NOPROTO,
               DLADM_STATUS_INVALID_MTU,
               DLADM_STATUS_BAD_ENCAP,
               DLADM_STATUS_PERSIST_ON_TEMP
} dladm_status_t;

typedef enum {
  DATALINK_CLASS_PHYS = 0x01,
  DATALINK_CLASS_VLAN = 0x02,
  DATALINK_CLASS_AGGR = 0x04,
  DATALINK_CLASS_VNIC = 0x08,
  DATALINK_CLASS_ETHERSTUB = 0x10,
  DATALINK_CLASS_SIMNET = 0x20,
  DATALINK_CLASS_BRIDGE = 0x40,
  DATALINK_CLASS_IPTUN = 0x80,
  DATALINK_CLASS_PART = 0x100,
  DATALINK_CLASS_OVERLAY = 0x200 /* SmartOS only */
} datalink_class_t;
#define DATALINK_CLASS_ALL 0x3ff
typedef uint64_t datalink_media_t;
#define DATALINK_ANY_MEDIATYPE ((datalink_media_t)(((datalink_media_t)0x01) << 32))

typedef enum {
  DLADM_PROP_VAL_CURRENT = 1,
  DLADM_PROP_VAL_DEFAULT,
  DLADM_PROP_VAL_PERM,
  DLADM_PROP_VAL_MODIFIABLE,
  DLADM_PROP_VAL_PERSISTENT
} dladm_prop_type_t;

typedef enum {
  VNIC_MAC_ADDR_TYPE_UNKNOWN = -1,
  VNIC_MAC_ADDR_TYPE_FIXED = 0,
  VNIC_MAC_ADDR_TYPE_RANDOM,
  VNIC_MAC_ADDR_TYPE_FACTORY,
  VNIC_MAC_ADDR_TYPE_AUTO,
  VNIC_MAC_ADDR_TYPE_PRIMARY,
  VNIC_MAC_ADDR_TYPE_VRID
} vnic_mac_addr_type_t;

typedef enum { LINK_STATE_UNKNOWN = -1, LINK_STATE_DOWN = 0, LINK_STATE_UP } link_state_t;

struct dladm_handle;
typedef struct dladm_handle* dladm_handle_t;

typedef struct dladm_arg_info { /* sizeof 528 */
  const char* ai_name;
  char* ai_val[DLADM_MAX_ARG_VALS];
  uint_t ai_count;
} dladm_arg_info_t;
typedef struct dladm_arg_list { /* sizeof 16912 */
  dladm_arg_info_t al_info[DLADM_MAX_ARG_CNT];
  uint_t al_count;
  char* al_buf;
} dladm_arg_list_t;
typedef struct dladm_errlist { /* SmartOS only */
  uint_t el_count;
  uint_t el_alloc;
  char** el_errs;
} dladm_errlist_t;

typedef struct dladm_attr {
  uint_t da_max_sdu;
} dladm_attr_t;
typedef struct dladm_phys_attr {
  char dp_dev[MAXLINKNAMELEN];
  boolean_t dp_novanity;
} dladm_phys_attr_t;

typedef uint32_t vrid_t;
typedef struct dladm_vnic_attr {         /* sizeof 15488, volatile */
  datalink_id_t va_vnic_id;              /*  0 */
  datalink_id_t va_link_id;              /*  4 the link below; 0 for an etherstub */
  vnic_mac_addr_type_t va_mac_addr_type; /* 8 */
  uint_t va_mac_len;                     /* 12 */
  uchar_t va_mac_addr[MAXMACADDRLEN];    /* 16 */
  int va_mac_slot;                       /* 36 */
  uint_t va_mac_prefix_len;              /* 40 */
  uint16_t va_vid;                       /* 44 */
  boolean_t va_force;                    /* 48 */
  vrid_t va_vrid;                        /* 52 */
  int va_af;                             /* 56 */
  uint32_t va_resource_props[3857];      /* 60; really mac_resource_props_t, 15428 bytes */
} dladm_vnic_attr_t;

typedef enum { AGGR_LACP_OFF = 0, AGGR_LACP_ACTIVE = 1, AGGR_LACP_PASSIVE = 2 } aggr_lacp_mode_t;
typedef enum { AGGR_LACP_TIMER_LONG = 0, AGGR_LACP_TIMER_SHORT = 1 } aggr_lacp_timer_t;
typedef enum { AGGR_PORT_STATE_STANDBY = 1, AGGR_PORT_STATE_ATTACHED = 2 } aggr_port_state_t;
#define AGGR_POLICY_L2 0x01
#define AGGR_POLICY_L3 0x02
#define AGGR_POLICY_L4 0x04
typedef struct dladm_aggr_port_attr_db {
  datalink_id_t lp_linkid;
} dladm_aggr_port_attr_db_t;
typedef struct dladm_aggr_port_attr {
  datalink_id_t lp_linkid;
  uchar_t lp_mac[ETHERADDRL];
  aggr_port_state_t lp_state;
  uint8_t lp_lacp_state; /* a one-byte union in the real header */
} dladm_aggr_port_attr_t;
typedef struct dladm_aggr_grp_attr {
  datalink_id_t lg_linkid;
  uint32_t lg_key;
  uint32_t lg_nports;
  dladm_aggr_port_attr_t* lg_ports; /* malloc'ed by dladm_aggr_info */
  uint32_t lg_policy;
  uchar_t lg_mac[ETHERADDRL];
  boolean_t lg_mac_fixed;
  boolean_t lg_force;
  aggr_lacp_mode_t lg_lacp_mode;
  aggr_lacp_timer_t lg_lacp_timer;
} dladm_aggr_grp_attr_t;

typedef struct dladm_simnet_attr {
  datalink_id_t sna_link_id;
  datalink_id_t sna_peer_link_id;
  uchar_t sna_mac_addr[MAXMACADDRLEN];
  uint_t sna_mac_len;
  uint_t sna_type;
} dladm_simnet_attr_t;
typedef struct dladm_vlan_attr {
  uint16_t dv_vid;
  datalink_id_t dv_linkid;
  boolean_t dv_force;
} dladm_vlan_attr_t;

typedef int(dladm_walkcb_t)(const char*, void*);

extern dladm_status_t dladm_open(dladm_handle_t*);
extern void dladm_close(dladm_handle_t);
extern const char* dladm_status2str(dladm_status_t, char*);
extern const char* dladm_class2str(datalink_class_t, char*);
extern const char* dladm_media2str(uint32_t, char*);
extern boolean_t dladm_valid_linkname(const char*);

}  // extern "C"
