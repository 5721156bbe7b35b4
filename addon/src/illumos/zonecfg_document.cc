// Document: where it comes from and goes to, and properties of the zone itself.
#include <cerrno>
#include <cstdlib>

#include "core/overloaded.h"
#include "core/owned.h"
#include "illumos/zonecfg.h"
#include "illumos/zonecfg_library.h"

namespace smartadm::zonecfg {
namespace {

// More than the library's own structures hold.
constexpr size_t kLongestText = 1 << 17;

}  // namespace

Document::Document(const Source& source)
    : handle_(NewDocumentHandle()),
      is_new_(std::holds_alternative<OfTemplate>(source) || std::holds_alternative<OfFile>(source)) {
  try {
    std::visit(Overloaded{
                   [&](const OfZone& of) {
                     RequireName(of.name);
                     name_ = of.name;
                     Check(Lib().zonecfg_get_handle(of.name.c_str(), handle_), "zonecfg_get_handle", of.name);
                   },
                   [&](const OfTemplate& of) {
                     RequireName(of.from);
                     name_ = of.name;
                     Check(Lib().zonecfg_validate_zonename(of.name.c_str()), "zonecfg_validate_zonename", of.name);
                     // Saved over a zone that is there, a new one would be configured, whatever that zone was.
                     if (StateOf(of.name)) Fail("zonecfg_get_template_handle", of.name, Z_NAME_IN_USE);
                     Check(Lib().zonecfg_get_template_handle(of.from.c_str(), of.name.c_str(), handle_),
                           "zonecfg_get_template_handle", of.from);
                   },
                   [&](const OfSnapshot& of) {
                     RequireName(of.name);
                     name_ = of.name;
                     Check(Lib().zonecfg_get_snapshot_handle(of.name.c_str(), handle_), "zonecfg_get_snapshot_handle",
                           of.name);
                   },
                   [&](const OfFile& of) {
                     name_ = of.path;
                     Check(Lib().zonecfg_get_xml_handle(of.path.c_str(), handle_), "zonecfg_get_xml_handle", of.path);
                   },
               },
               source);
  } catch (...) {
    // A document that is not valid could still be saved, which would end the process.
    Lib().zonecfg_fini_handle(handle_);
    throw;
  }
}

Document::~Document() {
  Exclusively([&] { Lib().zonecfg_fini_handle(handle_); });
}

std::optional<std::string> Document::Get(Text property) {
  const Library& lib = Lib();
  if (property == Text::kLimitpriv) {
    char* text = nullptr;
    const int code = lib.zonecfg_get_limitpriv(handle_, &text);
    const Owned<char, std::free> owned(text);
    if (code == Z_BAD_PROPERTY) return std::nullopt;
    Check(code, "zonecfg_get_limitpriv", name_);
    return *text == '\0' ? std::nullopt : std::optional<std::string>(text);
  }
  std::string buffer(kLongestText, '\0');
  const auto get = [&](const auto& function) { return function(handle_, buffer.data(), buffer.size()); };
  int code = Z_OK;
  switch (property) {
    case Text::kName:
      code = get(lib.zonecfg_get_name);
      break;
    case Text::kZonepath:
      code = get(lib.zonecfg_get_zonepath);
      break;
    case Text::kBrand:
      code = get(lib.zonecfg_get_brand);
      break;
    case Text::kPool:
      code = get(lib.zonecfg_get_pool);
      break;
    case Text::kBootargs:
      code = get(lib.zonecfg_get_bootargs);
      break;
    case Text::kSchedulingClass:
      code = get(lib.zonecfg_get_sched_class);
      break;
    case Text::kHostid:
      code = get(lib.zonecfg_get_hostid);
      break;
    case Text::kFsAllowed:
      code = get(lib.zonecfg_get_fs_allowed);
      break;
    case Text::kLimitpriv:
      break;
  }
  if (code == Z_BAD_PROPERTY) return std::nullopt;
  Check(code, "read the configuration of", name_);
  return buffer[0] == '\0' ? std::nullopt : std::optional<std::string>(buffer.c_str());
}

bool Document::Autoboot() {
  boolean_t autoboot = B_FALSE;
  Check(Lib().zonecfg_get_autoboot(handle_, &autoboot), "zonecfg_get_autoboot", name_);
  return autoboot == B_TRUE;
}

bool Document::ExclusiveIp() {
  zone_iptype_t type = ZS_SHARED;
  Check(Lib().zonecfg_get_iptype(handle_, &type), "zonecfg_get_iptype", name_);
  return type == ZS_EXCLUSIVE;
}

int32_t Document::Did() { return Lib().zonecfg_get_did(handle_); }

void Document::Set(Text property, const std::optional<std::string>& value) {
  const Library& lib = Lib();
  // The library takes text that it may write to, and null for none.
  std::string buffer = value.value_or("");
  char* text = value ? buffer.data() : nullptr;
  if (!value && (property == Text::kName || property == Text::kZonepath)) {
    Fail("take away the name or the zonepath of", name_, Z_CLEAR_DISALLOW);
  }
  int code = Z_OK;
  switch (property) {
    case Text::kName:
      code = lib.zonecfg_set_name(handle_, text);
      if (code == Z_OK) name_ = buffer;
      break;
    case Text::kZonepath:
      code = lib.zonecfg_set_zonepath(handle_, text);
      break;
    case Text::kBrand:
      code = lib.zonecfg_set_brand(handle_, text);
      break;
    case Text::kPool:
      code = lib.zonecfg_set_pool(handle_, text);
      break;
    case Text::kBootargs:
      code = lib.zonecfg_set_bootargs(handle_, text);
      break;
    case Text::kSchedulingClass:
      code = lib.zonecfg_set_sched(handle_, text);
      break;
    case Text::kLimitpriv:
      code = lib.zonecfg_set_limitpriv(handle_, text);
      break;
    case Text::kHostid:
      code = lib.zonecfg_set_hostid(handle_, text);
      break;
    case Text::kFsAllowed:
      code = lib.zonecfg_set_fs_allowed(handle_, text);
      break;
  }
  Check(code, "change the configuration of", name_);
}

void Document::SetAutoboot(bool autoboot) {
  Check(Lib().zonecfg_set_autoboot(handle_, autoboot ? B_TRUE : B_FALSE), "zonecfg_set_autoboot", name_);
}

void Document::SetExclusiveIp(bool exclusive) {
  Check(Lib().zonecfg_set_iptype(handle_, exclusive ? ZS_EXCLUSIVE : ZS_SHARED), "zonecfg_set_iptype", name_);
}

int32_t Document::AssignDid() {
  if (Did() != -1) return Did();
  errno = 0;
  Lib().zonecfg_set_did(handle_);
  // It does not say that it has failed.
  if (Did() == -1) throw NativeError("zonecfg", "zonecfg_set_did", errno == 0 ? EIO : errno, name_);
  return Did();
}

std::optional<uint64_t> Document::Limit(const std::string& alias) {
  uint64_t limit = 0;
  const int code = Lib().zonecfg_get_aliased_rctl(handle_, Writable(alias), &limit);
  if (code == Z_NO_ENTRY) return std::nullopt;
  Check(code, "zonecfg_get_aliased_rctl", alias);
  return limit;
}

void Document::SetLimit(const std::string& alias, uint64_t limit) {
  Check(Lib().zonecfg_set_aliased_rctl(handle_, Writable(alias), limit), "zonecfg_set_aliased_rctl", alias);
}

void Document::RemoveLimit(const std::string& alias) {
  Check(Lib().zonecfg_rm_aliased_rctl(handle_, Writable(alias)), "zonecfg_rm_aliased_rctl", alias);
}

bool Document::FixObsolete() { return Lib().zonecfg_fix_obsolete(handle_) != 0; }

void Document::Save() {
  // The name inside becomes that of the file, and a line of the index is made of the others, whatever a document says.
  const auto field = [&](Text property) {
    try {
      return Get(property).value_or("");
    } catch (const NativeError&) {
      // What the library cannot read, it does not write either.
      return std::string();
    }
  };
  const std::string name = field(Text::kName);
  const std::string brand = field(Text::kBrand);
  if (!FitsIndex(field(Text::kZonepath)) || !FitsIndex(brand) || brand.find(':') != std::string::npos) {
    Fail("zonecfg_save", name, Z_INVALID_PROPERTY);
  }
  // A longer one it refuses by itself.
  if (name.size() < ZONENAME_MAX) {
    RequireName(name);
    if (is_new_) Check(Lib().zonecfg_validate_zonename(name.c_str()), "zonecfg_validate_zonename", name);
    // Another one may have come since this was opened.
    if (is_new_ && StateOf(name)) Fail("zonecfg_save", name, Z_NAME_IN_USE);
  }
  Check(Lib().zonecfg_save(handle_), "zonecfg_save", name_);
  is_new_ = false;
}

void Document::NotifyCreate() { Lib().zonecfg_notify_create(handle_); }

}  // namespace smartadm::zonecfg
