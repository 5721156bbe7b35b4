// Resources as the library's structures, with what these point to, and back.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "illumos/zonecfg.h"
#include "illumos/zonecfg_library.h"

namespace smartadm::zonecfg {

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

inline std::vector<Property> TakeProperties(zone_res_attrtab* list) {
  std::vector<Property> properties;
  for (const zone_res_attrtab* at = list; at != nullptr; at = at->zone_res_attr_next) {
    properties.push_back({at->zone_res_attr_name, at->zone_res_attr_value});
  }
  if (list != nullptr) Lib().zonecfg_free_res_attr_list(list);
  return properties;
}

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

}  // namespace smartadm::zonecfg
