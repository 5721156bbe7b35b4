// Properties: which there are, what they are now, and which values they take.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

#include "library.h"

namespace standin {
namespace {

constexpr int kFs = ZFS_TYPE_FILESYSTEM;
constexpr int kVol = ZFS_TYPE_VOLUME;
constexpr int kBoth = kFs | kVol;
constexpr int kSnap = ZFS_TYPE_SNAPSHOT;
constexpr int kAll = kBoth | kSnap;
constexpr int kWithMarks = kAll | ZFS_TYPE_BOOKMARK;
constexpr const char* kOnOff = "on off";

constexpr PropertyRow Told(const char* name, int types = kAll) {
  return {name, Kind::kNumber, types, true, false, false, "0", ""};
}
constexpr PropertyRow Size(const char* name, int types) {
  return {name, Kind::kSize, types, false, false, false, "0", ""};
}
constexpr PropertyRow Choice(const char* name, int types, const char* standard, const char* values) {
  return {name, Kind::kIndex, types, false, true, false, standard, values};
}
constexpr PropertyRow Once(const char* name, int types, const char* standard, const char* values) {
  return {name, Kind::kIndex, types, false, false, true, standard, values};
}
constexpr PropertyRow kHidden = {nullptr, Kind::kNumber, 0, true, false, false, "", ""};

// By number, as SmartOS counts them.
constexpr PropertyRow kRows[] = {
    Told("type", kWithMarks),
    Told("creation", kWithMarks),
    Told("used"),
    Told("available", kBoth),
    Told("referenced"),
    Told("compressratio"),
    Told("mounted", kFs),
    Told("origin", kBoth),
    Size("quota", kFs),
    Size("reservation", kBoth),
    {"volsize", Kind::kSize, kVol | kSnap, false, false, false, "0", ""},
    {"volblocksize", Kind::kSize, kVol, false, false, true, "8192", ""},
    {"recordsize", Kind::kSize, kFs, false, true, false, "131072", ""},
    {"mountpoint", Kind::kText, kFs, false, true, false, "/", ""},
    Choice("sharenfs", kFs, "off", "*"),
    Choice("checksum", kBoth, "on", "on off fletcher2 fletcher4 sha256 sha512 skein edonr noparity"),
    Choice("compression", kBoth, "off",
           "on off lz4 lzjb zle gzip gzip-1 gzip-2 gzip-3 gzip-4 gzip-5 gzip-6 gzip-7 gzip-8 gzip-9"),
    Choice("atime", kFs, "on", kOnOff),
    Choice("devices", kFs, "on", kOnOff),
    Choice("exec", kFs, "on", kOnOff),
    Choice("setuid", kFs, "on", kOnOff),
    Choice("readonly", kBoth, "off", kOnOff),
    Choice("zoned", kFs, "off", kOnOff),
    Choice("snapdir", kFs, "hidden", "hidden visible"),
    Choice("aclmode", kFs, "discard", "discard groupmask passthrough restricted"),
    Choice("aclinherit", kFs, "restricted", "discard noallow restricted passthrough passthrough-x"),
    Told("createtxg", kWithMarks),
    Told("name", kWithMarks),
    {"canmount", Kind::kIndex, kFs, false, false, false, "on", "on off noauto"},
    kHidden,
    Choice("xattr", kFs, "on", kOnOff),
    Told("numclones", kSnap),
    Choice("copies", kBoth, "1", "1 2 3"),
    Told("version", kFs),
    Once("utf8only", kFs, "off", kOnOff),
    Once("normalization", kFs, "none", "none formC formD formKC formKD"),
    Once("casesensitivity", kFs, "sensitive", "sensitive insensitive mixed"),
    Choice("vscan", kFs, "off", kOnOff),
    Choice("nbmand", kFs, "off", kOnOff),
    Choice("sharesmb", kFs, "off", "*"),
    Size("refquota", kFs),
    Size("refreservation", kBoth),
    Told("guid", kWithMarks),
    Choice("primarycache", kBoth, "all", "all none metadata"),
    Choice("secondarycache", kBoth, "all", "all none metadata"),
    Told("usedbysnapshots", kBoth),
    Told("usedbydataset", kBoth),
    Told("usedbychildren", kBoth),
    Told("usedbyrefreservation", kBoth),
    kHidden,
    kHidden,
    Told("defer_destroy", kSnap),
    Told("userrefs", kSnap),
    Choice("logbias", kBoth, "latency", "latency throughput"),
    kHidden,
    Told("objsetid"),
    Choice("dedup", kBoth, "off", "on off verify sha256 sha256,verify sha512 skein"),
    Choice("mlslabel", kFs, "none", "*"),
    Choice("sync", kBoth, "standard", "standard always disabled"),
    Choice("dnodesize", kFs, "legacy", "legacy auto 1k 2k 4k 8k 16k"),
    Told("refcompressratio"),
    Told("written"),
    Told("clones", kSnap),
    Told("logicalused"),
    Told("logicalreferenced"),
    kHidden,
    {"filesystem_limit", Kind::kNumber, kFs, false, false, false, "18446744073709551615", ""},
    {"snapshot_limit", Kind::kNumber, kBoth, false, false, false, "18446744073709551615", ""},
    Told("filesystem_count", kFs),
    Told("snapshot_count", kBoth),
    Choice("redundant_metadata", kBoth, "all", "all most"),
    kHidden,
    Told("receive_resume_token", kBoth),
};

static_assert(std::string_view(kRows[ZFS_PROP_REFQUOTA].name) == "refquota");
static_assert(std::string_view(kRows[ZFS_PROP_USERREFS].name) == "userrefs");
static_assert(std::string_view(kRows[ZFS_PROP_CLONES].name) == "clones");
static_assert(std::string_view(kRows[66].name) == "filesystem_limit");
static_assert(std::string_view(kRows[72].name) == "receive_resume_token");

std::string Joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& each : names) all += (all.empty() ? "" : ",") + each;
  return all;
}

std::optional<std::string> TellOfBookmark(const State& state, const std::string& bookmark, const std::string& name) {
  const Snapshot* mark = state.FindBookmark(bookmark).second;
  if (mark == nullptr) return std::nullopt;
  if (name == "name") return bookmark;
  if (name == "type") return "bookmark";
  return std::to_string(name == "guid" ? mark->guid : name == "createtxg" ? mark->txg : mark->creation);
}

// What only says something.
std::optional<std::string> Tell(const State& state, const zfs_handle_t* handle, const std::string& name) {
  if (handle->type == ZFS_TYPE_BOOKMARK) return TellOfBookmark(state, handle->name, name);
  const auto [dataset, snapshot] = state.FindSnapshot(handle->name);
  const bool is_snapshot = IsSnapshot(handle);
  if (dataset == nullptr || (is_snapshot && snapshot == nullptr)) return std::nullopt;
  const auto number = [](uint64_t value) { return std::to_string(value); };
  if (name == "name") return handle->name;
  if (name == "compressratio" || name == "refcompressratio") return "1.00";
  if (name == "version") return "5";
  if (name == "type") return is_snapshot ? "snapshot" : dataset->is_volume ? "volume" : "filesystem";
  if (is_snapshot) {
    if (name == "creation") return number(snapshot->creation);
    if (name == "createtxg") return number(snapshot->txg);
    if (name == "guid") return number(snapshot->guid);
    if (name == "objsetid") return number(snapshot->id);
    if (name == "used") return "0";
    if (name == "referenced" || name == "logicalreferenced") return number(snapshot->referenced);
    if (name == "written" || name == "logicalused") return number(snapshot->written);
    if (name == "userrefs") return number(snapshot->holds.size());
    if (name == "defer_destroy") return snapshot->deferred ? "on" : "off";
    if (name == "clones") return Joined(state.ClonesOf(snapshot->id));
    if (name == "numclones") return number(state.ClonesOf(snapshot->id).size());
    return std::nullopt;
  }
  if (name == "creation") return number(dataset->creation);
  if (name == "createtxg") return number(dataset->txg);
  if (name == "guid") return number(dataset->guid);
  if (name == "objsetid") return number(dataset->id);
  if (name == "used" || name == "logicalused") return number(Used(state, *dataset));
  if (name == "available") return number(Available(state, *dataset));
  if (name == "mounted") return dataset->mounted_at.empty() ? "no" : "yes";
  if (name == "usedbysnapshots") return number(UsedBySnapshots(state, *dataset));
  if (name == "usedbychildren") return number(0);
  if (name == "usedbyrefreservation") return number(NumberOf(dataset->properties, "refreservation"));
  if (name == "origin") {
    if (dataset->origin == 0) return std::nullopt;
    const auto [of, from] = state.FindSnapshot(dataset->origin);
    return from == nullptr ? std::nullopt : std::optional(of->name + "@" + from->name);
  }
  if (name == "filesystem_count" || name == "snapshot_count") return std::nullopt;
  if (name == "receive_resume_token") {
    const Dataset* partial = state.FindPartial(handle->name);
    return partial == nullptr ? std::nullopt : std::optional(partial->token);
  }
  return number(Referenced(state, *dataset));
}

bool TakesValue(const PropertyRow& row, const std::string& value) {
  std::istringstream values(row.values);
  for (std::string each; values >> each;) {
    if (each == "*" || each == value) return true;
  }
  return false;
}

bool IsPowerOfTwo(uint64_t value, uint64_t most) { return value >= 512 && value <= most && (value & (value - 1)) == 0; }

// The one form of a value; nothing when it is none.
std::optional<std::string> Form(const PropertyRow& row, const std::string& value) {
  const std::string name = row.name;
  if (row.kind == Kind::kText) {
    const bool good = value == "none" || value == "legacy" || value.starts_with('/');
    return good ? std::optional(value) : std::nullopt;
  }
  if (row.kind == Kind::kIndex) return TakesValue(row, value) ? std::optional(value) : std::nullopt;
  uint64_t number = 0;
  if (value == "none" && !name.starts_with("vol") && name != "recordsize") {
    number = row.kind == Kind::kNumber ? UINT64_MAX : 0;
  } else if (!ParseSize(value, number)) {
    return std::nullopt;
  }
  if (name == "recordsize" && !IsPowerOfTwo(number, 1 << 20)) return std::nullopt;
  if (name == "volblocksize" && !IsPowerOfTwo(number, 1 << 17)) return std::nullopt;
  if (name == "volsize" && number == 0) return std::nullopt;
  return std::to_string(number);
}

}  // namespace

const PropertyRow* RowOf(zfs_prop_t property) {
  const auto index = static_cast<size_t>(property);
  return property < 0 || index >= std::size(kRows) || kRows[index].name == nullptr ? nullptr : &kRows[index];
}

zfs_prop_t NumberOf(const std::string& given) {
  static const std::map<std::string, std::string> short_names = {
      {"avail", "available"},          {"refer", "referenced"},      {"compress", "compression"},
      {"recsize", "recordsize"},       {"rdonly", "readonly"},       {"reserv", "reservation"},
      {"refreserv", "refreservation"}, {"volblock", "volblocksize"}, {"ratio", "compressratio"}};
  const auto full = short_names.find(given);
  const std::string name = full == short_names.end() ? given : full->second;
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].name != nullptr && name == kRows[i].name) return static_cast<zfs_prop_t>(i);
  }
  return ZPROP_INVAL;
}

std::optional<Found> ReadSet(const State& state, const Dataset& dataset, const std::string& name, bool is_inheritable) {
  for (const Dataset* at = &dataset; at != nullptr; at = state.Find(ParentOf(at->name))) {
    const bool is_own = at == &dataset;
    const auto local = at->properties.find(name);
    if (local != at->properties.end()) {
      return Found{local->second, is_own ? ZPROP_SRC_LOCAL : ZPROP_SRC_INHERITED, is_own ? "" : at->name};
    }
    const auto received = at->received.find(name);
    if (received != at->received.end()) {
      return Found{received->second, is_own ? ZPROP_SRC_RECEIVED : ZPROP_SRC_INHERITED, is_own ? "" : at->name};
    }
    if (!is_inheritable) break;
  }
  return std::nullopt;
}

std::string MountpointOf(const State& state, const Dataset& dataset) {
  const auto found = ReadSet(state, dataset, "mountpoint", true);
  if (!found) return "/" + dataset.name;
  if (found->source != ZPROP_SRC_INHERITED || found->value == "none" || found->value == "legacy") return found->value;
  return (found->value == "/" ? "" : found->value) + dataset.name.substr(found->from.size());
}

std::optional<Found> Read(const State& state, const zfs_handle_t* handle, const PropertyRow& row) {
  if (!Matches(row.types, handle->type)) return std::nullopt;
  const std::string name = row.name;
  if (row.read_only) {
    auto value = Tell(state, handle, name);
    return value ? std::optional(Found{*value, ZPROP_SRC_NONE, ""}) : std::nullopt;
  }
  const auto [dataset, snapshot] = state.FindSnapshot(handle->name);
  if (dataset == nullptr) return std::nullopt;
  if (snapshot != nullptr) {
    const auto found = snapshot->properties.find(name);
    return found == snapshot->properties.end() ? std::nullopt : std::optional(Found{found->second, ZPROP_SRC_NONE, ""});
  }
  auto found = ReadSet(state, *dataset, name, row.inheritable);
  const bool is_none = found && row.kind == Kind::kSize && found->value == "0";
  if (!found || is_none) found = Found{row.standard, ZPROP_SRC_DEFAULT, ""};
  if (name == "mountpoint") found->value = MountpointOf(state, *dataset);
  return found;
}

int Normalize(libzfs_handle_t* library, zfs_type_t type, nvlist_t* list, bool is_new, const std::string& action,
              Values& values) {
  if (list == nullptr) return 0;
  for (nvpair_t* pair = nullptr; (pair = nvlist_next_nvpair(list, pair)) != nullptr;) {
    const std::string name = nvpair_name(pair);
    char* text = nullptr;
    uint64_t number = 0;
    std::string value;
    if (nvpair_value_string(pair, &text) == 0) {
      value = text;
    } else if (nvpair_value_uint64(pair, &number) == 0) {
      value = std::to_string(number);
    } else {
      return Error(library, EZFS_BADPROP, action, "'" + name + "' must be a string");
    }
    if (name.find(':') != std::string::npos) {
      const bool good = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::islower(c) || std::isdigit(c) || std::strchr("-_.:+", c) != nullptr;
      });
      if (!good) return Error(library, EZFS_BADPROP, action, "invalid property '" + name + "'");
      if (name.size() >= 256) return Error(library, EZFS_BADPROP, action, "property name '" + name + "' is too long");
      if (value.size() >= 8192) return Error(library, EZFS_BADPROP, action, "property value is too long");
      values[name] = value;
      continue;
    }
    const PropertyRow* row = RowOf(NumberOf(name));
    if (row == nullptr) return Error(library, EZFS_BADPROP, action, "invalid property '" + name + "'");
    if (type == ZFS_TYPE_SNAPSHOT) {
      return Error(library, EZFS_PROPTYPE, action, "this property can not be modified for snapshots");
    }
    if (!Matches(row->types, type)) {
      return Error(library, EZFS_PROPTYPE, action, "'" + name + "' does not apply to datasets of this type");
    }
    if (row->read_only || (row->once && !is_new)) {
      return Error(library, EZFS_PROPREADONLY, action, "'" + name + "' is readonly");
    }
    if (name == "refreservation" && value == "auto" && type == ZFS_TYPE_VOLUME) {
      values[row->name] = "auto";
      continue;
    }
    const auto form = Form(*row, value);
    if (!form) return Error(library, EZFS_BADPROP, action, "'" + name + "' must not be '" + value + "'");
    values[row->name] = *form;
  }
  return 0;
}

bool ParseSize(const std::string& text, uint64_t& bytes) {
  char* end = nullptr;
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text.front()))) return false;
  const long double number = std::strtold(text.c_str(), &end);
  std::string unit = end;
  if (unit.size() > 1 && (unit.back() == 'b' || unit.back() == 'B')) unit.pop_back();
  static constexpr std::string_view kUnits = "BKMGTPE";
  size_t power = 0;
  if (!unit.empty()) {
    power = unit.size() == 1 ? kUnits.find(static_cast<char>(std::toupper(unit.front()))) : std::string_view::npos;
    if (power == std::string_view::npos) return false;
  }
  long double all = number;
  for (size_t i = 0; i < power; ++i) all *= 1024;
  if (all > 18446744073709551615.0L) return false;
  bytes = static_cast<uint64_t>(all);
  return true;
}

uint64_t ReservationOf(uint64_t volsize, uint64_t block, uint64_t copies) {
  // Blocks of the tree above the data, 1024 pointers in each.
  uint64_t blocks = volsize / block, indirect = 7;
  while (blocks > 1) {
    blocks = (blocks + 1023) / 1024;
    indirect += blocks;
  }
  return volsize * copies + indirect * std::min<uint64_t>(3, copies + 1) * (1 << 17);
}

}  // namespace standin

using standin::Call;

extern "C" {

zfs_prop_t zfs_name_to_prop(const char* name) { return standin::NumberOf(name); }
const char* zfs_prop_to_name(zfs_prop_t property) { return standin::RowOf(property)->name; }
boolean_t zfs_prop_user(const char* name) { return std::strchr(name, ':') != nullptr ? B_TRUE : B_FALSE; }

int zfs_prop_get(zfs_handle_t* handle, zfs_prop_t property, char* buffer, size_t size, zprop_source_t* source,
                 char* from, size_t from_size, boolean_t literal) {
  const Call call(handle, "zfs_prop_get");
  if (literal == B_FALSE) standin::Die("zfs_prop_get gives exact values only here");
  const standin::PropertyRow* row = standin::RowOf(property);
  const auto state = standin::Look();
  const auto found = row == nullptr ? std::nullopt : standin::Read(*state, handle, *row);
  if (!found) return -1;
  std::snprintf(buffer, size, "%s", found->value.c_str());
  if (source != nullptr) *source = found->source;
  if (from != nullptr) std::snprintf(from, from_size, "%s", found->from.c_str());
  return 0;
}

uint64_t zfs_prop_get_int(zfs_handle_t* handle, zfs_prop_t property) {
  const Call call(handle, "zfs_prop_get_int");
  const standin::PropertyRow* row = standin::RowOf(property);
  const auto state = standin::Look();
  const auto found = row == nullptr ? std::nullopt : standin::Read(*state, handle, *row);
  if (!found) return 0;
  if (property == ZFS_PROP_CANMOUNT) {
    return found->value == "on" ? ZFS_CANMOUNT_ON : found->value == "off" ? ZFS_CANMOUNT_OFF : ZFS_CANMOUNT_NOAUTO;
  }
  if (found->value == "on" || found->value == "yes") return 1;
  return std::strtoull(found->value.c_str(), nullptr, 10);
}

nvlist_t* zfs_get_user_props(zfs_handle_t* handle) {
  const Call call(handle, "zfs_get_user_props");
  if (handle->type == ZFS_TYPE_BOOKMARK) return nullptr;
  const auto state = standin::Look();
  nvlist_free(handle->user_properties);
  handle->user_properties = fnvlist_alloc();
  const auto put = [&](const std::string& name, const std::string& value, const std::string& source) {
    if (name.find(':') == std::string::npos || nvlist_exists(handle->user_properties, name.c_str()) != B_FALSE) return;
    nvlist_t* held = fnvlist_alloc();
    fnvlist_add_string(held, "value", value.c_str());
    fnvlist_add_string(held, "source", source.c_str());
    fnvlist_add_nvlist(handle->user_properties, name.c_str(), held);
    fnvlist_free(held);
  };
  const auto [dataset, snapshot] = state->FindSnapshot(handle->name);
  if (snapshot != nullptr) {
    for (const auto& [name, value] : snapshot->properties) put(name, value, handle->name);
  }
  for (const standin::Dataset* at = dataset; at != nullptr; at = state->Find(standin::ParentOf(at->name))) {
    for (const auto& [name, value] : at->properties) put(name, value, at->name);
    const bool is_own = at == dataset && snapshot == nullptr;
    for (const auto& [name, value] : at->received) put(name, value, is_own ? ZPROP_SOURCE_VAL_RECVD : at->name);
  }
  return handle->user_properties;
}

// Says why only to those who go on to fail: the library's error stays what it was.
int zfs_nicestrtonum(libzfs_handle_t* library, const char* text, uint64_t* bytes) {
  const Call call(library, "zfs_nicestrtonum");
  return standin::ParseSize(text, *bytes) ? 0 : -1;
}

// Looks for the size of a block as a number, and for copies as text.
uint64_t zvol_volsize_to_reservation(zpool_handle_t* pool, uint64_t volsize, nvlist_t* properties) {
  const Call call(pool, "zvol_volsize_to_reservation");
  uint64_t block = 0, copies = 1;
  char* text = nullptr;
  if (nvlist_lookup_uint64(properties, "volblocksize", &block) != 0 || block == 0) block = 8192;
  if (nvlist_lookup_string(properties, "copies", &text) == 0) copies = std::strtoull(text, nullptr, 10);
  return standin::ReservationOf(volsize, block, copies);
}

}  // extern "C"
