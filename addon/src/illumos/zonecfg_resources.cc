// Document: resources of one zone's configuration.
#include "core/overloaded.h"
#include "illumos/zonecfg_tables.h"

namespace smartadm::zonecfg {
namespace {

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

}  // namespace smartadm::zonecfg
