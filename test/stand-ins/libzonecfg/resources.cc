// Resources of a zone: adding, deleting, looking up and listing elements of its document.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "stand_in.h"

using namespace standin;

namespace {

bool IsNamed(xmlNodePtr node, const char* name) {
  return node->type == XML_ELEMENT_NODE && std::strcmp(Text(node->name), name) == 0;
}

xmlNodePtr AddElement(xmlNodePtr parent, const char* name) {
  return xmlNewTextChild(parent, nullptr, Xml(name), nullptr);
}

void AddAttribute(xmlNodePtr node, const char* name, const char* value) { xmlNewProp(node, Xml(name), Xml(value)); }

void AddIfGiven(xmlNodePtr node, const char* name, const char* value) {
  if (value[0] != '\0') AddAttribute(node, name, value);
}

void Remove(xmlNodePtr node) {
  xmlUnlinkNode(node);
  xmlFreeNode(node);
}

// The first child of `parent` named `name` for which `fits` holds.
template <typename Fits>
xmlNodePtr FindChild(xmlNodePtr parent, const char* name, Fits fits) {
  for (xmlNodePtr node = parent->children; node != nullptr; node = node->next) {
    if (IsNamed(node, name) && fits(node)) return node;
  }
  return nullptr;
}

xmlNodePtr FindChild(xmlNodePtr parent, const char* name) {
  return FindChild(parent, name, [](xmlNodePtr) { return true; });
}

bool Same(xmlNodePtr node, const char* attribute, const char* given) { return Stored(node, attribute) == given; }

template <typename Fits>
int DeleteFirst(zone_dochandle_t handle, const char* name, Fits fits) {
  const xmlNodePtr node = FindChild(handle->cur, name, fits);
  if (node == nullptr) return Z_NO_RESOURCE_ID;
  Remove(node);
  return Z_OK;
}

// Narrows a lookup by one more field. A field that differs takes back the element that an earlier field chose, but does
// not keep a later field from choosing it.
int Narrow(xmlNodePtr node, xmlNodePtr* chosen, const char* attribute, const char* given, size_t size, bool leading) {
  if (given[0] == '\0') return Z_OK;
  std::string buffer(size, '\0');
  if (Fetch(node, attribute, buffer.data(), size) != Z_OK) return Z_OK;
  if (std::strcmp(buffer.c_str(), given) == 0) {
    if (*chosen != nullptr && *chosen != node) return Z_INSUFFICIENT_SPEC;
    *chosen = node;
  } else if (!leading && *chosen == node) {
    *chosen = nullptr;
  }
  return Z_OK;
}

struct Field {
  const char* attribute;
  const char* given;
  size_t size;
};

template <size_t N>
int LookUp(zone_dochandle_t handle, const char* name, const Field (&fields)[N], xmlNodePtr* chosen) {
  *chosen = nullptr;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  for (xmlNodePtr node = handle->cur->children; node != nullptr; node = node->next) {
    if (!IsNamed(node, name)) continue;
    for (const Field& field : fields) {
      const int error = Narrow(node, chosen, field.attribute, field.given, field.size, &field == fields);
      if (error != Z_OK) return error;
    }
  }
  return *chosen == nullptr ? Z_NO_RESOURCE_ID : Z_OK;
}

int SetEntries(zone_dochandle_t handle) {
  if (handle == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) {
    handle->cur = nullptr;
    return error;
  }
  handle->cur = handle->cur->children;
  return Z_OK;
}

int EndEntries(zone_dochandle_t handle) {
  if (handle == nullptr) return Z_INVAL;
  handle->cur = handle->top;
  return Z_OK;
}

// Moves on to the next element named `name` and reads it.
template <typename Read>
int GetEntry(zone_dochandle_t handle, const char* name, Read read) {
  if (handle == nullptr) return Z_INVAL;
  if (handle->cur == nullptr) return Z_NO_ENTRY;
  xmlNodePtr node = handle->cur;
  while (node != nullptr && !IsNamed(node, name)) node = node->next;
  const int error = node == nullptr ? Z_NO_ENTRY : read(node);
  handle->cur = error == Z_OK ? node->next : handle->top;
  return error;
}

template <size_t N>
int FetchInto(xmlNodePtr node, const char* attribute, char (&buffer)[N]) {
  return Fetch(node, attribute, buffer, N);
}

template <typename T>
T* Allocate() {
  return static_cast<T*>(std::calloc(1, sizeof(T)));
}

void ReadProperties(xmlNodePtr node, struct zone_res_attrtab** list) {
  *list = nullptr;
  struct zone_res_attrtab** end = list;
  for (xmlNodePtr child = node->children; child != nullptr; child = child->next) {
    if (!IsNamed(child, "net-attr")) continue;
    auto* property = Allocate<struct zone_res_attrtab>();
    if (FetchInto(child, "name", property->zone_res_attr_name) != Z_OK) {
      std::free(property);
      return;
    }
    const int error = FetchInto(child, "value", property->zone_res_attr_value);
    *end = property;
    end = &property->zone_res_attr_next;
    // The list ends with the value that was cut.
    if (error != Z_OK) return;
  }
}

void AddProperties(xmlNodePtr node, const struct zone_res_attrtab* list) {
  for (; list != nullptr; list = list->zone_res_attr_next) {
    const xmlNodePtr child = AddElement(node, "net-attr");
    AddAttribute(child, "name", list->zone_res_attr_name);
    AddAttribute(child, "value", list->zone_res_attr_value);
  }
}

// What `zonecfg` calls resources, and the elements that hold them.
const char* ElementOf(const std::string& resource) {
  if (resource == "fs") return "filesystem";
  if (resource == "net") return "network";
  for (const char* same : {"device", "rctl", "attr", "dataset", "admin", "inherited-pkg-dir"}) {
    if (resource == same) return same;
  }
  return nullptr;
}

}  // namespace

int zonecfg_num_resources(zone_dochandle_t handle, char* resource) {
  const char* element = ElementOf(resource);
  if (Prepare(handle) != Z_OK || element == nullptr) return 0;
  int count = 0;
  for (xmlNodePtr node = handle->cur->children; node != nullptr; node = node->next) count += IsNamed(node, element);
  return count;
}

int zonecfg_del_all_resources(zone_dochandle_t handle, char* resource) {
  const char* element = ElementOf(resource);
  if (const int error = Prepare(handle); error != Z_OK) return error;
  if (element == nullptr) return Z_NO_RESOURCE_TYPE;
  while (const xmlNodePtr node = FindChild(handle->cur, element)) Remove(node);
  return Z_OK;
}

// Filesystems

namespace {

int AddFilesystem(zone_dochandle_t handle, const struct zone_fstab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "filesystem");
  AddAttribute(node, "special", tab->zone_fs_special);
  AddIfGiven(node, "raw", tab->zone_fs_raw);
  AddAttribute(node, "directory", tab->zone_fs_dir);
  AddAttribute(node, "type", tab->zone_fs_type);
  for (const zone_fsopt_t* option = tab->zone_fs_options; option != nullptr; option = option->zone_fsopt_next) {
    AddAttribute(AddElement(node, "fsoption"), "name", option->zone_fsopt_opt);
  }
  return Z_OK;
}

int DeleteFilesystem(zone_dochandle_t handle, const struct zone_fstab* tab) {
  return DeleteFirst(handle, "filesystem", [&](xmlNodePtr node) {
    return Same(node, "special", tab->zone_fs_special) && Same(node, "raw", tab->zone_fs_raw) &&
           Same(node, "directory", tab->zone_fs_dir) && Same(node, "type", tab->zone_fs_type);
  });
}

int ReadFilesystem(xmlNodePtr node, struct zone_fstab* tab) {
  int error = FetchInto(node, "special", tab->zone_fs_special);
  if (error == Z_OK) error = FetchInto(node, "directory", tab->zone_fs_dir);
  if (error == Z_OK) error = FetchInto(node, "type", tab->zone_fs_type);
  if (error == Z_OK) error = FetchInto(node, "raw", tab->zone_fs_raw);
  if (error != Z_OK) return error;
  tab->zone_fs_options = nullptr;
  for (xmlNodePtr child = node->children; child != nullptr; child = child->next) {
    if (!IsNamed(child, "fsoption")) continue;
    char option[kMaxPath];
    if (FetchInto(child, "name", option) != Z_OK || zonecfg_add_fs_option(tab, option) != Z_OK) break;
  }
  return Z_OK;
}

}  // namespace

int zonecfg_add_filesystem(zone_dochandle_t handle, struct zone_fstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddFilesystem(handle, tab) : error;
}

int zonecfg_delete_filesystem(zone_dochandle_t handle, struct zone_fstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? DeleteFilesystem(handle, tab) : error;
}

int zonecfg_modify_filesystem(zone_dochandle_t handle, struct zone_fstab* before, struct zone_fstab* after) {
  if (before == nullptr || after == nullptr) return Z_INVAL;
  int error = Prepare(handle);
  if (error == Z_OK) error = DeleteFilesystem(handle, before);
  return error == Z_OK ? AddFilesystem(handle, after) : error;
}

int zonecfg_lookup_filesystem(zone_dochandle_t handle, struct zone_fstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const Field fields[] = {{"directory", tab->zone_fs_dir, sizeof tab->zone_fs_dir},
                          {"special", tab->zone_fs_special, sizeof tab->zone_fs_special},
                          {"raw", tab->zone_fs_raw, sizeof tab->zone_fs_raw},
                          {"type", tab->zone_fs_type, sizeof tab->zone_fs_type}};
  xmlNodePtr node;
  const int error = LookUp(handle, "filesystem", fields, &node);
  return error == Z_OK ? ReadFilesystem(node, tab) : error;
}

int zonecfg_setfsent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_endfsent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getfsent(zone_dochandle_t handle, struct zone_fstab* tab) {
  return GetEntry(handle, "filesystem", [&](xmlNodePtr node) { return ReadFilesystem(node, tab); });
}

int zonecfg_add_fs_option(struct zone_fstab* tab, char* option) {
  auto* added = Allocate<zone_fsopt_t>();
  if (!Copy(added->zone_fsopt_opt, sizeof added->zone_fsopt_opt, option)) {
    std::free(added);
    return Z_TOO_BIG;
  }
  zone_fsopt_t** end = &tab->zone_fs_options;
  while (*end != nullptr) end = &(*end)->zone_fsopt_next;
  *end = added;
  return Z_OK;
}

int zonecfg_remove_fs_option(struct zone_fstab* tab, char* option) {
  for (zone_fsopt_t** at = &tab->zone_fs_options; *at != nullptr; at = &(*at)->zone_fsopt_next) {
    if (std::strcmp((*at)->zone_fsopt_opt, option) != 0) continue;
    zone_fsopt_t* gone = *at;
    *at = gone->zone_fsopt_next;
    std::free(gone);
    return Z_OK;
  }
  return Z_NO_PROPERTY_ID;
}

void zonecfg_free_fs_option_list(zone_fsopt_t* list) {
  while (list != nullptr) {
    zone_fsopt_t* gone = list;
    list = list->zone_fsopt_next;
    std::free(gone);
  }
}

// Properties of networks and devices

int zonecfg_add_res_attr(struct zone_res_attrtab** list, struct zone_res_attrtab* added) {
  while (*list != nullptr) list = &(*list)->zone_res_attr_next;
  *list = added;
  return Z_OK;
}

int zonecfg_remove_res_attr(struct zone_res_attrtab** list, struct zone_res_attrtab* wanted) {
  for (; *list != nullptr; list = &(*list)->zone_res_attr_next) {
    if (std::strcmp((*list)->zone_res_attr_name, wanted->zone_res_attr_name) != 0 ||
        std::strcmp((*list)->zone_res_attr_value, wanted->zone_res_attr_value) != 0) {
      continue;
    }
    struct zone_res_attrtab* gone = *list;
    *list = gone->zone_res_attr_next;
    std::free(gone);
    return Z_OK;
  }
  return Z_NO_PROPERTY_ID;
}

void zonecfg_free_res_attr_list(struct zone_res_attrtab* list) {
  while (list != nullptr) {
    struct zone_res_attrtab* gone = list;
    list = list->zone_res_attr_next;
    std::free(gone);
  }
}

// Networks

namespace {

int AddNetwork(zone_dochandle_t handle, const struct zone_nwiftab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "network");
  AddIfGiven(node, "address", tab->zone_nwif_address);
  AddIfGiven(node, "allowed-address", tab->zone_nwif_allowed_address);
  AddAttribute(node, "physical", tab->zone_nwif_physical);
  AddIfGiven(node, "defrouter", tab->zone_nwif_defrouter);
  AddIfGiven(node, "mac-addr", tab->zone_nwif_mac);
  AddIfGiven(node, "vlan-id", tab->zone_nwif_vlan_id);
  AddIfGiven(node, "global-nic", tab->zone_nwif_gnic);
  AddProperties(node, tab->zone_nwif_attrp);
  return Z_OK;
}

int DeleteNetwork(zone_dochandle_t handle, const struct zone_nwiftab* tab) {
  return DeleteFirst(handle, "network", [&](xmlNodePtr node) {
    return Same(node, "physical", tab->zone_nwif_physical) &&
           (Same(node, "mac-addr", tab->zone_nwif_mac) || Same(node, "global-nic", tab->zone_nwif_gnic) ||
            (Same(node, "address", tab->zone_nwif_address) &&
             Same(node, "allowed-address", tab->zone_nwif_allowed_address)));
  });
}

// Two lower-case digits for each byte, as far as they are good.
std::string NormalMac(const std::string& mac) {
  std::string result;
  for (size_t at = 0; at <= mac.size();) {
    const size_t colon = std::min(mac.find(':', at), mac.size());
    const std::string byte = mac.substr(at, colon - at);
    char* end = nullptr;
    const unsigned long value = std::strtoul(byte.c_str(), &end, 16);
    if (byte.empty() || *end != '\0' || value > 0xff) break;
    char text[4];
    std::snprintf(text, sizeof text, "%02lx", value);
    if (!result.empty()) result += ':';
    result += text;
    at = colon + 1;
  }
  return result;
}

// Whether a field that was given has that value in the element.
template <typename Equal>
bool Fits(xmlNodePtr node, const char* attribute, const char* given, size_t size, Equal equal) {
  if (given[0] == '\0') return true;
  std::string buffer(size, '\0');
  return Fetch(node, attribute, buffer.data(), size) == Z_OK && equal(std::string(buffer.c_str()));
}

}  // namespace

int zonecfg_add_nwif(zone_dochandle_t handle, struct zone_nwiftab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddNetwork(handle, tab) : error;
}

int zonecfg_delete_nwif(zone_dochandle_t handle, struct zone_nwiftab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? DeleteNetwork(handle, tab) : error;
}

int zonecfg_modify_nwif(zone_dochandle_t handle, struct zone_nwiftab* before, struct zone_nwiftab* after) {
  if (before == nullptr || after == nullptr) return Z_INVAL;
  int error = Prepare(handle);
  if (error == Z_OK) error = DeleteNetwork(handle, before);
  return error == Z_OK ? AddNetwork(handle, after) : error;
}

int zonecfg_lookup_nwif(zone_dochandle_t handle, struct zone_nwiftab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  zone_iptype_t type;
  if (const int error = zonecfg_get_iptype(handle, &type); error != Z_OK) return error;
  if (tab->zone_nwif_address[0] != '\0' && tab->zone_nwif_allowed_address[0] != '\0') return Z_INVAL;
  const bool exclusive = type == ZS_EXCLUSIVE;
  xmlNodePtr chosen = nullptr;
  const bool any = tab->zone_nwif_physical[0] != '\0' || tab->zone_nwif_defrouter[0] != '\0' ||
                   (exclusive ? tab->zone_nwif_allowed_address[0] != '\0' || tab->zone_nwif_mac[0] != '\0' ||
                                    tab->zone_nwif_gnic[0] != '\0'
                              : tab->zone_nwif_address[0] != '\0');
  if (!any) return Z_INSUFFICIENT_SPEC;
  for (xmlNodePtr node = handle->cur->children; node != nullptr; node = node->next) {
    if (!IsNamed(node, "network")) continue;
    const auto is = [](const char* given) { return [given](const std::string& stored) { return stored == given; }; };
    const auto is_address = [](char* given) {
      return [given](std::string stored) { return zonecfg_same_net_address(given, stored.data()) == B_TRUE; };
    };
    bool fits =
        Fits(node, "physical", tab->zone_nwif_physical, sizeof tab->zone_nwif_physical, is(tab->zone_nwif_physical)) &&
        Fits(node, "defrouter", tab->zone_nwif_defrouter, sizeof tab->zone_nwif_defrouter,
             is(tab->zone_nwif_defrouter));
    if (fits && !exclusive) {
      fits = Fits(node, "address", tab->zone_nwif_address, sizeof tab->zone_nwif_address,
                  is_address(tab->zone_nwif_address));
    } else if (fits) {
      fits = Fits(node, "allowed-address", tab->zone_nwif_allowed_address, sizeof tab->zone_nwif_allowed_address,
                  is_address(tab->zone_nwif_allowed_address)) &&
             Fits(node, "mac-addr", tab->zone_nwif_mac, sizeof tab->zone_nwif_mac,
                  [&](const std::string& stored) { return NormalMac(stored) == tab->zone_nwif_mac; }) &&
             Fits(node, "global-nic", tab->zone_nwif_gnic, sizeof tab->zone_nwif_gnic, is(tab->zone_nwif_gnic));
    }
    if (!fits) continue;
    if (chosen != nullptr) return Z_INSUFFICIENT_SPEC;
    chosen = node;
  }
  if (chosen == nullptr) return Z_NO_RESOURCE_ID;
  int error = FetchInto(chosen, "physical", tab->zone_nwif_physical);
  if (exclusive) {
    if (error == Z_OK) error = FetchInto(chosen, "allowed-address", tab->zone_nwif_allowed_address);
    if (error == Z_OK) error = FetchInto(chosen, "mac-addr", tab->zone_nwif_mac);
    if (error == Z_OK) error = FetchInto(chosen, "vlan-id", tab->zone_nwif_vlan_id);
    if (error == Z_OK) error = FetchInto(chosen, "global-nic", tab->zone_nwif_gnic);
  } else if (error == Z_OK) {
    error = FetchInto(chosen, "address", tab->zone_nwif_address);
  }
  if (error == Z_OK) error = FetchInto(chosen, "defrouter", tab->zone_nwif_defrouter);
  if (error == Z_OK) ReadProperties(chosen, &tab->zone_nwif_attrp);
  return error;
}

int zonecfg_setnwifent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_endnwifent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getnwifent(zone_dochandle_t handle, struct zone_nwiftab* tab) {
  return GetEntry(handle, "network", [&](xmlNodePtr node) {
    int error = FetchInto(node, "address", tab->zone_nwif_address);
    if (error == Z_OK) error = FetchInto(node, "allowed-address", tab->zone_nwif_allowed_address);
    if (error == Z_OK) error = FetchInto(node, "physical", tab->zone_nwif_physical);
    if (error == Z_OK) error = FetchInto(node, "mac-addr", tab->zone_nwif_mac);
    if (error == Z_OK) error = FetchInto(node, "vlan-id", tab->zone_nwif_vlan_id);
    if (error == Z_OK) error = FetchInto(node, "global-nic", tab->zone_nwif_gnic);
    if (error == Z_OK) error = FetchInto(node, "defrouter", tab->zone_nwif_defrouter);
    if (error == Z_OK) ReadProperties(node, &tab->zone_nwif_attrp);
    return error;
  });
}

// Devices

namespace {

int AddDevice(zone_dochandle_t handle, const struct zone_devtab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "device");
  AddAttribute(node, "match", tab->zone_dev_match);
  AddProperties(node, tab->zone_dev_attrp);
  return Z_OK;
}

int DeleteDevice(zone_dochandle_t handle, const struct zone_devtab* tab) {
  return DeleteFirst(handle, "device", [&](xmlNodePtr node) { return Same(node, "match", tab->zone_dev_match); });
}

int ReadDevice(xmlNodePtr node, struct zone_devtab* tab) {
  const int error = FetchInto(node, "match", tab->zone_dev_match);
  if (error == Z_OK) ReadProperties(node, &tab->zone_dev_attrp);
  return error;
}

}  // namespace

int zonecfg_add_dev(zone_dochandle_t handle, struct zone_devtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddDevice(handle, tab) : error;
}

int zonecfg_delete_dev(zone_dochandle_t handle, struct zone_devtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? DeleteDevice(handle, tab) : error;
}

int zonecfg_modify_dev(zone_dochandle_t handle, struct zone_devtab* before, struct zone_devtab* after) {
  if (before == nullptr || after == nullptr) return Z_INVAL;
  int error = Prepare(handle);
  if (error == Z_OK) error = DeleteDevice(handle, before);
  return error == Z_OK ? AddDevice(handle, after) : error;
}

int zonecfg_lookup_dev(zone_dochandle_t handle, struct zone_devtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const Field fields[] = {{"match", tab->zone_dev_match, sizeof tab->zone_dev_match}};
  xmlNodePtr node;
  const int error = LookUp(handle, "device", fields, &node);
  return error == Z_OK ? ReadDevice(node, tab) : error;
}

int zonecfg_setdevent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_enddevent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getdevent(zone_dochandle_t handle, struct zone_devtab* tab) {
  return GetEntry(handle, "device", [&](xmlNodePtr node) { return ReadDevice(node, tab); });
}

// Attributes

namespace {

int AddAttr(zone_dochandle_t handle, const struct zone_attrtab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "attr");
  AddAttribute(node, "name", tab->zone_attr_name);
  AddAttribute(node, "type", tab->zone_attr_type);
  AddAttribute(node, "value", tab->zone_attr_value);
  return Z_OK;
}

int DeleteAttr(zone_dochandle_t handle, const struct zone_attrtab* tab) {
  return DeleteFirst(handle, "attr", [&](xmlNodePtr node) {
    return Same(node, "name", tab->zone_attr_name) && Same(node, "type", tab->zone_attr_type) &&
           Same(node, "value", tab->zone_attr_value);
  });
}

int ReadAttr(xmlNodePtr node, struct zone_attrtab* tab) {
  int error = FetchInto(node, "name", tab->zone_attr_name);
  if (error == Z_OK) error = FetchInto(node, "type", tab->zone_attr_type);
  if (error == Z_OK) error = FetchInto(node, "value", tab->zone_attr_value);
  return error;
}

}  // namespace

int zonecfg_add_attr(zone_dochandle_t handle, struct zone_attrtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddAttr(handle, tab) : error;
}

int zonecfg_delete_attr(zone_dochandle_t handle, struct zone_attrtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? DeleteAttr(handle, tab) : error;
}

int zonecfg_modify_attr(zone_dochandle_t handle, struct zone_attrtab* before, struct zone_attrtab* after) {
  if (before == nullptr || after == nullptr) return Z_INVAL;
  int error = Prepare(handle);
  if (error == Z_OK) error = DeleteAttr(handle, before);
  return error == Z_OK ? AddAttr(handle, after) : error;
}

int zonecfg_lookup_attr(zone_dochandle_t handle, struct zone_attrtab* tab) {
  if (tab == nullptr) return Z_INVAL;
  // A longer stored value than 255 bytes is not compared.
  const Field fields[] = {
      {"name", tab->zone_attr_name, 256}, {"type", tab->zone_attr_type, 256}, {"value", tab->zone_attr_value, 256}};
  xmlNodePtr node;
  const int error = LookUp(handle, "attr", fields, &node);
  return error == Z_OK ? ReadAttr(node, tab) : error;
}

int zonecfg_setattrent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_endattrent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getattrent(zone_dochandle_t handle, struct zone_attrtab* tab) {
  return GetEntry(handle, "attr", [&](xmlNodePtr node) { return ReadAttr(node, tab); });
}

// Resource controls

namespace {

int AddRctl(zone_dochandle_t handle, const struct zone_rctltab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "rctl");
  AddAttribute(node, "name", tab->zone_rctl_name);
  for (auto* value = tab->zone_rctl_valptr; value != nullptr; value = value->zone_rctlval_next) {
    const xmlNodePtr child = AddElement(node, "rctl-value");
    AddAttribute(child, "priv", value->zone_rctlval_priv);
    AddAttribute(child, "limit", value->zone_rctlval_limit);
    AddAttribute(child, "action", value->zone_rctlval_action);
  }
  return Z_OK;
}

int DeleteRctl(zone_dochandle_t handle, const struct zone_rctltab* tab) {
  return DeleteFirst(handle, "rctl", [&](xmlNodePtr node) { return Same(node, "name", tab->zone_rctl_name); });
}

int ReadRctl(xmlNodePtr node, struct zone_rctltab* tab) {
  if (const int error = FetchInto(node, "name", tab->zone_rctl_name); error != Z_OK) return error;
  tab->zone_rctl_valptr = nullptr;
  for (xmlNodePtr child = node->children; child != nullptr; child = child->next) {
    if (!IsNamed(child, "rctl-value")) continue;
    auto* value = Allocate<struct zone_rctlvaltab>();
    if (FetchInto(child, "priv", value->zone_rctlval_priv) != Z_OK ||
        FetchInto(child, "limit", value->zone_rctlval_limit) != Z_OK ||
        FetchInto(child, "action", value->zone_rctlval_action) != Z_OK || zonecfg_add_rctl_value(tab, value) != Z_OK) {
      std::free(value);
      break;
    }
  }
  return Z_OK;
}

}  // namespace

int zonecfg_add_rctl(zone_dochandle_t handle, struct zone_rctltab* tab) {
  if (tab == nullptr || tab->zone_rctl_name[0] == '\0') return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddRctl(handle, tab) : error;
}

int zonecfg_delete_rctl(zone_dochandle_t handle, struct zone_rctltab* tab) {
  if (tab == nullptr || tab->zone_rctl_name[0] == '\0') return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? DeleteRctl(handle, tab) : error;
}

int zonecfg_modify_rctl(zone_dochandle_t handle, struct zone_rctltab* before, struct zone_rctltab* after) {
  if (before == nullptr || before->zone_rctl_name[0] == '\0') return Z_INVAL;
  if (after == nullptr || after->zone_rctl_name[0] == '\0') return Z_INVAL;
  int error = Prepare(handle);
  if (error == Z_OK) error = DeleteRctl(handle, before);
  return error == Z_OK ? AddRctl(handle, after) : error;
}

int zonecfg_lookup_rctl(zone_dochandle_t handle, struct zone_rctltab* tab) {
  if (tab == nullptr || tab->zone_rctl_name[0] == '\0') return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node =
      FindChild(handle->cur, "rctl", [&](xmlNodePtr each) { return Same(each, "name", tab->zone_rctl_name); });
  return node == nullptr ? Z_NO_RESOURCE_ID : ReadRctl(node, tab);
}

int zonecfg_setrctlent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_endrctlent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getrctlent(zone_dochandle_t handle, struct zone_rctltab* tab) {
  return GetEntry(handle, "rctl", [&](xmlNodePtr node) { return ReadRctl(node, tab); });
}

// Datasets

int zonecfg_add_ds(zone_dochandle_t handle, struct zone_dstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  AddAttribute(AddElement(handle->cur, "dataset"), "name", tab->zone_dataset_name);
  return Z_OK;
}

int zonecfg_delete_ds(zone_dochandle_t handle, struct zone_dstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  return DeleteFirst(handle, "dataset", [&](xmlNodePtr node) { return Same(node, "name", tab->zone_dataset_name); });
}

int zonecfg_modify_ds(zone_dochandle_t handle, struct zone_dstab* before, struct zone_dstab* after) {
  const int error = zonecfg_delete_ds(handle, before);
  return error == Z_OK ? zonecfg_add_ds(handle, after) : error;
}

int zonecfg_lookup_ds(zone_dochandle_t handle, struct zone_dstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const Field fields[] = {{"name", tab->zone_dataset_name, sizeof tab->zone_dataset_name}};
  xmlNodePtr node;
  const int error = LookUp(handle, "dataset", fields, &node);
  return error == Z_OK ? FetchInto(node, "name", tab->zone_dataset_name) : error;
}

int zonecfg_setdsent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_enddsent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getdsent(zone_dochandle_t handle, struct zone_dstab* tab) {
  return GetEntry(handle, "dataset", [&](xmlNodePtr node) { return FetchInto(node, "name", tab->zone_dataset_name); });
}

// Dedicated processors

namespace {

int AddPset(zone_dochandle_t handle, const struct zone_psettab* tab) {
  const xmlNodePtr node = AddElement(handle->cur, "pset");
  AddAttribute(node, "ncpu_min", tab->zone_ncpu_min);
  AddAttribute(node, "ncpu_max", tab->zone_ncpu_max);
  if (tab->zone_importance[0] != '\0') {
    AddAttribute(AddElement(handle->cur, "tmp_pool"), "importance", tab->zone_importance);
  }
  return Z_OK;
}

int DeletePset(zone_dochandle_t handle) {
  // Where the handle's place is unknown the real library reads through a null pointer.
  if (handle->cur == nullptr) std::raise(SIGSEGV);
  const xmlNodePtr node = FindChild(handle->cur, "pset");
  if (node == nullptr) return Z_NO_RESOURCE_ID;
  Remove(node);
  if (const xmlNodePtr pool = FindChild(handle->cur, "tmp_pool")) Remove(pool);
  return Z_OK;
}

}  // namespace

int zonecfg_add_pset(zone_dochandle_t handle, struct zone_psettab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const int error = Prepare(handle);
  return error == Z_OK ? AddPset(handle, tab) : error;
}

int zonecfg_delete_pset(zone_dochandle_t handle) {
  const int error = zonecfg_check_handle(handle);
  return error == Z_OK ? DeletePset(handle) : error;
}

int zonecfg_modify_pset(zone_dochandle_t handle, struct zone_psettab* tab) {
  if (tab == nullptr) return Z_INVAL;
  int error = zonecfg_check_handle(handle);
  if (error == Z_OK) error = DeletePset(handle);
  return error == Z_OK ? AddPset(handle, tab) : error;
}

int zonecfg_lookup_pset(zone_dochandle_t handle, struct zone_psettab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node = FindChild(handle->cur, "pset");
  if (node == nullptr) return Z_NO_ENTRY;
  int error = FetchInto(node, "ncpu_min", tab->zone_ncpu_min);
  if (error == Z_OK) error = FetchInto(node, "ncpu_max", tab->zone_ncpu_max);
  if (error != Z_OK) return error;
  tab->zone_importance[0] = '\0';
  const xmlNodePtr pool = FindChild(handle->cur, "tmp_pool");
  return pool == nullptr ? Z_OK : FetchInto(pool, "importance", tab->zone_importance);
}

int zonecfg_getpsetent(zone_dochandle_t handle, struct zone_psettab* tab) {
  return handle == nullptr ? Z_INVAL : zonecfg_lookup_pset(handle, tab);
}

// Administrators

int zonecfg_add_admin(zone_dochandle_t handle, struct zone_admintab* tab, char*) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node = AddElement(handle->cur, "admin");
  AddAttribute(node, "user", tab->zone_admin_user);
  AddAttribute(node, "auths", tab->zone_admin_auths);
  return Z_OK;
}

int zonecfg_delete_admin(zone_dochandle_t handle, struct zone_admintab* tab, char*) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  return DeleteFirst(handle, "admin", [&](xmlNodePtr node) { return Same(node, "user", tab->zone_admin_user); });
}

int zonecfg_lookup_admin(zone_dochandle_t handle, struct zone_admintab* tab) {
  if (tab == nullptr) return Z_INVAL;
  const Field fields[] = {{"user", tab->zone_admin_user, sizeof tab->zone_admin_user}};
  xmlNodePtr node;
  int error = LookUp(handle, "admin", fields, &node);
  if (error == Z_OK) error = FetchInto(node, "user", tab->zone_admin_user);
  return error == Z_OK ? FetchInto(node, "auths", tab->zone_admin_auths) : error;
}

int zonecfg_deauthorize_users(zone_dochandle_t handle, char*) { return zonecfg_check_handle(handle); }

int zonecfg_setadminent(zone_dochandle_t handle) { return SetEntries(handle); }
int zonecfg_endadminent(zone_dochandle_t handle) { return EndEntries(handle); }
int zonecfg_getadminent(zone_dochandle_t handle, struct zone_admintab* tab) {
  return GetEntry(handle, "admin", [&](xmlNodePtr node) {
    const int error = FetchInto(node, "user", tab->zone_admin_user);
    return error == Z_OK ? FetchInto(node, "auths", tab->zone_admin_auths) : error;
  });
}

// Security flags

namespace {

int ReadSecflags(xmlNodePtr node, struct zone_secflagstab* tab) {
  int error = FetchInto(node, "default", tab->zone_secflags_default);
  if (error == Z_OK) error = FetchInto(node, "lower", tab->zone_secflags_lower);
  if (error == Z_OK) error = FetchInto(node, "upper", tab->zone_secflags_upper);
  return error;
}

}  // namespace

int zonecfg_add_secflags(zone_dochandle_t handle, struct zone_secflagstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node = AddElement(handle->cur, "security-flags");
  AddAttribute(node, "default", tab->zone_secflags_default);
  AddAttribute(node, "lower", tab->zone_secflags_lower);
  AddAttribute(node, "upper", tab->zone_secflags_upper);
  return Z_OK;
}

int zonecfg_delete_secflags(zone_dochandle_t handle, struct zone_secflagstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  return DeleteFirst(handle, "security-flags", [&](xmlNodePtr node) {
    return Same(node, "default", tab->zone_secflags_default) && Same(node, "lower", tab->zone_secflags_lower) &&
           Same(node, "upper", tab->zone_secflags_upper);
  });
}

int zonecfg_modify_secflags(zone_dochandle_t handle, struct zone_secflagstab* before, struct zone_secflagstab* after) {
  const int error = zonecfg_delete_secflags(handle, before);
  return error == Z_OK ? zonecfg_add_secflags(handle, after) : error;
}

int zonecfg_lookup_secflags(zone_dochandle_t handle, struct zone_secflagstab* tab) {
  if (tab == nullptr) return Z_INVAL;
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node = FindChild(handle->cur, "security-flags");
  return node == nullptr ? Z_NO_ENTRY : ReadSecflags(node, tab);
}

int zonecfg_getsecflagsent(zone_dochandle_t handle, struct zone_secflagstab* tab) {
  return handle == nullptr ? Z_INVAL : zonecfg_lookup_secflags(handle, tab);
}

// What older systems kept in other elements

int zonecfg_fix_obsolete(zone_dochandle_t handle) {
  if (const int error = Prepare(handle); error != Z_OK) return error;
  const xmlNodePtr node = FindChild(handle->cur, "mcap");
  if (node == nullptr) return 0;
  const uint64_t cap = std::strtoull(Stored(node, "physcap").c_str(), nullptr, 10);
  Remove(node);
  char alias[] = "physical";
  zonecfg_rm_aliased_rctl(handle, alias);
  zonecfg_set_aliased_rctl(handle, alias, cap);
  return 1;
}
