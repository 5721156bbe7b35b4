// replay: makes the calls of one record of libzonecfg or libbrand, read as JSON from standard input, and prints one
// result a line. A call that ends the process has no line.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <unordered_map>

#include "../libzonecfg/stand_in.h"
#include "json.h"
#include "structures.h"

namespace {

using replay::Json;
using replay::Quote;
using replay::Show;

const char* CodeName(int code) {
  static const std::unordered_map<int, const char*> names = {
#define NAME(code) {code, #code}
      NAME(Z_OK),
      NAME(Z_EMPTY_DOCUMENT),
      NAME(Z_WRONG_DOC_TYPE),
      NAME(Z_BAD_PROPERTY),
      NAME(Z_TEMP_FILE),
      NAME(Z_SAVING_FILE),
      NAME(Z_NO_ENTRY),
      NAME(Z_BOGUS_ZONE_NAME),
      NAME(Z_REQD_RESOURCE_MISSING),
      NAME(Z_REQD_PROPERTY_MISSING),
      NAME(Z_BAD_HANDLE),
      NAME(Z_NOMEM),
      NAME(Z_INVAL),
      NAME(Z_ACCES),
      NAME(Z_TOO_BIG),
      NAME(Z_MISC_FS),
      NAME(Z_NO_ZONE),
      NAME(Z_NO_RESOURCE_TYPE),
      NAME(Z_NO_RESOURCE_ID),
      NAME(Z_NO_PROPERTY_TYPE),
      NAME(Z_NO_PROPERTY_ID),
      NAME(Z_BAD_ZONE_STATE),
      NAME(Z_INVALID_DOCUMENT),
      NAME(Z_NAME_IN_USE),
      NAME(Z_NO_SUCH_ID),
      NAME(Z_UPDATING_INDEX),
      NAME(Z_LOCKING_FILE),
      NAME(Z_UNLOCKING_FILE),
      NAME(Z_SYSTEM),
      NAME(Z_INSUFFICIENT_SPEC),
      NAME(Z_RESOLVED_PATH),
      NAME(Z_IPV6_ADDR_PREFIX_LEN),
      NAME(Z_BOGUS_ADDRESS),
      NAME(Z_PRIV_PROHIBITED),
      NAME(Z_PRIV_REQUIRED),
      NAME(Z_PRIV_UNKNOWN),
      NAME(Z_BRAND_ERROR),
      NAME(Z_INCOMPATIBLE),
      NAME(Z_ALIAS_DISALLOW),
      NAME(Z_CLEAR_DISALLOW),
      NAME(Z_POOL),
      NAME(Z_POOLS_NOT_ACTIVE),
      NAME(Z_POOL_ENABLE),
      NAME(Z_NO_POOL),
      NAME(Z_POOL_CREATE),
      NAME(Z_POOL_BIND),
      NAME(Z_INVALID_PROPERTY),
#undef NAME
  };
  const auto found = names.find(code);
  return found == names.end() ? "Z_UNKNOWN" : found->second;
}

std::string Code(int code, const std::string& rest = "") {
  return "{\"rc\":" + std::to_string(code) + ",\"code\":\"" + CodeName(code) + "\"" + rest + "}";
}

std::string CodeAndOut(int code, const std::string& out) { return Code(code, code == Z_OK ? ",\"out\":" + out : ""); }

std::string Out(const std::string& json) { return "{\"out\":" + json + "}"; }
std::string Out(boolean_t value) { return Out(std::string(value == B_TRUE ? "true" : "false")); }

// A text argument in memory that may be written to; null stays null.
class Argument {
 public:
  explicit Argument(const Json& value) : is_null_(value.IsNull()), text_(value.Bytes()) {}
  operator char*() { return is_null_ ? nullptr : text_.data(); }

 private:
  bool is_null_;
  std::string text_;
};

using Handle = zone_dochandle_t;
using Call = std::function<std::string(Handle, const Json&)>;

Call Getter(int (*function)(Handle, char*, size_t)) {
  return [function](Handle handle, const Json& args) {
    std::string buffer(args.At(0).IsNull() ? 1024 : static_cast<size_t>(args.At(0).Integer()), '\0');
    const int code = function(handle, buffer.data(), buffer.size());
    return CodeAndOut(code, Quote(buffer.c_str()));
  };
}

template <typename Text>
Call Setter(int (*function)(Handle, Text)) {
  return [function](Handle handle, const Json& args) { return Code(function(handle, Argument(args.At(0)))); };
}

template <typename Tab>
Call OnTab(int (*function)(Handle, Tab*)) {
  return [function](Handle handle, const Json& args) {
    auto tab = std::make_unique<Tab>();
    replay::Read(args.At(0), tab.get());
    return Code(function(handle, tab.get()));
  };
}

template <typename Tab>
Call LookUp(int (*function)(Handle, Tab*)) {
  return [function](Handle handle, const Json& args) {
    auto tab = std::make_unique<Tab>();
    replay::Read(args.At(0), tab.get());
    const int code = function(handle, tab.get());
    return CodeAndOut(code, Show(*tab));
  };
}

template <typename Tab>
Call Modify(int (*function)(Handle, Tab*, Tab*)) {
  return [function](Handle handle, const Json& args) {
    auto before = std::make_unique<Tab>();
    auto after = std::make_unique<Tab>();
    replay::Read(args.At(0), before.get());
    replay::Read(args.At(1), after.get());
    return Code(function(handle, before.get(), after.get()));
  };
}

template <typename Tab>
Call WithZone(int (*function)(Handle, Tab*, char*)) {
  return [function](Handle handle, const Json& args) {
    auto tab = std::make_unique<Tab>();
    replay::Read(args.At(0), tab.get());
    return Code(function(handle, tab.get(), Argument(args.At(1))));
  };
}

template <typename Tab>
std::string Iterate(Handle handle, int (*set)(Handle), int (*get)(Handle, Tab*), int (*end)(Handle)) {
  std::string text = std::string("{\"set\":\"") + CodeName(set(handle)) + "\",\"items\":[";
  int code;
  for (bool first = true;; first = false) {
    auto tab = std::make_unique<Tab>();
    code = get(handle, tab.get());
    if (code != Z_OK) break;
    text += (first ? "" : ",") + Show(*tab);
  }
  text += std::string("],\"last\":\"") + CodeName(code);
  return text + "\",\"end\":\"" + CodeName(end(handle)) + "\"}";
}

std::string IterateIndex() {
  std::string items;
  FILE* index = setzoneent();
  while (struct zoneent* entry = getzoneent_private(index)) {
    items += std::string(items.empty() ? "" : ",") + "{\"name\":" + Quote(entry->zone_name) +
             ",\"state\":" + std::to_string(entry->zone_state) + ",\"path\":" + Quote(entry->zone_path) +
             ",\"uuid\":" + Quote(standin::FormatUuid(entry->zone_uuid)) + ",\"brand\":" + Quote(entry->zone_brand) +
             ",\"iptype\":" + std::to_string(entry->zone_iptype) +
             ",\"did\":" + (entry->zone_did == INT_MIN ? "null" : std::to_string(entry->zone_did)) + "}";
    std::free(entry);
  }
  endzoneent(index);
  return "{\"items\":[" + items + "]}";
}

std::string IterateWhat(Handle handle, const std::string& what) {
  if (what == "attr") return Iterate(handle, zonecfg_setattrent, zonecfg_getattrent, zonecfg_endattrent);
  if (what == "rctl") return Iterate(handle, zonecfg_setrctlent, zonecfg_getrctlent, zonecfg_endrctlent);
  if (what == "nwif") return Iterate(handle, zonecfg_setnwifent, zonecfg_getnwifent, zonecfg_endnwifent);
  if (what == "dev") return Iterate(handle, zonecfg_setdevent, zonecfg_getdevent, zonecfg_enddevent);
  if (what == "ds") return Iterate(handle, zonecfg_setdsent, zonecfg_getdsent, zonecfg_enddsent);
  if (what == "fs") return Iterate(handle, zonecfg_setfsent, zonecfg_getfsent, zonecfg_endfsent);
  if (what == "admin") return Iterate(handle, zonecfg_setadminent, zonecfg_getadminent, zonecfg_endadminent);
  return IterateIndex();
}

Call ByName(int (*function)(char*, char*, size_t)) {
  return [function](Handle, const Json& args) {
    std::string buffer(args.At(1).IsNull() ? 1024 : static_cast<size_t>(args.At(1).Integer()), '\0');
    const int code = function(Argument(args.At(0)), buffer.data(), buffer.size());
    return CodeAndOut(code, Quote(buffer.c_str()));
  };
}

template <typename Text>
Call OnName(int (*function)(Text)) {
  return [function](Handle, const Json& args) { return Code(function(Argument(args.At(0)))); };
}

template <typename Text>
Call Predicate(boolean_t (*function)(Text)) {
  return [function](Handle, const Json& args) { return Out(function(Argument(args.At(0)))); };
}

std::string Number(bool good, uint64_t value) { return good ? Quote(std::to_string(value)) : "null"; }

// The options alone, or those of a filesystem.
Call OnOptions(int (*function)(struct zone_fstab*, char*)) {
  return [function](Handle, const Json& args) {
    Json fields = args.At(0);
    if (fields.kind == Json::Kind::kArray) {
      Json whole;
      whole.kind = Json::Kind::kObject;
      whole.members.emplace_back("options", fields);
      fields = whole;
    }
    auto tab = std::make_unique<struct zone_fstab>();
    replay::Read(fields, tab.get());
    const int code = function(tab.get(), Argument(args.At(1)));
    return Code(code, ",\"out\":" + Show(*tab));
  };
}

int lock_fd = -1;

const std::map<std::string, Call>& Calls() {
  static const std::map<std::string, Call> calls = {
      {"@iterate", [](Handle h, const Json& a) { return IterateWhat(h, a.At(0).text); }},
      {"@read",
       [](Handle, const Json& a) {
         std::ifstream file(standin::Root() + a.At(0).text, std::ios::binary);
         if (!file) return std::string("{\"text\":null}");
         return "{\"text\":" + Quote({std::istreambuf_iterator<char>(file), {}}) + "}";
       }},
      {"@zone_running",
       [](Handle, const Json& a) {
         std::filesystem::create_directories(standin::Root() + "/system/zones");
         std::ofstream(standin::Root() + "/system/zones/" + a.At(0).text)
             << a.At(1).Integer() << ' ' << a.At(2).Integer() << " 1\n";
         return std::string("{}");
       }},
      {"zonecfg_check_handle", [](Handle h, const Json&) { return Code(zonecfg_check_handle(h)); }},
      {"zonecfg_get_handle", [](Handle h, const Json& a) { return Code(zonecfg_get_handle(Argument(a.At(0)), h)); }},
      {"zonecfg_get_snapshot_handle",
       [](Handle h, const Json& a) { return Code(zonecfg_get_snapshot_handle(Argument(a.At(0)), h)); }},
      {"zonecfg_get_template_handle",
       [](Handle h, const Json& a) {
         return Code(zonecfg_get_template_handle(Argument(a.At(0)), Argument(a.At(1)), h));
       }},
      {"zonecfg_get_xml_handle",
       [](Handle h, const Json& a) { return Code(zonecfg_get_xml_handle(Argument(a.At(0)), h)); }},
      {"zonecfg_get_attach_handle",
       [](Handle h, const Json& a) {
         return Code(zonecfg_get_attach_handle(Argument(a.At(0)), Argument(a.At(1)), Argument(a.At(2)),
                                               static_cast<boolean_t>(a.At(3).Integer()), h));
       }},
      {"zonecfg_save", [](Handle h, const Json&) { return Code(zonecfg_save(h)); }},
      {"zonecfg_verify_save", Setter(zonecfg_verify_save)},
      {"zonecfg_detach_save",
       [](Handle h, const Json& a) { return Code(zonecfg_detach_save(h, static_cast<uint_t>(a.At(0).Integer()))); }},
      {"zonecfg_destroy",
       [](Handle, const Json& a) {
         return Code(zonecfg_destroy(Argument(a.At(0)), static_cast<boolean_t>(a.At(1).Integer())));
       }},
      {"zonecfg_create_snapshot", OnName(zonecfg_create_snapshot)},
      {"zonecfg_destroy_snapshot", OnName(zonecfg_destroy_snapshot)},
      {"zonecfg_access",
       [](Handle, const Json& a) {
         return Code(zonecfg_access(Argument(a.At(0)), static_cast<int>(a.At(1).Integer())));
       }},
      {"zonecfg_strerror",
       [](Handle, const Json& a) { return Out(Quote(zonecfg_strerror(static_cast<int>(a.At(0).Integer())))); }},
      {"zonecfg_detached", Predicate(zonecfg_detached)},
      {"zonecfg_rm_detached",
       [](Handle h, const Json& a) {
         zonecfg_rm_detached(h, static_cast<boolean_t>(a.At(0).Integer()));
         return std::string("{}");
       }},
      {"zonecfg_num_resources",
       [](Handle h, const Json& a) { return Out(std::to_string(zonecfg_num_resources(h, Argument(a.At(0))))); }},
      {"zonecfg_del_all_resources", Setter(zonecfg_del_all_resources)},
      {"zonecfg_notify_create",
       [](Handle h, const Json&) {
         zonecfg_notify_create(h);
         return std::string("{}");
       }},
      {"zonecfg_fix_obsolete", [](Handle h, const Json&) { return Out(std::to_string(zonecfg_fix_obsolete(h))); }},
      {"zonecfg_validate_zonename", OnName(zonecfg_validate_zonename)},
      {"zonecfg_get_name", Getter(zonecfg_get_name)},
      {"zonecfg_set_name", Setter(zonecfg_set_name)},
      {"zonecfg_get_zonepath", Getter(zonecfg_get_zonepath)},
      {"zonecfg_set_zonepath", Setter(zonecfg_set_zonepath)},
      {"zonecfg_get_brand", Getter(zonecfg_get_brand)},
      {"zonecfg_set_brand", Setter(zonecfg_set_brand)},
      {"zonecfg_get_autoboot",
       [](Handle h, const Json&) {
         boolean_t value = B_FALSE;
         const int code = zonecfg_get_autoboot(h, &value);
         return CodeAndOut(code, std::to_string(value));
       }},
      {"zonecfg_set_autoboot",
       [](Handle h, const Json& a) {
         return Code(zonecfg_set_autoboot(h, static_cast<boolean_t>(a.At(0).Integer())));
       }},
      {"zonecfg_get_iptype",
       [](Handle h, const Json&) {
         zone_iptype_t value = ZS_SHARED;
         const int code = zonecfg_get_iptype(h, &value);
         return CodeAndOut(code, std::to_string(value));
       }},
      {"zonecfg_set_iptype",
       [](Handle h, const Json& a) {
         return Code(zonecfg_set_iptype(h, static_cast<zone_iptype_t>(a.At(0).Integer())));
       }},
      {"zonecfg_get_pool", Getter(zonecfg_get_pool)},
      {"zonecfg_set_pool", Setter(zonecfg_set_pool)},
      {"zonecfg_get_bootargs", Getter(zonecfg_get_bootargs)},
      {"zonecfg_set_bootargs", Setter(zonecfg_set_bootargs)},
      {"zonecfg_get_sched_class", Getter(zonecfg_get_sched_class)},
      {"zonecfg_set_sched", Setter(zonecfg_set_sched)},
      {"zonecfg_get_limitpriv",
       [](Handle h, const Json&) {
         char* value = nullptr;
         const int code = zonecfg_get_limitpriv(h, &value);
         const std::string text = CodeAndOut(code, code == Z_OK ? Quote(value) : "");
         std::free(value);
         return text;
       }},
      {"zonecfg_set_limitpriv", Setter(zonecfg_set_limitpriv)},
      {"zonecfg_get_hostid", Getter(zonecfg_get_hostid)},
      {"zonecfg_set_hostid", Setter(zonecfg_set_hostid)},
      {"zonecfg_get_fs_allowed", Getter(zonecfg_get_fs_allowed)},
      {"zonecfg_set_fs_allowed", Setter(zonecfg_set_fs_allowed)},
      {"zonecfg_get_did", [](Handle h, const Json&) { return Out(std::to_string(zonecfg_get_did(h))); }},
      {"zonecfg_set_did",
       [](Handle h, const Json&) {
         zonecfg_set_did(h);
         return std::string("{}");
       }},
      {"zonecfg_default_brand",
       [](Handle, const Json& a) {
         std::string buffer(a.At(0).IsNull() ? 1024 : static_cast<size_t>(a.At(0).Integer()), '\0');
         const int code = zonecfg_default_brand(buffer.data(), buffer.size());
         return CodeAndOut(code, Quote(buffer.c_str()));
       }},
      {"zonecfg_add_filesystem", OnTab(zonecfg_add_filesystem)},
      {"zonecfg_delete_filesystem", OnTab(zonecfg_delete_filesystem)},
      {"zonecfg_modify_filesystem", Modify(zonecfg_modify_filesystem)},
      {"zonecfg_lookup_filesystem", LookUp(zonecfg_lookup_filesystem)},
      {"zonecfg_valid_fs_type", Predicate(zonecfg_valid_fs_type)},
      {"zonecfg_add_nwif", OnTab(zonecfg_add_nwif)},
      {"zonecfg_delete_nwif", OnTab(zonecfg_delete_nwif)},
      {"zonecfg_modify_nwif", Modify(zonecfg_modify_nwif)},
      {"zonecfg_lookup_nwif", LookUp(zonecfg_lookup_nwif)},
      {"zonecfg_add_dev", OnTab(zonecfg_add_dev)},
      {"zonecfg_delete_dev", OnTab(zonecfg_delete_dev)},
      {"zonecfg_modify_dev", Modify(zonecfg_modify_dev)},
      {"zonecfg_lookup_dev", LookUp(zonecfg_lookup_dev)},
      {"zonecfg_add_attr", OnTab(zonecfg_add_attr)},
      {"zonecfg_delete_attr", OnTab(zonecfg_delete_attr)},
      {"zonecfg_modify_attr", Modify(zonecfg_modify_attr)},
      {"zonecfg_lookup_attr", LookUp(zonecfg_lookup_attr)},
      {"zonecfg_add_rctl", OnTab(zonecfg_add_rctl)},
      {"zonecfg_delete_rctl", OnTab(zonecfg_delete_rctl)},
      {"zonecfg_modify_rctl", Modify(zonecfg_modify_rctl)},
      {"zonecfg_lookup_rctl", LookUp(zonecfg_lookup_rctl)},
      {"zonecfg_add_ds", OnTab(zonecfg_add_ds)},
      {"zonecfg_delete_ds", OnTab(zonecfg_delete_ds)},
      {"zonecfg_modify_ds", Modify(zonecfg_modify_ds)},
      {"zonecfg_lookup_ds", LookUp(zonecfg_lookup_ds)},
      {"zonecfg_add_pset", OnTab(zonecfg_add_pset)},
      {"zonecfg_modify_pset", OnTab(zonecfg_modify_pset)},
      {"zonecfg_lookup_pset", LookUp(zonecfg_lookup_pset)},
      {"zonecfg_getpsetent", LookUp(zonecfg_getpsetent)},
      {"zonecfg_delete_pset", [](Handle h, const Json&) { return Code(zonecfg_delete_pset(h)); }},
      {"zonecfg_add_admin", WithZone(zonecfg_add_admin)},
      {"zonecfg_delete_admin", WithZone(zonecfg_delete_admin)},
      {"zonecfg_lookup_admin", LookUp(zonecfg_lookup_admin)},
      {"zonecfg_add_secflags", OnTab(zonecfg_add_secflags)},
      {"zonecfg_delete_secflags", OnTab(zonecfg_delete_secflags)},
      {"zonecfg_modify_secflags", Modify(zonecfg_modify_secflags)},
      {"zonecfg_lookup_secflags", LookUp(zonecfg_lookup_secflags)},
      {"zonecfg_getsecflagsent", LookUp(zonecfg_getsecflagsent)},
      {"zonecfg_add_rctl_value",
       [](Handle, const Json& a) {
         struct zone_rctltab tab = {};
         replay::Read(a.At(0), &tab);
         const int code = zonecfg_add_rctl_value(&tab, replay::ReadRctlValue(a.At(1)));
         return Code(code, ",\"out\":" + Show(tab));
       }},
      {"zonecfg_remove_rctl_value",
       [](Handle, const Json& a) {
         struct zone_rctltab tab = {};
         replay::Read(a.At(0), &tab);
         const int code = zonecfg_remove_rctl_value(&tab, replay::ReadRctlValue(a.At(1)));
         return Code(code, ",\"out\":" + Show(tab));
       }},
      {"zonecfg_add_fs_option", OnOptions(zonecfg_add_fs_option)},
      {"zonecfg_remove_fs_option", OnOptions(zonecfg_remove_fs_option)},
      {"zonecfg_add_res_attr",
       [](Handle, const Json& a) {
         struct zone_res_attrtab* list = replay::ReadProperties(a.At(0));
         const int code = zonecfg_add_res_attr(&list, replay::ReadProperty(a.At(1)));
         return Code(code, ",\"out\":{\"attrs\":" + replay::ShowProperties(list) + "}");
       }},
      {"zonecfg_remove_res_attr",
       [](Handle, const Json& a) {
         struct zone_res_attrtab* list = replay::ReadProperties(a.At(0));
         const int code = zonecfg_remove_res_attr(&list, replay::ReadProperty(a.At(1)));
         return Code(code, ",\"out\":{\"attrs\":" + replay::ShowProperties(list) + "}");
       }},
      {"zonecfg_aliased_rctl_ok",
       [](Handle h, const Json& a) { return Out(zonecfg_aliased_rctl_ok(h, Argument(a.At(0)))); }},
      {"zonecfg_set_aliased_rctl",
       [](Handle h, const Json& a) {
         return Code(zonecfg_set_aliased_rctl(h, Argument(a.At(0)), static_cast<uint64_t>(a.At(1).Integer())));
       }},
      {"zonecfg_get_aliased_rctl",
       [](Handle h, const Json& a) {
         uint64_t limit = 0;
         const int code = zonecfg_get_aliased_rctl(h, Argument(a.At(0)), &limit);
         return CodeAndOut(code, Quote(std::to_string(limit)));
       }},
      {"zonecfg_rm_aliased_rctl", Setter(zonecfg_rm_aliased_rctl)},
      {"zonecfg_is_rctl", Predicate(zonecfg_is_rctl)},
      {"zonecfg_valid_rctlname", Predicate(zonecfg_valid_rctlname)},
      {"zonecfg_valid_alias_limit",
       [](Handle, const Json& a) {
         uint64_t limit = 0;
         const bool good = zonecfg_valid_alias_limit(Argument(a.At(0)), Argument(a.At(1)), &limit) == B_TRUE;
         return std::string("{\"out\":") + (good ? "true" : "false") + ",\"value\":" + Number(good, limit) + "}";
       }},
      {"zonecfg_str_to_bytes",
       [](Handle, const Json& a) {
         uint64_t bytes = 0;
         const int code = zonecfg_str_to_bytes(Argument(a.At(0)), &bytes);
         return "{\"rc\":" + std::to_string(code) + ",\"value\":" + Number(code == 0, bytes) + "}";
       }},
      {"zonecfg_valid_memlimit",
       [](Handle, const Json& a) {
         uint64_t bytes = 0;
         const bool good = zonecfg_valid_memlimit(Argument(a.At(0)), &bytes) == B_TRUE;
         return std::string("{\"out\":") + (good ? "true" : "false") + ",\"value\":" + Number(good, bytes) + "}";
       }},
      {"zonecfg_valid_ncpus",
       [](Handle, const Json& a) { return Out(zonecfg_valid_ncpus(Argument(a.At(0)), Argument(a.At(1)))); }},
      {"zonecfg_valid_importance", Predicate(zonecfg_valid_importance)},
      {"zonecfg_valid_net_address",
       [](Handle, const Json& a) { return Code(zonecfg_valid_net_address(Argument(a.At(0)), nullptr)); }},
      {"zonecfg_same_net_address",
       [](Handle, const Json& a) { return Out(zonecfg_same_net_address(Argument(a.At(0)), Argument(a.At(1)))); }},
      {"zonecfg_get_attr_boolean",
       [](Handle, const Json& a) {
         struct zone_attrtab tab = {};
         replay::Read(a.At(0), &tab);
         boolean_t value = B_FALSE;
         const int code = zonecfg_get_attr_boolean(&tab, &value);
         return CodeAndOut(code, std::to_string(value));
       }},
      {"zonecfg_get_attr_int",
       [](Handle, const Json& a) {
         struct zone_attrtab tab = {};
         replay::Read(a.At(0), &tab);
         int64_t value = 0;
         const int code = zonecfg_get_attr_int(&tab, &value);
         return CodeAndOut(code, Quote(std::to_string(value)));
       }},
      {"zonecfg_get_attr_uint",
       [](Handle, const Json& a) {
         struct zone_attrtab tab = {};
         replay::Read(a.At(0), &tab);
         uint64_t value = 0;
         const int code = zonecfg_get_attr_uint(&tab, &value);
         return CodeAndOut(code, Quote(std::to_string(value)));
       }},
      {"zonecfg_get_attr_string",
       [](Handle, const Json& a) {
         struct zone_attrtab tab = {};
         replay::Read(a.At(0), &tab);
         std::string buffer(a.At(1).IsNull() ? 1024 : static_cast<size_t>(a.At(1).Integer()), '\0');
         const int code = zonecfg_get_attr_string(&tab, buffer.data(), buffer.size());
         return CodeAndOut(code, Quote(buffer.c_str()));
       }},
      {"zone_get_state",
       [](Handle, const Json& a) {
         zone_state_t state = 0;
         const int code = zone_get_state(Argument(a.At(0)), &state);
         return CodeAndOut(code, std::to_string(state));
       }},
      {"zone_set_state",
       [](Handle, const Json& a) {
         return Code(zone_set_state(Argument(a.At(0)), static_cast<zone_state_t>(a.At(1).Integer())));
       }},
      {"zone_state_str",
       [](Handle, const Json& a) { return Out(Quote(zone_state_str(static_cast<zone_state_t>(a.At(0).Integer())))); }},
      {"zone_get_zonepath", ByName(zone_get_zonepath)},
      {"zone_get_rootpath", ByName(zone_get_rootpath)},
      {"zone_get_devroot", ByName(zone_get_devroot)},
      {"zone_get_brand", ByName(zone_get_brand)},
      {"zone_get_did", [](Handle, const Json& a) { return Out(std::to_string(zone_get_did(Argument(a.At(0))))); }},
      {"zone_get_id",
       [](Handle, const Json& a) {
         zoneid_t id = 0;
         const int code = zone_get_id(Argument(a.At(0)), &id);
         return "{\"rc\":" + std::to_string(code) + ",\"out\":" + (code == 0 ? std::to_string(id) : "null") + "}";
       }},
      {"zonecfg_get_uuid",
       [](Handle, const Json& a) {
         uuid_t uuid = {};
         const int code = zonecfg_get_uuid(Argument(a.At(0)), uuid);
         return CodeAndOut(code, Quote(standin::FormatUuid(uuid)));
       }},
      {"zonecfg_set_uuid",
       [](Handle, const Json& a) {
         return Code(zonecfg_set_uuid(Argument(a.At(0)), Argument(a.At(1)), Argument(a.At(2))));
       }},
      {"zonecfg_get_name_by_uuid",
       [](Handle, const Json& a) {
         uuid_t uuid = {};
         standin::ParseUuid(a.At(0).Bytes(), uuid);
         std::string buffer(a.At(1).IsNull() ? 1024 : static_cast<size_t>(a.At(1).Integer()), '\0');
         const int code = zonecfg_get_name_by_uuid(uuid, buffer.data(), buffer.size());
         return CodeAndOut(code, Quote(buffer.c_str()));
       }},
      {"zonecfg_init_lock_file",
       [](Handle, const Json& a) {
         char* variable = nullptr;
         zonecfg_init_lock_file(Argument(a.At(0)), &variable);
         return Out(variable == nullptr ? "null" : Quote(variable));
       }},
      {"zonecfg_grab_lock_file",
       [](Handle, const Json& a) {
         const int code = zonecfg_grab_lock_file(Argument(a.At(0)), &lock_fd);
         return CodeAndOut(code, lock_fd >= 0 ? "\"fd\"" : std::to_string(lock_fd));
       }},
      {"zonecfg_release_lock_file",
       [](Handle, const Json& a) {
         zonecfg_release_lock_file(Argument(a.At(0)), lock_fd);
         return std::string("{}");
       }},
  };
  return calls;
}

std::string MakeCall(const Json& call, std::map<std::string, Handle>* handles) {
  const std::string& function = call["fn"].text;
  const std::string name = call["h"].IsNull() ? "h" : call["h"].text;
  Handle& handle = (*handles)[name];
  if (function == "zonecfg_fini_handle") {
    zonecfg_fini_handle(handle);
    handle = nullptr;
    return "{}";
  }
  if (handle == nullptr) handle = zonecfg_init_handle();
  const auto found = Calls().find(function);
  if (found == Calls().end()) return "{\"unknown\":" + Quote(function) + "}";
  try {
    return found->second(handle, call["args"]);
  } catch (const replay::TooLong& problem) {
    return "{\"client\":\"too_long\",\"field\":" + Quote(problem.field) + ",\"size\":" + std::to_string(problem.size) +
           "}";
  }
}

// Calls on a brand

struct Items {
  std::string text;
  int count = 0;
  int stop = 0;
};

template <typename... Texts>
int Collect(void* data, Texts... texts) {
  auto* items = static_cast<Items*>(data);
  std::string list;
  for (const char* text : {texts...}) {
    list += (list.empty() ? "" : ",") + (text == nullptr ? std::string("null") : Quote(text));
  }
  items->text += (items->text.empty() ? "[" : ",[") + list + "]";
  return ++items->count == items->stop ? 1 : 0;
}

int CollectPrivilege(void* data, priv_iter_t* privilege) {
  return Collect(data, privilege->pi_name, privilege->pi_set, privilege->pi_iptype);
}

std::string CallBrand(brand_handle_t brand, const Json& call) {
  const std::string& function = call["fn"].text;
  const std::string first = call["args"].At(0).Bytes();
  const std::string second = call["args"].At(1).Bytes();
  if (function == "brand_restartinit") return Out(brand_restartinit(brand));
  if (function == "brand_allow_exclusive_ip") return Out(brand_allow_exclusive_ip(brand));
  if (function.find("_iter_") != std::string::npos) {
    Items items;
    if (!call["stop"].IsNull()) items.stop = static_cast<int>(call["stop"].Integer());
    int code = -2;
    if (function == "brand_config_iter_privilege") {
      code = brand_config_iter_privilege(brand, CollectPrivilege, &items);
    } else if (function == "brand_platform_iter_gmounts") {
      code = brand_platform_iter_gmounts(brand, first.c_str(), second.c_str(), Collect, &items);
    } else if (function == "brand_platform_iter_mounts") {
      code = brand_platform_iter_mounts(brand, Collect, &items);
    } else if (function == "brand_platform_iter_link") {
      code = brand_platform_iter_link(brand, Collect, &items);
    } else if (function == "brand_platform_iter_devices") {
      code = brand_platform_iter_devices(brand, first.c_str(), Collect, &items, second.c_str());
    }
    return "{\"rc\":" + std::to_string(code) + ",\"items\":[" + items.text + "]}";
  }
  std::string buffer(call["size"].IsNull() ? 1024 : static_cast<size_t>(call["size"].Integer()), '\0');
  char* to = buffer.data();
  const size_t size = buffer.size();
  using Plain = int (*)(brand_handle_t, char*, size_t);
  using ForUser = int (*)(brand_handle_t, const char*, char*, size_t);
  using Hook = int (*)(brand_handle_t, const char*, const char*, char*, size_t);
  static const std::map<std::string, Plain> plain = {{"brand_get_brandname", brand_get_brandname},
                                                     {"brand_get_initname", brand_get_initname},
                                                     {"brand_get_modname", brand_get_modname},
                                                     {"brand_get_installopts", brand_get_installopts},
                                                     {"brand_get_verify_cfg", brand_get_verify_cfg}};
  static const std::map<std::string, ForUser> for_user = {{"brand_get_login_cmd", brand_get_login_cmd},
                                                          {"brand_get_forcedlogin_cmd", brand_get_forcedlogin_cmd},
                                                          {"brand_get_user_cmd", brand_get_user_cmd}};
  static const std::map<std::string, Hook> hooks = {
#define HOOK(name) {"brand_get_" #name, brand_get_##name}
      HOOK(install),     HOOK(postinstall), HOOK(uninstall),  HOOK(preuninstall),   HOOK(attach),
      HOOK(postattach),  HOOK(detach),      HOOK(predetach),  HOOK(boot),           HOOK(halt),
      HOOK(shutdown),    HOOK(sysboot),     HOOK(verify_adm), HOOK(prestatechange), HOOK(poststatechange),
      HOOK(query),       HOOK(clone),       HOOK(postclone),  HOOK(presnap),        HOOK(postsnap),
      HOOK(validatesnap)
#undef HOOK
  };
  int code = -2;
  if (plain.contains(function)) {
    code = plain.at(function)(brand, to, size);
  } else if (for_user.contains(function)) {
    code = for_user.at(function)(brand, first.c_str(), to, size);
  } else if (hooks.contains(function)) {
    code = hooks.at(function)(brand, first.c_str(), second.c_str(), to, size);
  }
  return "{\"rc\":" + std::to_string(code) + ",\"out\":" + (code == 0 ? Quote(buffer.c_str()) : "null") + "}";
}

}  // namespace

int main() {
  const Json record = replay::ParseJson({std::istreambuf_iterator<char>(std::cin), {}});
  if (!record["brand"].IsNull()) {
    const brand_handle_t brand = brand_open(record["brand"].Bytes().c_str());
    std::cout << (brand == nullptr ? "false" : "true") << std::endl;
    if (brand == nullptr) return 0;
    for (const Json& call : record["calls"].items) std::cout << CallBrand(brand, call) << std::endl;
    brand_close(brand);
    return 0;
  }
  std::map<std::string, Handle> handles;
  for (const Json& call : record["calls"].items) std::cout << MakeCall(call, &handles) << std::endl;
  for (const auto& [name, handle] : handles) zonecfg_fini_handle(handle);
  return 0;
}
