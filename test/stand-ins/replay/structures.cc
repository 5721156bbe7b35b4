#include "structures.h"

#include <cstdlib>
#include <cstring>

namespace replay {
namespace {

template <size_t N>
void Put(const Json& value, const char* field, char (&to)[N]) {
  const std::string text = value.Bytes();
  if (text.size() >= N) throw TooLong{field, N};
  std::memcpy(to, text.c_str(), text.size() + 1);
}

template <typename T>
T* Allocate() {
  return static_cast<T*>(std::calloc(1, sizeof(T)));
}

// An object of which empty fields are left out.
class Object {
 public:
  void Add(const char* field, const char* text) {
    if (text[0] != '\0') AddRaw(field, Quote(text));
  }
  void AddRaw(const char* field, const std::string& json) {
    if (!text_.empty()) text_ += ',';
    text_ += Quote(field) + ":" + json;
  }
  std::string Close() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

}  // namespace

struct zone_rctlvaltab* ReadRctlValue(const Json& value) {
  auto* tab = Allocate<struct zone_rctlvaltab>();
  Put(value.At(0), "priv", tab->zone_rctlval_priv);
  Put(value.At(1), "limit", tab->zone_rctlval_limit);
  Put(value.At(2), "action", tab->zone_rctlval_action);
  return tab;
}

struct zone_res_attrtab* ReadProperty(const Json& value) {
  auto* tab = Allocate<struct zone_res_attrtab>();
  Put(value.At(0), "attr name", tab->zone_res_attr_name);
  Put(value.At(1), "attr value", tab->zone_res_attr_value);
  return tab;
}

struct zone_res_attrtab* ReadProperties(const Json& list) {
  struct zone_res_attrtab* head = nullptr;
  struct zone_res_attrtab** end = &head;
  for (const Json& item : list.items) {
    *end = ReadProperty(item);
    end = &(*end)->zone_res_attr_next;
  }
  return head;
}

void Read(const Json& value, struct zone_fstab* tab) {
  Put(value["special"], "special", tab->zone_fs_special);
  Put(value["dir"], "dir", tab->zone_fs_dir);
  Put(value["type"], "type", tab->zone_fs_type);
  Put(value["raw"], "raw", tab->zone_fs_raw);
  zone_fsopt_t** end = &tab->zone_fs_options;
  for (const Json& option : value["options"].items) {
    *end = Allocate<zone_fsopt_t>();
    Put(option, "option", (*end)->zone_fsopt_opt);
    end = &(*end)->zone_fsopt_next;
  }
}

void Read(const Json& value, struct zone_nwiftab* tab) {
  Put(value["physical"], "physical", tab->zone_nwif_physical);
  Put(value["address"], "address", tab->zone_nwif_address);
  Put(value["allowed_address"], "allowed_address", tab->zone_nwif_allowed_address);
  Put(value["mac"], "mac", tab->zone_nwif_mac);
  Put(value["vlan_id"], "vlan_id", tab->zone_nwif_vlan_id);
  Put(value["gnic"], "gnic", tab->zone_nwif_gnic);
  Put(value["defrouter"], "defrouter", tab->zone_nwif_defrouter);
  tab->zone_nwif_attrp = ReadProperties(value["attrs"]);
}

void Read(const Json& value, struct zone_devtab* tab) {
  Put(value["match"], "match", tab->zone_dev_match);
  tab->zone_dev_attrp = ReadProperties(value["attrs"]);
}

void Read(const Json& value, struct zone_attrtab* tab) {
  Put(value["name"], "name", tab->zone_attr_name);
  Put(value["type"], "type", tab->zone_attr_type);
  Put(value["value"], "value", tab->zone_attr_value);
}

void Read(const Json& value, struct zone_rctltab* tab) {
  Put(value["name"], "name", tab->zone_rctl_name);
  struct zone_rctlvaltab** end = &tab->zone_rctl_valptr;
  for (const Json& item : value["values"].items) {
    *end = ReadRctlValue(item);
    end = &(*end)->zone_rctlval_next;
  }
}

void Read(const Json& value, struct zone_dstab* tab) { Put(value["name"], "name", tab->zone_dataset_name); }

void Read(const Json& value, struct zone_psettab* tab) {
  Put(value["ncpu_min"], "ncpu_min", tab->zone_ncpu_min);
  Put(value["ncpu_max"], "ncpu_max", tab->zone_ncpu_max);
  Put(value["importance"], "importance", tab->zone_importance);
}

void Read(const Json& value, struct zone_admintab* tab) {
  Put(value["user"], "user", tab->zone_admin_user);
  Put(value["auths"], "auths", tab->zone_admin_auths);
}

void Read(const Json& value, struct zone_secflagstab* tab) {
  Put(value["default"], "default", tab->zone_secflags_default);
  Put(value["lower"], "lower", tab->zone_secflags_lower);
  Put(value["upper"], "upper", tab->zone_secflags_upper);
}

std::string ShowProperties(const struct zone_res_attrtab* list) {
  std::string text;
  for (; list != nullptr; list = list->zone_res_attr_next) {
    if (!text.empty()) text += ',';
    text += "[" + Quote(list->zone_res_attr_name) + "," + Quote(list->zone_res_attr_value) + "]";
  }
  return "[" + text + "]";
}

std::string Show(const struct zone_fstab& tab) {
  Object object;
  object.Add("special", tab.zone_fs_special);
  object.Add("dir", tab.zone_fs_dir);
  object.Add("type", tab.zone_fs_type);
  object.Add("raw", tab.zone_fs_raw);
  std::string options;
  for (const zone_fsopt_t* option = tab.zone_fs_options; option != nullptr; option = option->zone_fsopt_next) {
    options += (options.empty() ? "" : ",") + Quote(option->zone_fsopt_opt);
  }
  if (!options.empty()) object.AddRaw("options", "[" + options + "]");
  return object.Close();
}

std::string Show(const struct zone_nwiftab& tab) {
  Object object;
  object.Add("address", tab.zone_nwif_address);
  object.Add("allowed_address", tab.zone_nwif_allowed_address);
  object.Add("physical", tab.zone_nwif_physical);
  object.Add("mac", tab.zone_nwif_mac);
  object.Add("vlan_id", tab.zone_nwif_vlan_id);
  object.Add("gnic", tab.zone_nwif_gnic);
  object.Add("defrouter", tab.zone_nwif_defrouter);
  if (tab.zone_nwif_attrp != nullptr) object.AddRaw("attrs", ShowProperties(tab.zone_nwif_attrp));
  return object.Close();
}

std::string Show(const struct zone_devtab& tab) {
  Object object;
  object.Add("match", tab.zone_dev_match);
  if (tab.zone_dev_attrp != nullptr) object.AddRaw("attrs", ShowProperties(tab.zone_dev_attrp));
  return object.Close();
}

std::string Show(const struct zone_attrtab& tab) {
  Object object;
  object.Add("name", tab.zone_attr_name);
  object.Add("type", tab.zone_attr_type);
  object.Add("value", tab.zone_attr_value);
  return object.Close();
}

std::string Show(const struct zone_rctltab& tab) {
  Object object;
  object.Add("name", tab.zone_rctl_name);
  std::string values;
  for (auto* value = tab.zone_rctl_valptr; value != nullptr; value = value->zone_rctlval_next) {
    values += std::string(values.empty() ? "" : ",") + "[" + Quote(value->zone_rctlval_priv) + "," +
              Quote(value->zone_rctlval_limit) + "," + Quote(value->zone_rctlval_action) + "]";
  }
  if (!values.empty()) object.AddRaw("values", "[" + values + "]");
  return object.Close();
}

std::string Show(const struct zone_dstab& tab) {
  Object object;
  object.Add("name", tab.zone_dataset_name);
  return object.Close();
}

std::string Show(const struct zone_psettab& tab) {
  Object object;
  object.Add("ncpu_min", tab.zone_ncpu_min);
  object.Add("ncpu_max", tab.zone_ncpu_max);
  object.Add("importance", tab.zone_importance);
  return object.Close();
}

std::string Show(const struct zone_admintab& tab) {
  Object object;
  object.Add("user", tab.zone_admin_user);
  object.Add("auths", tab.zone_admin_auths);
  return object.Close();
}

std::string Show(const struct zone_secflagstab& tab) {
  Object object;
  object.Add("default", tab.zone_secflags_default);
  object.Add("lower", tab.zone_secflags_lower);
  object.Add("upper", tab.zone_secflags_upper);
  return object.Close();
}

}  // namespace replay
