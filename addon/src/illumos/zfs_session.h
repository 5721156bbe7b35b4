// What the parts of Session share: opening datasets, lists of values, and errors in the library's words.
#pragma once

#include <string>
#include <vector>

#include "illumos/zfs.h"
#include "illumos/zfs_library.h"

namespace smartadm::zfs {

constexpr int kEverything = ZFS_TYPE_FILESYSTEM | ZFS_TYPE_VOLUME | ZFS_TYPE_SNAPSHOT | ZFS_TYPE_BOOKMARK;
constexpr int kDatasets = ZFS_TYPE_FILESYSTEM | ZFS_TYPE_VOLUME;

zfs_type_t ToLibrary(Type type);
int ToLibrary(const std::vector<Type>& types);
Type FromLibrary(zfs_type_t type);

// One call of libzfs. The library never forgets an error, so what it said before is kept to tell a new one from it.
class Attempt {
 public:
  Attempt(Session& session, const char* operation, std::string subject);

  // Throws unless `result` is 0; a positive one may be an errno that the library does not explain.
  void Check(int result) const;
  [[noreturn]] void Fail(int result) const;

 private:
  libzfs_handle_t* handle_;
  const char* operation_;
  std::string subject_;
  int code_;
  std::string action_, description_;
};

// Throws EZFS_NAMETOOLONG or EZFS_INVALIDNAME. The library cuts some names that are too long.
void RequireName(const char* operation, const std::string& name, int types);
// The same for a name that cannot be a pool's.
void RequireBelowPool(const char* operation, const std::string& name, int types);

// Throws EZFS_NOENT, EZFS_BADTYPE, …
Dataset Open(Session& session, const std::string& name, int types);

List NewList();
void Add(const List& list, const std::string& name, const std::string& value);
void Add(const List& list, const std::string& name, uint64_t value);
// Null when there is nothing in it.
List ToList(const Settings& settings);
// Empty when it is not there.
std::string Lookup(nvlist_t* list, const char* name);

// Throws for the first name in a list of errors that libzfs_core gave, or for `result`.
void CheckEach(int result, const List& errors, const char* operation, const std::string& subject);

// Callbacks of iterations: `data` is a vector of handles.
int CollectDataset(zfs_handle_t* handle, void* data);
int CollectPool(zpool_handle_t* handle, void* data);

Properties ReadProperties(const Dataset& dataset, const Asked& asked);
Source FromLibrary(zprop_source_t source);

inline std::string NameOf(const Dataset& dataset) { return Lib().zfs_get_name(dataset.get()); }
// `zones/a` of `zones/a@b`.
inline std::string WithoutSnapshot(const std::string& name) { return name.substr(0, name.find_first_of("@#")); }

}  // namespace smartadm::zfs
