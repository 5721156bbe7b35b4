// Document: properties and resources of one zone's configuration.
#include <cstdlib>
#include <cstring>

#include "core/owned.h"
#include "illumos/zonecfg.h"
#include "illumos/zonecfg_library.h"

namespace smartadm::zonecfg {
namespace {

// More than the library's own structures hold.
constexpr size_t kLongestText = 1 << 17;

template <size_t N>
void Put(const std::string& text, const char* what, char (&to)[N]) {
  if (text.size() >= N) {
    throw NativeError("zonecfg", "set", "Z_TOO_BIG", Z_TOO_BIG,
                      std::string(what) + " is longer than " + std::to_string(N - 1) + " bytes");
  }
  std::memcpy(to, text.c_str(), text.size() + 1);
}

// The list of properties that a structure points to.
class PropertyList {
 public:
  explicit PropertyList(const std::vector<Property>& properties) : nodes_(properties.size()) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Put(properties[i].name, "the name of a property", nodes_[i].zone_res_attr_name);
      Put(properties[i].value, "the value of a property", nodes_[i].zone_res_attr_value);
      nodes_[i].zone_res_attr_next = i + 1 < nodes_.size() ? &nodes_[i + 1] : nullptr;
    }
  }
  zone_res_attrtab* head() { return nodes_.empty() ? nullptr : nodes_.data(); }

 private:
  std::vector<zone_res_attrtab> nodes_;
};

std::vector<Property> TakeProperties(zone_res_attrtab* list) {
  std::vector<Property> properties;
  for (const zone_res_attrtab* at = list; at != nullptr; at = at->zone_res_attr_next) {
    properties.push_back({at->zone_res_attr_name, at->zone_res_attr_value});
  }
  if (list != nullptr) Lib().zonecfg_free_res_attr_list(list);
  return properties;
}

// A resource as the library's structure, with what that points to, and back.

struct AttrTab {
  explicit AttrTab(const Attr& from) : tab() {
    Put(from.name, "the name of an attr", tab.zone_attr_name);
    Put(from.type, "the type of an attr", tab.zone_attr_type);
    Put(from.value, "the value of an attr", tab.zone_attr_value);
  }
  Attr Take() const { return {tab.zone_attr_name, tab.zone_attr_type, tab.zone_attr_value}; }
  zone_attrtab* pointer() { return &tab; }
  zone_attrtab tab;
};

struct NetworkTab {
  explicit NetworkTab(const Network& from) : tab(), properties(from.properties) {
    Put(from.physical, "physical", tab.zone_nwif_physical);
    Put(from.address, "address", tab.zone_nwif_address);
    Put(from.allowed_address, "allowed-address", tab.zone_nwif_allowed_address);
    Put(from.mac, "mac-addr", tab.zone_nwif_mac);
    Put(from.vlan_id, "vlan-id", tab.zone_nwif_vlan_id);
    Put(from.global_nic, "global-nic", tab.zone_nwif_gnic);
    Put(from.defrouter, "defrouter", tab.zone_nwif_defrouter);
    tab.zone_nwif_attrp = properties.head();
  }
  Network Take() const {
    return {tab.zone_nwif_physical,        tab.zone_nwif_address,
            tab.zone_nwif_allowed_address, tab.zone_nwif_mac,
            tab.zone_nwif_vlan_id,         tab.zone_nwif_gnic,
            tab.zone_nwif_defrouter,       TakeProperties(tab.zone_nwif_attrp)};
  }
  zone_nwiftab* pointer() { return &tab; }
  zone_nwiftab tab;
  PropertyList properties;
};

struct DeviceTab {
  explicit DeviceTab(const Device& from) : tab(), properties(from.properties) {
    Put(from.match, "match", tab.zone_dev_match);
    tab.zone_dev_attrp = properties.head();
  }
  Device Take() const { return {tab.zone_dev_match, TakeProperties(tab.zone_dev_attrp)}; }
  zone_devtab* pointer() { return &tab; }
  zone_devtab tab;
  PropertyList properties;
};

struct RctlTab {
  explicit RctlTab(const Rctl& from) : tab(), values(from.values.size()) {
    Put(from.name, "the name of an rctl", tab.zone_rctl_name);
    for (size_t i = 0; i < values.size(); ++i) {
      Put(from.values[i].privilege, "the privilege of an rctl", values[i].zone_rctlval_priv);
      Put(from.values[i].limit, "the limit of an rctl", values[i].zone_rctlval_limit);
      Put(from.values[i].action, "the action of an rctl", values[i].zone_rctlval_action);
      values[i].zone_rctlval_next = i + 1 < values.size() ? &values[i + 1] : nullptr;
    }
    tab.zone_rctl_valptr = values.empty() ? nullptr : values.data();
  }
  Rctl Take() const {
    Rctl rctl = {tab.zone_rctl_name, {}};
    for (const zone_rctlvaltab* at = tab.zone_rctl_valptr; at != nullptr; at = at->zone_rctlval_next) {
      rctl.values.push_back({at->zone_rctlval_priv, at->zone_rctlval_limit, at->zone_rctlval_action});
    }
    if (tab.zone_rctl_valptr != nullptr) Lib().zonecfg_free_rctl_value_list(tab.zone_rctl_valptr);
    return rctl;
  }
  zone_rctltab* pointer() { return &tab; }
  zone_rctltab tab;
  std::vector<zone_rctlvaltab> values;
};

struct DatasetTab {
  explicit DatasetTab(const Dataset& from) : tab() { Put(from.name, "the name of a dataset", tab.zone_dataset_name); }
  Dataset Take() const { return {tab.zone_dataset_name}; }
  zone_dstab* pointer() { return &tab; }
  zone_dstab tab;
};

struct FilesystemTab {
  explicit FilesystemTab(const Filesystem& from) : tab(), options(from.options.size()) {
    Put(from.special, "special", tab.zone_fs_special);
    Put(from.directory, "dir", tab.zone_fs_dir);
    Put(from.type, "the type of a filesystem", tab.zone_fs_type);
    Put(from.raw, "raw", tab.zone_fs_raw);
    for (size_t i = 0; i < options.size(); ++i) {
      Put(from.options[i], "an option of a filesystem", options[i].zone_fsopt_opt);
      options[i].zone_fsopt_next = i + 1 < options.size() ? &options[i + 1] : nullptr;
    }
    tab.zone_fs_options = options.empty() ? nullptr : options.data();
  }
  Filesystem Take() const {
    Filesystem filesystem = {tab.zone_fs_special, tab.zone_fs_dir, tab.zone_fs_type, tab.zone_fs_raw, {}};
    for (const zone_fsopt_t* at = tab.zone_fs_options; at != nullptr; at = at->zone_fsopt_next) {
      filesystem.options.emplace_back(at->zone_fsopt_opt);
    }
    if (tab.zone_fs_options != nullptr) Lib().zonecfg_free_fs_option_list(tab.zone_fs_options);
    return filesystem;
  }
  zone_fstab* pointer() { return &tab; }
  zone_fstab tab;
  std::vector<zone_fsopt_t> options;
};

struct PsetTab {
  explicit PsetTab(const Pset& from) : tab() {
    Put(from.least, "ncpu_min", tab.zone_ncpu_min);
    Put(from.most, "ncpu_max", tab.zone_ncpu_max);
    Put(from.importance, "importance", tab.zone_importance);
  }
  Pset Take() const { return {tab.zone_ncpu_min, tab.zone_ncpu_max, tab.zone_importance}; }
  zone_psettab* pointer() { return &tab; }
  zone_psettab tab;
};

struct AdminTab {
  explicit AdminTab(const Admin& from) : tab() {
    Put(from.user, "user", tab.zone_admin_user);
    Put(from.auths, "auths", tab.zone_admin_auths);
  }
  Admin Take() const { return {tab.zone_admin_user, tab.zone_admin_auths}; }
  zone_admintab* pointer() { return &tab; }
  zone_admintab tab;
};

struct SecurityFlagsTab {
  explicit SecurityFlagsTab(const SecurityFlags& from) : tab() {
    Put(from.defaults, "default", tab.zone_secflags_default);
    Put(from.lower, "lower", tab.zone_secflags_lower);
    Put(from.upper, "upper", tab.zone_secflags_upper);
  }
  SecurityFlags Take() const { return {tab.zone_secflags_default, tab.zone_secflags_lower, tab.zone_secflags_upper}; }
  zone_secflagstab* pointer() { return &tab; }
  zone_secflagstab tab;
};

template <class... Visits>
struct Overloaded : Visits... {
  using Visits::operator()...;
};

template <typename Tab, typename T, typename Set, typename Get, typename End>
std::vector<Resource> ListEntries(zone_dochandle_t handle, const std::string& name, const Set& set, const Get& get,
                                  const End& end) {
  Check(set(handle), "list the resources of", name);
  std::vector<Resource> list;
  int code;
  for (;;) {
    Tab entry{T{}};
    code = get(handle, &entry.tab);
    if (code != Z_OK) break;
    list.emplace_back(entry.Take());
  }
  end(handle);
  if (code != Z_NO_ENTRY) Fail("list the resources of", name, code);
  return list;
}

// The one element of its kind.
template <typename Tab, typename T, typename Get>
std::vector<Resource> ListOne(zone_dochandle_t handle, const std::string& name, const Get& get) {
  Tab entry{T{}};
  const int code = get(handle, &entry.tab);
  if (code == Z_NO_ENTRY) return {};
  Check(code, "list the resources of", name);
  return {entry.Take()};
}

template <typename Tab, typename T, typename LookUp>
std::optional<Resource> FindBy(zone_dochandle_t handle, const std::string& name, const T& wanted,
                               const LookUp& look_up) {
  Tab entry{wanted};
  const int code = look_up(handle, &entry.tab);
  if (code == Z_NO_RESOURCE_ID || code == Z_NO_ENTRY) return std::nullopt;
  Check(code, "find a resource of", name);
  return entry.Take();
}

}  // namespace

Document::Document(const Source& source) : handle_(Lib().zonecfg_init_handle()) {
  if (handle_ == nullptr) throw NativeError("zonecfg", "zonecfg_init_handle", "Z_NOMEM", Z_NOMEM, "out of memory");
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
  if (Did() == -1) Lib().zonecfg_set_did(handle_);
  return Did();
}

void Document::Add(const Resource& resource) {
  const Library& lib = Lib();
  const int code = std::visit(
      Overloaded{
          [&](const Attr& each) { return lib.zonecfg_add_attr(handle_, AttrTab(each).pointer()); },
          [&](const Network& each) { return lib.zonecfg_add_nwif(handle_, NetworkTab(each).pointer()); },
          [&](const Device& each) { return lib.zonecfg_add_dev(handle_, DeviceTab(each).pointer()); },
          [&](const Rctl& each) { return lib.zonecfg_add_rctl(handle_, RctlTab(each).pointer()); },
          [&](const Dataset& each) { return lib.zonecfg_add_ds(handle_, DatasetTab(each).pointer()); },
          [&](const Filesystem& each) { return lib.zonecfg_add_filesystem(handle_, FilesystemTab(each).pointer()); },
          [&](const Pset& each) { return lib.zonecfg_add_pset(handle_, PsetTab(each).pointer()); },
          [&](const Admin& each) { return lib.zonecfg_add_admin(handle_, AdminTab(each).pointer(), Writable(name_)); },
          [&](const SecurityFlags& each) {
            return lib.zonecfg_add_secflags(handle_, SecurityFlagsTab(each).pointer());
          },
      },
      resource);
  Check(code, "add a resource to", name_);
}

void Document::Remove(const Resource& resource) {
  const Library& lib = Lib();
  const int code = std::visit(
      Overloaded{
          [&](const Attr& each) { return lib.zonecfg_delete_attr(handle_, AttrTab(each).pointer()); },
          [&](const Network& each) { return lib.zonecfg_delete_nwif(handle_, NetworkTab(each).pointer()); },
          [&](const Device& each) { return lib.zonecfg_delete_dev(handle_, DeviceTab(each).pointer()); },
          [&](const Rctl& each) { return lib.zonecfg_delete_rctl(handle_, RctlTab(each).pointer()); },
          [&](const Dataset& each) { return lib.zonecfg_delete_ds(handle_, DatasetTab(each).pointer()); },
          [&](const Filesystem& each) { return lib.zonecfg_delete_filesystem(handle_, FilesystemTab(each).pointer()); },
          [&](const Pset&) {
            // Before the first call on resources this one would crash.
            Count("attr");
            return lib.zonecfg_delete_pset(handle_);
          },
          [&](const Admin& each) {
            return lib.zonecfg_delete_admin(handle_, AdminTab(each).pointer(), Writable(name_));
          },
          [&](const SecurityFlags& each) {
            return lib.zonecfg_delete_secflags(handle_, SecurityFlagsTab(each).pointer());
          },
      },
      resource);
  Check(code, "remove a resource from", name_);
}

void Document::Replace(const Resource& before, const Resource& after) {
  const Library& lib = Lib();
  const int code = std::visit(
      Overloaded{
          [&](const Attr& from, const Attr& to) {
            return lib.zonecfg_modify_attr(handle_, AttrTab(from).pointer(), AttrTab(to).pointer());
          },
          [&](const Network& from, const Network& to) {
            return lib.zonecfg_modify_nwif(handle_, NetworkTab(from).pointer(), NetworkTab(to).pointer());
          },
          [&](const Device& from, const Device& to) {
            return lib.zonecfg_modify_dev(handle_, DeviceTab(from).pointer(), DeviceTab(to).pointer());
          },
          [&](const Rctl& from, const Rctl& to) {
            return lib.zonecfg_modify_rctl(handle_, RctlTab(from).pointer(), RctlTab(to).pointer());
          },
          [&](const Dataset& from, const Dataset& to) {
            return lib.zonecfg_modify_ds(handle_, DatasetTab(from).pointer(), DatasetTab(to).pointer());
          },
          [&](const Filesystem& from, const Filesystem& to) {
            return lib.zonecfg_modify_filesystem(handle_, FilesystemTab(from).pointer(), FilesystemTab(to).pointer());
          },
          [&](const Pset&, const Pset& to) {
            Count("attr");
            return lib.zonecfg_modify_pset(handle_, PsetTab(to).pointer());
          },
          [&](const auto& from, const auto& to) {
            if constexpr (!std::is_same_v<decltype(from), decltype(to)>) return int{Z_INVAL};
            Remove(from);
            Add(to);
            return int{Z_OK};
          },
      },
      before, after);
  Check(code, "replace a resource of", name_);
}

std::optional<Resource> Document::Find(const Resource& resource) {
  const Library& lib = Lib();
  return std::visit(
      Overloaded{
          [&](const Attr& each) { return FindBy<AttrTab>(handle_, name_, each, lib.zonecfg_lookup_attr); },
          [&](const Network& each) { return FindBy<NetworkTab>(handle_, name_, each, lib.zonecfg_lookup_nwif); },
          [&](const Device& each) { return FindBy<DeviceTab>(handle_, name_, each, lib.zonecfg_lookup_dev); },
          [&](const Rctl& each) { return FindBy<RctlTab>(handle_, name_, each, lib.zonecfg_lookup_rctl); },
          [&](const Dataset& each) { return FindBy<DatasetTab>(handle_, name_, each, lib.zonecfg_lookup_ds); },
          [&](const Filesystem& each) {
            return FindBy<FilesystemTab>(handle_, name_, each, lib.zonecfg_lookup_filesystem);
          },
          [&](const Pset& each) { return FindBy<PsetTab>(handle_, name_, each, lib.zonecfg_lookup_pset); },
          [&](const Admin& each) { return FindBy<AdminTab>(handle_, name_, each, lib.zonecfg_lookup_admin); },
          [&](const SecurityFlags& each) {
            return FindBy<SecurityFlagsTab>(handle_, name_, each, lib.zonecfg_lookup_secflags);
          },
      },
      resource);
}

std::vector<Resource> Document::List(Kind kind) {
  const Library& lib = Lib();
  switch (kind) {
    case Kind::kAttr:
      return ListEntries<AttrTab, Attr>(handle_, name_, lib.zonecfg_setattrent, lib.zonecfg_getattrent,
                                        lib.zonecfg_endattrent);
    case Kind::kNetwork:
      return ListEntries<NetworkTab, Network>(handle_, name_, lib.zonecfg_setnwifent, lib.zonecfg_getnwifent,
                                              lib.zonecfg_endnwifent);
    case Kind::kDevice:
      return ListEntries<DeviceTab, Device>(handle_, name_, lib.zonecfg_setdevent, lib.zonecfg_getdevent,
                                            lib.zonecfg_enddevent);
    case Kind::kRctl:
      return ListEntries<RctlTab, Rctl>(handle_, name_, lib.zonecfg_setrctlent, lib.zonecfg_getrctlent,
                                        lib.zonecfg_endrctlent);
    case Kind::kDataset:
      return ListEntries<DatasetTab, Dataset>(handle_, name_, lib.zonecfg_setdsent, lib.zonecfg_getdsent,
                                              lib.zonecfg_enddsent);
    case Kind::kFilesystem:
      return ListEntries<FilesystemTab, Filesystem>(handle_, name_, lib.zonecfg_setfsent, lib.zonecfg_getfsent,
                                                    lib.zonecfg_endfsent);
    case Kind::kAdmin:
      return ListEntries<AdminTab, Admin>(handle_, name_, lib.zonecfg_setadminent, lib.zonecfg_getadminent,
                                          lib.zonecfg_endadminent);
    case Kind::kPset:
      return ListOne<PsetTab, Pset>(handle_, name_, lib.zonecfg_getpsetent);
    case Kind::kSecurityFlags:
      return ListOne<SecurityFlagsTab, SecurityFlags>(handle_, name_, lib.zonecfg_getsecflagsent);
  }
  return {};
}

int Document::Count(const std::string& resource) { return Lib().zonecfg_num_resources(handle_, Writable(resource)); }

void Document::RemoveAll(const std::string& resource) {
  Check(Lib().zonecfg_del_all_resources(handle_, Writable(resource)), "remove all resources from", name_);
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

void Document::Save() { Check(Lib().zonecfg_save(handle_), "zonecfg_save", name_); }

void Document::NotifyCreate() { Lib().zonecfg_notify_create(handle_); }

}  // namespace smartadm::zonecfg
