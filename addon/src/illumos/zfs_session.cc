#include "illumos/zfs_session.h"

#include <dirent.h>
#include <fcntl.h>

#include <cstdlib>
#include <set>

namespace smartadm::zfs {
namespace {

// Descriptors of this process.
std::set<int> OpenDescriptors() {
  std::set<int> open;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return open;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') open.insert(std::atoi(entry->d_name));
  }
  // Not the one that this took.
  open.erase(::dirfd(folder));
  ::closedir(folder);
  return open;
}

// What nvlist_lookup_string points to differs between versions of OpenZFS.
template <typename Text>
Text TextOf(int (*)(nvlist_t*, const char*, Text*));
template <typename Text>
Text TextOf(int (*)(const nvlist_t*, const char*, Text*));
using ListText = decltype(TextOf(&::nvlist_lookup_string));

}  // namespace

Session::Session() {
  const std::lock_guard lock(LibraryMutex());
  // Owners of what comes of it end it where nothing can be thrown.
  Lib().libzfs_fini.Require();
  Lib().zfs_close.Require();
  Lib().zpool_close.Require();
  Lib().nvlist_free.Require();
  // On illumos programs started from here would have the library's descriptors.
  const std::set<int> before = OpenDescriptors();
  errno = 0;
  handle_ = Lib().libzfs_init();
  if (handle_ == nullptr) throw NativeError("zfs", "libzfs_init", errno == 0 ? ENXIO : errno, ZFS_DEV);
  for (const int fd : OpenDescriptors()) {
    if (!before.contains(fd)) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

Session::~Session() {
  const std::lock_guard lock(LibraryMutex());
  Lib().libzfs_fini(handle_);
}

zfs_type_t ToLibrary(Type type) {
  switch (type) {
    case Type::kFilesystem:
      return ZFS_TYPE_FILESYSTEM;
    case Type::kVolume:
      return ZFS_TYPE_VOLUME;
    case Type::kSnapshot:
      return ZFS_TYPE_SNAPSHOT;
    case Type::kBookmark:
      return ZFS_TYPE_BOOKMARK;
  }
  return ZFS_TYPE_FILESYSTEM;
}

int ToLibrary(const std::vector<Type>& types) {
  int all = 0;
  for (const Type type : types) all |= ToLibrary(type);
  return all;
}

Type FromLibrary(zfs_type_t type) {
  switch (type) {
    case ZFS_TYPE_VOLUME:
      return Type::kVolume;
    case ZFS_TYPE_SNAPSHOT:
      return Type::kSnapshot;
    case ZFS_TYPE_BOOKMARK:
      return Type::kBookmark;
    default:
      return Type::kFilesystem;
  }
}

Attempt::Attempt(Session& session, const char* operation, std::string subject)
    : handle_(session.handle()),
      operation_(operation),
      subject_(std::move(subject)),
      code_(Lib().libzfs_errno(handle_)),
      action_(Lib().libzfs_error_action(handle_)),
      description_(Lib().libzfs_error_description(handle_)) {}

void Attempt::Check(int result) const {
  if (result != 0) Fail(result);
}

void Attempt::Fail(int result) const {
  const int code = Lib().libzfs_errno(handle_);
  const std::string action = Lib().libzfs_error_action(handle_);
  const std::string description = Lib().libzfs_error_description(handle_);
  const bool is_old = code == code_ && action == action_ && description == description_;
  if (result > 0 && (is_old || code == 0)) throw NativeError("zfs", operation_, result, subject_);
  const std::string said = action.empty() ? subject_ : action;
  throw NativeError("zfs", operation_, CodeName(code), code, said + ": " + description);
}

void RequireName(const char* operation, const std::string& name, int types) {
  if (name.size() >= ZFS_MAX_DATASET_NAME_LEN) Refuse(operation, name, EZFS_NAMETOOLONG, "dataset name is too long");
  for (const zfs_type_t type : {ZFS_TYPE_FILESYSTEM, ZFS_TYPE_SNAPSHOT, ZFS_TYPE_BOOKMARK}) {
    const int wanted = type == ZFS_TYPE_FILESYSTEM ? kDatasets : type;
    if ((types & wanted) != 0 && Lib().zfs_name_valid(name.c_str(), type) != 0) return;
  }
  Refuse(operation, name, EZFS_INVALIDNAME, "invalid name");
}

void RequireBelowPool(const char* operation, const std::string& name, int types) {
  RequireName(operation, name, types);
  if (name.find('/') == std::string::npos) {
    Refuse(operation, name, EZFS_INVALIDNAME, "not possible with the dataset that a pool is");
  }
}

Dataset Open(Session& session, const std::string& name, int types) {
  RequireName("zfs_open", name, kEverything);
  const Attempt attempt(session, "zfs_open", name);
  Dataset dataset(Lib().zfs_open(session.handle(), name.c_str(), types));
  if (!dataset) attempt.Fail(-1);
  return dataset;
}

List NewList() {
  nvlist_t* list = nullptr;
  const int error = Lib().nvlist_alloc(&list, NV_UNIQUE_NAME, 0);
  if (error != 0) throw NativeError("zfs", "nvlist_alloc", error);
  return List(list);
}

void Add(const List& list, const std::string& name, const std::string& value) {
  const int error = Lib().nvlist_add_string(list.get(), name.c_str(), value.c_str());
  if (error != 0) throw NativeError("zfs", "nvlist_add_string", error, name);
}

void Add(const List& list, const std::string& name, uint64_t value) {
  const int error = Lib().nvlist_add_uint64(list.get(), name.c_str(), value);
  if (error != 0) throw NativeError("zfs", "nvlist_add_uint64", error, name);
}

List ToList(const Settings& settings) {
  if (settings.empty()) return List();
  List list = NewList();
  for (const auto& [name, value] : settings) Add(list, name, value);
  return list;
}

std::string Lookup(nvlist_t* list, const char* name) {
  ListText text = nullptr;
  return Lib().nvlist_lookup_string(list, name, &text) == 0 ? std::string(text) : std::string();
}

void CheckEach(int result, const List& errors, const char* operation, const std::string& subject) {
  nvpair_t* first = errors ? Lib().nvlist_next_nvpair(errors.get(), nullptr) : nullptr;
  int32_t error = 0;
  if (first != nullptr && Lib().nvpair_value_int32(first, &error) == 0 && error != 0) {
    throw NativeError("zfs", operation, error, Lib().nvpair_name(first));
  }
  if (result != 0) throw NativeError("zfs", operation, result, subject);
}

int CollectDataset(zfs_handle_t* handle, void* data) {
  Dataset dataset(handle);
  try {
    static_cast<std::vector<Dataset>*>(data)->push_back(std::move(dataset));
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int CollectPool(zpool_handle_t* handle, void* data) {
  PoolHandle pool(handle);
  try {
    static_cast<std::vector<PoolHandle>*>(data)->push_back(std::move(pool));
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

Source FromLibrary(zprop_source_t source) {
  switch (source) {
    case ZPROP_SRC_DEFAULT:
      return Source::kDefault;
    case ZPROP_SRC_TEMPORARY:
      return Source::kTemporary;
    case ZPROP_SRC_LOCAL:
      return Source::kLocal;
    case ZPROP_SRC_INHERITED:
      return Source::kInherited;
    case ZPROP_SRC_RECEIVED:
      return Source::kReceived;
    default:
      return Source::kNone;
  }
}

bool IsName(const std::string& name, Type type) {
  return name.size() < ZFS_MAX_DATASET_NAME_LEN && Lib().zfs_name_valid(name.c_str(), ToLibrary(type)) != 0;
}

}  // namespace smartadm::zfs
