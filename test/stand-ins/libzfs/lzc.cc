// libzfs_core on the stand-in for the kernel.
#include <fcntl.h>
#include <libzfs_core.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <mutex>

#include "kernel.h"

namespace {

using standin::Values;

std::mutex mutex;
int users = 0;
int descriptor = -1;

void RequireInit(const char* function) {
  const std::lock_guard lock(mutex);
  if (users == 0) standin::Die(std::string(function) + " without libzfs_core_init");
}

Values TextsOf(nvlist_t* list) {
  Values values;
  if (list == nullptr) return values;
  for (nvpair_t* pair = nullptr; (pair = nvlist_next_nvpair(list, pair)) != nullptr;) {
    char* text = nullptr;
    uint64_t number = 0;
    if (nvpair_value_string(pair, &text) == 0) values[nvpair_name(pair)] = text;
    if (nvpair_value_uint64(pair, &number) == 0) values[nvpair_name(pair)] = std::to_string(number);
  }
  return values;
}

std::vector<std::string> NamesOf(nvlist_t* list) {
  std::vector<std::string> names;
  for (nvpair_t* pair = nullptr; (pair = nvlist_next_nvpair(list, pair)) != nullptr;)
    names.push_back(nvpair_name(pair));
  return names;
}

void Report(const std::map<std::string, int>& errors, nvlist_t** list) {
  if (list == nullptr) return;
  *list = nullptr;
  if (errors.empty()) return;
  *list = fnvlist_alloc();
  for (const auto& [name, error] : errors) nvlist_add_int32(*list, name.c_str(), error);
}

// What the kernel says of the properties of a snapshot.
int CheckUserProperties(const Values& values) {
  for (const auto& [name, value] : values) {
    if (name.find(':') == std::string::npos) return EINVAL;
    if (name.size() >= 256) return ENAMETOOLONG;
    if (value.size() >= 8192) return E2BIG;
  }
  return 0;
}

}  // namespace

extern "C" {

int libzfs_core_init(void) {
  const std::lock_guard lock(mutex);
  if (users == 0) {
    // Like the real one, without close-on-exec.
    descriptor = ::open((standin::Root() + "/dev/zfs").c_str(), O_RDONLY);
    if (descriptor < 0) return errno;
  }
  ++users;
  return 0;
}

void libzfs_core_fini(void) {
  const std::lock_guard lock(mutex);
  if (users == 0) standin::Die("libzfs_core_fini without libzfs_core_init");
  if (--users == 0) ::close(descriptor);
}

boolean_t lzc_exists(const char* name) {
  RequireInit("lzc_exists");
  const auto state = standin::Look();
  const bool is_snapshot = std::string(name).find('@') != std::string::npos;
  const bool there = is_snapshot ? state->FindSnapshot(name).second != nullptr : state->Find(name) != nullptr;
  return there ? B_TRUE : B_FALSE;
}

int lzc_snapshot(nvlist_t* names, nvlist_t* properties, nvlist_t** errors) {
  RequireInit("lzc_snapshot");
  *errors = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_snapshot");
  if (fault != 0) return fault;
  const std::vector<std::string> all = NamesOf(names);
  if (all.empty()) return 0;
  const Values values = TextsOf(properties);
  const int bad = CheckUserProperties(values);
  if (bad != 0) return bad;
  std::map<std::string, int> each;
  const int error = standin::TakeSnapshots(all, values, each);
  Report(each, errors);
  return error;
}

int lzc_destroy_snaps(nvlist_t* names, boolean_t defer, nvlist_t** errors) {
  RequireInit("lzc_destroy_snaps");
  *errors = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_destroy_snaps");
  if (fault != 0) return fault;
  std::map<std::string, int> each;
  const int error = standin::DestroySnapshots(NamesOf(names), defer != B_FALSE, each);
  Report(each, errors);
  return error;
}

int lzc_hold(nvlist_t* holds, int cleanup_fd, nvlist_t** errors) {
  RequireInit("lzc_hold");
  *errors = nullptr;
  if (cleanup_fd != -1) standin::Die("lzc_hold with a descriptor for cleaning up is not known here");
  const int fault = standin::ErrnoFaultFor("lzc_hold");
  if (fault != 0) return fault;
  const Values tags = TextsOf(holds);
  std::map<std::string, int> each;
  const int error = standin::Change([&](standin::State& state) {
    int worst = 0;
    for (const auto& [name, tag] : tags) {
      const auto [dataset, snapshot] = state.FindSnapshot(name);
      if (snapshot == nullptr) {
        each[name] = ENOENT;
      } else if (snapshot->holds.contains(tag)) {
        worst = each[name] = EEXIST;
      } else if (tag.size() >= 256) {
        worst = each[name] = E2BIG;
      }
    }
    if (worst != 0) return worst;
    for (const auto& [name, tag] : tags) {
      if (each.contains(name)) continue;
      const auto [dataset, snapshot] = standin::Split(name);
      state.datasets.at(dataset).Find(snapshot)->holds[tag] = static_cast<uint64_t>(::time(nullptr));
      standin::Note("hold " + name + ' ' + tag);
    }
    return 0;
  });
  Report(each, errors);
  return error;
}

int lzc_release(nvlist_t* holds, nvlist_t** errors) {
  RequireInit("lzc_release");
  *errors = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_release");
  if (fault != 0) return fault;
  std::map<std::string, int> each;
  const int error = standin::Change([&](standin::State& state) {
    for (const std::string& name : NamesOf(holds)) {
      nvlist_t* tags = nullptr;
      if (nvlist_lookup_nvlist(holds, name.c_str(), &tags) != 0) return EINVAL;
      const auto [dataset_name, snapshot_name] = standin::Split(name);
      standin::Dataset* dataset = state.Find(dataset_name);
      standin::Snapshot* snapshot = dataset == nullptr ? nullptr : dataset->Find(snapshot_name);
      for (const std::string& tag : NamesOf(tags)) {
        if (snapshot == nullptr || snapshot->holds.erase(tag) == 0) each[name] = snapshot == nullptr ? ENOENT : ESRCH;
        standin::Note("release " + name + ' ' + tag);
      }
    }
    return each.empty() ? 0 : each.begin()->second;
  });
  Report(each, errors);
  return error;
}

int lzc_get_holds(const char* name, nvlist_t** holds) {
  RequireInit("lzc_get_holds");
  *holds = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_get_holds");
  if (fault != 0) return fault;
  const auto state = standin::Look();
  const standin::Snapshot* snapshot = state->FindSnapshot(name).second;
  if (snapshot == nullptr) return ENOENT;
  *holds = fnvlist_alloc();
  for (const auto& [tag, time] : snapshot->holds) fnvlist_add_uint64(*holds, tag.c_str(), time);
  return 0;
}

int lzc_bookmark(nvlist_t* marks, nvlist_t** errors) {
  RequireInit("lzc_bookmark");
  *errors = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_bookmark");
  if (fault != 0) return fault;
  std::map<std::string, int> each;
  const int error = standin::MakeBookmarks(TextsOf(marks), each);
  Report(each, errors);
  return error;
}

int lzc_destroy_bookmarks(nvlist_t* names, nvlist_t** errors) {
  RequireInit("lzc_destroy_bookmarks");
  *errors = nullptr;
  const int fault = standin::ErrnoFaultFor("lzc_destroy_bookmarks");
  return fault != 0 ? fault : standin::DestroyBookmarks(NamesOf(names));
}

int lzc_rollback_to(const char* name, const char* snapshot) {
  RequireInit("lzc_rollback_to");
  const int fault = standin::ErrnoFaultFor("lzc_rollback_to");
  return fault != 0 ? fault : standin::RollBack(name, snapshot);
}

int lzc_send(const char* snapshot, const char* from, int fd, enum lzc_send_flags) {
  RequireInit("lzc_send");
  const int fault = standin::ErrnoFaultFor("lzc_send");
  return fault != 0 ? fault : standin::Send(snapshot, from == nullptr ? "" : from, fd);
}

int lzc_send_resume(const char* snapshot, const char* from, int fd, enum lzc_send_flags, uint64_t object,
                    uint64_t offset) {
  RequireInit("lzc_send_resume");
  const int fault = standin::ErrnoFaultFor("lzc_send_resume");
  return fault != 0 ? fault : standin::Send(snapshot, from == nullptr ? "" : from, fd, {object, offset});
}

int lzc_send_space(const char* snapshot, const char* from, enum lzc_send_flags, uint64_t* bytes) {
  RequireInit("lzc_send_space");
  const int fault = standin::ErrnoFaultFor("lzc_send_space");
  if (fault != 0) return fault;
  const auto state = standin::Look();
  uint64_t guid = 0;
  bool is_clone = false;
  const int bad = standin::CheckBase(*state, snapshot, from == nullptr ? "" : from, guid, is_clone);
  if (bad != 0) return bad;
  *bytes = state->FindSnapshot(snapshot).second->referenced + 2 * 312;
  return 0;
}

}  // extern "C"
