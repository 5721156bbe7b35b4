// What libdladm says of its status codes.
#pragma once

#include <libdladm.h>

namespace standin {

inline const char* StatusText(dladm_status_t status) {
  switch (status) {
    case DLADM_STATUS_OK:
      return "ok";
    case DLADM_STATUS_BADARG:
      return "invalid argument";
    case DLADM_STATUS_FAILED:
      return "operation failed";
    case DLADM_STATUS_TOOSMALL:
      return "buffer size too small";
    case DLADM_STATUS_NOTSUP:
      return "operation not supported";
    case DLADM_STATUS_NOTFOUND:
      return "object not found";
    case DLADM_STATUS_BADVAL:
      return "invalid value";
    case DLADM_STATUS_NOMEM:
      return "insufficient memory";
    case DLADM_STATUS_EXIST:
      return "object already exists";
    case DLADM_STATUS_LINKINVAL:
      return "invalid link";
    case DLADM_STATUS_PROPRDONLY:
      return "read-only property";
    case DLADM_STATUS_BADVALCNT:
      return "invalid number of values";
    case DLADM_STATUS_DBNOTFOUND:
      return "database not found";
    case DLADM_STATUS_DENIED:
      return "permission denied";
    case DLADM_STATUS_IOERR:
      return "I/O error";
    case DLADM_STATUS_TEMPONLY:
      return "change cannot be persistent";
    case DLADM_STATUS_TIMEDOUT:
      return "operation timed out";
    case DLADM_STATUS_ISCONN:
      return "already connected";
    case DLADM_STATUS_NOTCONN:
      return "not connected";
    case DLADM_STATUS_REPOSITORYINVAL:
      return "invalid configuration repository";
    case DLADM_STATUS_MACADDRINVAL:
      return "invalid MAC address";
    case DLADM_STATUS_KEYINVAL:
      return "invalid key";
    case DLADM_STATUS_INVALIDMACADDRLEN:
      return "invalid MAC address length";
    case DLADM_STATUS_INVALIDMACADDRTYPE:
      return "invalid MAC address type";
    case DLADM_STATUS_LINKBUSY:
      return "link busy";
    case DLADM_STATUS_VIDINVAL:
      return "invalid VLAN identifier";
    case DLADM_STATUS_NONOTIF:
      return "link notification is not supported";
    case DLADM_STATUS_TRYAGAIN:
      return "try again later";
    case DLADM_STATUS_IPTUNTYPE:
      return "invalid IP tunnel type";
    case DLADM_STATUS_IPTUNTYPEREQD:
      return "IP tunnel type required";
    case DLADM_STATUS_BADIPTUNLADDR:
      return "invalid local IP tunnel address";
    case DLADM_STATUS_BADIPTUNRADDR:
      return "invalid remote IP tunnel address";
    case DLADM_STATUS_ADDRINUSE:
      return "address already in use";
    case DLADM_STATUS_BADTIMEVAL:
      return "invalid time range";
    case DLADM_STATUS_INVALIDMACADDR:
      return "invalid MAC address value";
    case DLADM_STATUS_INVALIDMACADDRNIC:
      return "MAC address reserved for use by underlying data-link";
    case DLADM_STATUS_INVALIDMACADDRINUSE:
      return "MAC address is already in use";
    case DLADM_STATUS_MACFACTORYSLOTINVALID:
      return "invalid factory MAC address slot";
    case DLADM_STATUS_MACFACTORYSLOTUSED:
      return "factory MAC address slot already used";
    case DLADM_STATUS_MACFACTORYSLOTALLUSED:
      return "all factory MAC address slots are in use";
    case DLADM_STATUS_MACFACTORYNOTSUP:
      return "factory MAC address slots not supported";
    case DLADM_STATUS_INVALIDMACPREFIX:
      return "Invalid MAC address prefix value";
    case DLADM_STATUS_INVALIDMACPREFIXLEN:
      return "Invalid MAC address prefix length";
    case DLADM_STATUS_BADCPUID:
      return "non-existent processor ID";
    case DLADM_STATUS_CPUERR:
      return "could not determine processor status";
    case DLADM_STATUS_CPUNOTONLINE:
      return "processor not online";
    case DLADM_STATUS_BADRANGE:
      return "invalid range";
    case DLADM_STATUS_TOOMANYELEMENTS:
      return "too many elements specified";
    case DLADM_STATUS_DB_NOTFOUND:
      return "database not found";
    case DLADM_STATUS_DB_PARSE_ERR:
      return "database parse error";
    case DLADM_STATUS_PROP_PARSE_ERR:
      return "property parse error";
    case DLADM_STATUS_ATTR_PARSE_ERR:
      return "attribute parse error";
    case DLADM_STATUS_FLOW_DB_ERR:
      return "flow database error";
    case DLADM_STATUS_FLOW_DB_OPEN_ERR:
      return "flow database open error";
    case DLADM_STATUS_FLOW_DB_PARSE_ERR:
      return "flow database parse error";
    case DLADM_STATUS_FLOWPROP_DB_PARSE_ERR:
      return "flow property database parse error";
    case DLADM_STATUS_FLOW_ADD_ERR:
      return "flow add error";
    case DLADM_STATUS_FLOW_WALK_ERR:
      return "flow walk error";
    case DLADM_STATUS_FLOW_IDENTICAL:
      return "a flow with identical attributes exists";
    case DLADM_STATUS_FLOW_INCOMPATIBLE:
      return "flow(s) with incompatible attributes exists";
    case DLADM_STATUS_FLOW_EXISTS:
      return "link still has flows";
    case DLADM_STATUS_PERSIST_FLOW_EXISTS:
      return "persistent flow with the same name exists";
    case DLADM_STATUS_INVALID_IP:
      return "invalid IP address";
    case DLADM_STATUS_INVALID_PREFIXLEN:
      return "invalid IP prefix length";
    case DLADM_STATUS_INVALID_PROTOCOL:
      return "invalid IP protocol";
    case DLADM_STATUS_INVALID_PORT:
      return "invalid port number";
    case DLADM_STATUS_INVALID_DSF:
      return "invalid dsfield";
    case DLADM_STATUS_INVALID_DSFMASK:
      return "invalid dsfield mask";
    case DLADM_STATUS_INVALID_MACMARGIN:
      return "MTU check failed, use lower MTU or -f option";
    case DLADM_STATUS_NOTDEFINED:
      return "<unknown error>";
    case DLADM_STATUS_BADPROP:
      return "invalid property";
    case DLADM_STATUS_MINMAXBW:
      return "minimum value for maxbw is 1200K";
    case DLADM_STATUS_NO_HWRINGS:
      return "request hw rings failed";
    case DLADM_STATUS_PERMONLY:
      return "change must be persistent";
    case DLADM_STATUS_OPTMISSING:
      return "optional software not installed";
    case DLADM_STATUS_POOLCPU:
      return "pool and cpus property are mutually exclusive";
    case DLADM_STATUS_INVALID_PORT_INSTANCE:
      return "invalid IB phys link";
    case DLADM_STATUS_PORT_IS_DOWN:
      return "port is down";
    case DLADM_STATUS_PKEY_NOT_PRESENT:
      return "PKEY is not present on the port";
    case DLADM_STATUS_PARTITION_EXISTS:
      return "partition already exists";
    case DLADM_STATUS_INVALID_PKEY:
      return "invalid PKEY";
    case DLADM_STATUS_NO_IB_HW_RESOURCE:
      return "IB internal resource not available";
    case DLADM_STATUS_INVALID_PKEY_TBL_SIZE:
      return "invalid PKEY table size";
    case DLADM_STATUS_PORT_NOPROTO:
      return "local or remote port requires transport";
    case DLADM_STATUS_INVALID_MTU:
      return "MTU check failed, MTU outside of device's supported range";
    case DLADM_STATUS_BAD_ENCAP:
      return "invalid encapsulation protocol";
    case DLADM_STATUS_PERSIST_ON_TEMP:
      return "can't create persistent object on top of temporary object";
  }
  return "<unknown error>";
}

}  // namespace standin
