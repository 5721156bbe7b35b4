#include "illumos/zonecfg_library.h"

#include <cerrno>
#include <vector>

#include "illumos/zonecfg.h"

namespace smartadm::zonecfg {
void OpenLibrary() { Lib(); }

std::vector<std::string> MissingFunctions() { return Lib().missing(); }

std::mutex& LibraryMutex() { return MutexOf<Library>(); }

const char* CodeName(int code) {
  switch (code) {
#define SMARTADM_NAME(name) \
  case name:                \
    return #name;
    SMARTADM_NAME(Z_OK)
    SMARTADM_NAME(Z_EMPTY_DOCUMENT)
    SMARTADM_NAME(Z_WRONG_DOC_TYPE)
    SMARTADM_NAME(Z_BAD_PROPERTY)
    SMARTADM_NAME(Z_TEMP_FILE)
    SMARTADM_NAME(Z_SAVING_FILE)
    SMARTADM_NAME(Z_NO_ENTRY)
    SMARTADM_NAME(Z_BOGUS_ZONE_NAME)
    SMARTADM_NAME(Z_REQD_RESOURCE_MISSING)
    SMARTADM_NAME(Z_REQD_PROPERTY_MISSING)
    SMARTADM_NAME(Z_BAD_HANDLE)
    SMARTADM_NAME(Z_NOMEM)
    SMARTADM_NAME(Z_INVAL)
    SMARTADM_NAME(Z_ACCES)
    SMARTADM_NAME(Z_TOO_BIG)
    SMARTADM_NAME(Z_MISC_FS)
    SMARTADM_NAME(Z_NO_ZONE)
    SMARTADM_NAME(Z_NO_RESOURCE_TYPE)
    SMARTADM_NAME(Z_NO_RESOURCE_ID)
    SMARTADM_NAME(Z_NO_PROPERTY_TYPE)
    SMARTADM_NAME(Z_NO_PROPERTY_ID)
    SMARTADM_NAME(Z_BAD_ZONE_STATE)
    SMARTADM_NAME(Z_INVALID_DOCUMENT)
    SMARTADM_NAME(Z_NAME_IN_USE)
    SMARTADM_NAME(Z_NO_SUCH_ID)
    SMARTADM_NAME(Z_UPDATING_INDEX)
    SMARTADM_NAME(Z_LOCKING_FILE)
    SMARTADM_NAME(Z_UNLOCKING_FILE)
    SMARTADM_NAME(Z_SYSTEM)
    SMARTADM_NAME(Z_INSUFFICIENT_SPEC)
    SMARTADM_NAME(Z_RESOLVED_PATH)
    SMARTADM_NAME(Z_IPV6_ADDR_PREFIX_LEN)
    SMARTADM_NAME(Z_BOGUS_ADDRESS)
    SMARTADM_NAME(Z_PRIV_PROHIBITED)
    SMARTADM_NAME(Z_PRIV_REQUIRED)
    SMARTADM_NAME(Z_PRIV_UNKNOWN)
    SMARTADM_NAME(Z_BRAND_ERROR)
    SMARTADM_NAME(Z_INCOMPATIBLE)
    SMARTADM_NAME(Z_ALIAS_DISALLOW)
    SMARTADM_NAME(Z_CLEAR_DISALLOW)
    SMARTADM_NAME(Z_POOL)
    SMARTADM_NAME(Z_POOLS_NOT_ACTIVE)
    SMARTADM_NAME(Z_POOL_ENABLE)
    SMARTADM_NAME(Z_NO_POOL)
    SMARTADM_NAME(Z_POOL_CREATE)
    SMARTADM_NAME(Z_POOL_BIND)
    SMARTADM_NAME(Z_INVALID_PROPERTY)
#undef SMARTADM_NAME
    default:
      return "Z_UNKNOWN";
  }
}

void Fail(const char* operation, const std::string& subject, int code) {
  const int error = errno;
  if (code == Z_SYSTEM) throw NativeError("zonecfg", operation, error, subject);
  throw NativeError("zonecfg", operation, CodeName(code), code,
                    std::string(operation) + (subject.empty() ? "" : " " + subject) + ": " + ErrorText(code));
}

void RequireName(const std::string& name) {
  bool good = !name.empty() && name.size() < ZONENAME_MAX;
  for (const char c : name) good = good && c != '/' && static_cast<unsigned char>(c) >= 0x20;
  if (!good) Fail("use as the name of a zone", name, Z_BOGUS_ZONE_NAME);
}

zone_dochandle_t NewDocumentHandle() {
  Lib().zonecfg_fini_handle.Require();
  const zone_dochandle_t handle = Lib().zonecfg_init_handle();
  if (handle == nullptr) Fail("zonecfg_init_handle", "", Z_NOMEM);
  return handle;
}

bool FitsIndex(const std::string& text) {
  for (const char c : text) {
    if (c == '"' || static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

std::string ErrorText(int code) { return Lib().zonecfg_strerror(code); }

}  // namespace smartadm::zonecfg
