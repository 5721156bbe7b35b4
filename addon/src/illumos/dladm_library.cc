#include "illumos/dladm_library.h"

#include <vector>

#include "illumos/dladm.h"

namespace smartadm::dladm {
namespace {

std::mutex& LibraryMutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}

}  // namespace

Library::Library(void* opened)
    :
#define SMARTADM_LOOK_UP(name) name(opened, "dladm", #name),
      SMARTADM_DLADM_FUNCTIONS(SMARTADM_LOOK_UP)
#undef SMARTADM_LOOK_UP
          handle(opened) {
}

const Library& Lib() {
  // Left behind at exit: work may still run then.
  static const Library& library = *new Library(OpenSystemLibrary("dladm", "libdladm.so.1"));
  return library;
}

void OpenLibrary() { Lib(); }

std::vector<std::string> MissingFunctions() {
  std::vector<std::string> missing;
#define SMARTADM_NOTE(name) \
  if (Lib().name.IsMissing()) missing.push_back(#name);
  SMARTADM_DLADM_FUNCTIONS(SMARTADM_NOTE)
#undef SMARTADM_NOTE
  return missing;
}

const char* StatusName(dladm_status_t status) {
  switch (status) {
#define SMARTADM_NAME(name) \
  case DLADM_STATUS_##name: \
    return "DLADM_STATUS_" #name;
    SMARTADM_NAME(OK)
    SMARTADM_NAME(BADARG)
    SMARTADM_NAME(FAILED)
    SMARTADM_NAME(TOOSMALL)
    SMARTADM_NAME(NOTSUP)
    SMARTADM_NAME(NOTFOUND)
    SMARTADM_NAME(BADVAL)
    SMARTADM_NAME(NOMEM)
    SMARTADM_NAME(EXIST)
    SMARTADM_NAME(LINKINVAL)
    SMARTADM_NAME(PROPRDONLY)
    SMARTADM_NAME(BADVALCNT)
    SMARTADM_NAME(DBNOTFOUND)
    SMARTADM_NAME(DENIED)
    SMARTADM_NAME(IOERR)
    SMARTADM_NAME(TEMPONLY)
    SMARTADM_NAME(TIMEDOUT)
    SMARTADM_NAME(ISCONN)
    SMARTADM_NAME(NOTCONN)
    SMARTADM_NAME(REPOSITORYINVAL)
    SMARTADM_NAME(MACADDRINVAL)
    SMARTADM_NAME(KEYINVAL)
    SMARTADM_NAME(INVALIDMACADDRLEN)
    SMARTADM_NAME(INVALIDMACADDRTYPE)
    SMARTADM_NAME(LINKBUSY)
    SMARTADM_NAME(VIDINVAL)
    SMARTADM_NAME(NONOTIF)
    SMARTADM_NAME(TRYAGAIN)
    SMARTADM_NAME(IPTUNTYPE)
    SMARTADM_NAME(IPTUNTYPEREQD)
    SMARTADM_NAME(BADIPTUNLADDR)
    SMARTADM_NAME(BADIPTUNRADDR)
    SMARTADM_NAME(ADDRINUSE)
    SMARTADM_NAME(BADTIMEVAL)
    SMARTADM_NAME(INVALIDMACADDR)
    SMARTADM_NAME(INVALIDMACADDRNIC)
    SMARTADM_NAME(INVALIDMACADDRINUSE)
    SMARTADM_NAME(MACFACTORYSLOTINVALID)
    SMARTADM_NAME(MACFACTORYSLOTUSED)
    SMARTADM_NAME(MACFACTORYSLOTALLUSED)
    SMARTADM_NAME(MACFACTORYNOTSUP)
    SMARTADM_NAME(INVALIDMACPREFIX)
    SMARTADM_NAME(INVALIDMACPREFIXLEN)
    SMARTADM_NAME(BADCPUID)
    SMARTADM_NAME(CPUERR)
    SMARTADM_NAME(CPUNOTONLINE)
    SMARTADM_NAME(BADRANGE)
    SMARTADM_NAME(TOOMANYELEMENTS)
    SMARTADM_NAME(DB_NOTFOUND)
    SMARTADM_NAME(DB_PARSE_ERR)
    SMARTADM_NAME(PROP_PARSE_ERR)
    SMARTADM_NAME(ATTR_PARSE_ERR)
    SMARTADM_NAME(FLOW_DB_ERR)
    SMARTADM_NAME(FLOW_DB_OPEN_ERR)
    SMARTADM_NAME(FLOW_DB_PARSE_ERR)
    SMARTADM_NAME(FLOWPROP_DB_PARSE_ERR)
    SMARTADM_NAME(FLOW_ADD_ERR)
    SMARTADM_NAME(FLOW_WALK_ERR)
    SMARTADM_NAME(FLOW_IDENTICAL)
    SMARTADM_NAME(FLOW_INCOMPATIBLE)
    SMARTADM_NAME(FLOW_EXISTS)
    SMARTADM_NAME(PERSIST_FLOW_EXISTS)
    SMARTADM_NAME(INVALID_IP)
    SMARTADM_NAME(INVALID_PREFIXLEN)
    SMARTADM_NAME(INVALID_PROTOCOL)
    SMARTADM_NAME(INVALID_PORT)
    SMARTADM_NAME(INVALID_DSF)
    SMARTADM_NAME(INVALID_DSFMASK)
    SMARTADM_NAME(INVALID_MACMARGIN)
    SMARTADM_NAME(NOTDEFINED)
    SMARTADM_NAME(BADPROP)
    SMARTADM_NAME(MINMAXBW)
    SMARTADM_NAME(NO_HWRINGS)
    SMARTADM_NAME(PERMONLY)
    SMARTADM_NAME(OPTMISSING)
    SMARTADM_NAME(POOLCPU)
    SMARTADM_NAME(INVALID_PORT_INSTANCE)
    SMARTADM_NAME(PORT_IS_DOWN)
    SMARTADM_NAME(PKEY_NOT_PRESENT)
    SMARTADM_NAME(PARTITION_EXISTS)
    SMARTADM_NAME(INVALID_PKEY)
    SMARTADM_NAME(NO_IB_HW_RESOURCE)
    SMARTADM_NAME(INVALID_PKEY_TBL_SIZE)
    SMARTADM_NAME(PORT_NOPROTO)
    SMARTADM_NAME(INVALID_MTU)
    SMARTADM_NAME(BAD_ENCAP)
    SMARTADM_NAME(PERSIST_ON_TEMP)
#undef SMARTADM_NAME
    default:
      return "DLADM_STATUS_UNKNOWN";
  }
}

void Check(dladm_status_t status, const char* operation, const std::string& subject, const std::string& more) {
  if (status == DLADM_STATUS_OK) return;
  char words[DLADM_STRSIZE] = "";
  Lib().dladm_status2str(status, words);
  std::string message = std::string(operation) + (subject.empty() ? "" : " " + subject) + ": " + words;
  if (!more.empty()) message += ": " + more;
  throw NativeError("dladm", operation, StatusName(status), static_cast<int>(status), message);
}

Session::Session() : lock_(LibraryMutex()) { Check(Lib().dladm_open(&handle_), "dladm_open", ""); }

Session::~Session() { Lib().dladm_close(handle_); }

}  // namespace smartadm::dladm
