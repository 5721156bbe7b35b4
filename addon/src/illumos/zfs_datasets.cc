// Looks at datasets and sets their properties.
#include <algorithm>

#include "illumos/zfs_session.h"

namespace smartadm::zfs {
namespace {

// Longer than any value: `clones` names many datasets.
constexpr size_t kMostValue = 65536;

void AddUserProperties(const Dataset& dataset, Properties& properties) {
  nvlist_t* list = Lib().zfs_get_user_props(dataset.get());
  if (list == nullptr) return;
  const std::string own = NameOf(dataset);
  for (nvpair_t* pair = nullptr; (pair = Lib().nvlist_next_nvpair(list, pair)) != nullptr;) {
    nvlist_t* held = nullptr;
    if (Lib().nvpair_value_nvlist(pair, &held) != 0) continue;
    const std::string from = Lookup(held, "source");
    Property property = {Lookup(held, "value"), Source::kLocal, {}};
    if (from == ZPROP_SOURCE_VAL_RECVD) {
      property.source = Source::kReceived;
    } else if (from != own) {
      property.source = Source::kInherited;
      property.from = from;
    }
    properties.emplace(Lib().nvpair_name(pair), std::move(property));
  }
}

bool IsWanted(const Query& query, Type type) {
  return std::find(query.types.begin(), query.types.end(), type) != query.types.end();
}

DatasetInfo Describe(const Dataset& dataset, const Asked& asked) {
  return {NameOf(dataset), FromLibrary(Lib().zfs_get_type(dataset.get())), ReadProperties(dataset, asked)};
}

class Walk {
 public:
  Walk(Session& session, const Query& query) : session_(session), query_(query) {}

  void Visit(const Dataset& dataset, int depth) {
    const Type type = FromLibrary(Lib().zfs_get_type(dataset.get()));
    if (IsWanted(query_, type)) found_.push_back(Describe(dataset, query_.asked));
    if (depth == 0 || type == Type::kSnapshot || type == Type::kBookmark) return;
    const std::string name = NameOf(dataset);
    if (IsWanted(query_, Type::kSnapshot)) {
      const Attempt attempt(session_, "zfs_iter_snapshots_sorted", name);
      std::vector<Dataset> snapshots;
#ifdef SMARTADM_OPENZFS
      attempt.Check(Lib().zfs_iter_snapshots_sorted(dataset.get(), CollectDataset, &snapshots, 0, 0));
#else
      attempt.Check(Lib().zfs_iter_snapshots_sorted(dataset.get(), CollectDataset, &snapshots));
#endif
      for (const Dataset& each : snapshots) found_.push_back(Describe(each, query_.asked));
    }
    if (IsWanted(query_, Type::kBookmark)) {
      const Attempt attempt(session_, "zfs_iter_bookmarks", name);
      std::vector<Dataset> bookmarks;
      attempt.Check(Lib().zfs_iter_bookmarks(dataset.get(), CollectDataset, &bookmarks));
      for (const Dataset& each : bookmarks) found_.push_back(Describe(each, query_.asked));
    }
    if (type == Type::kVolume) return;
    const Attempt attempt(session_, "zfs_iter_filesystems", name);
    std::vector<Dataset> inside;
    attempt.Check(Lib().zfs_iter_filesystems(dataset.get(), CollectDataset, &inside));
    VisitAll(std::move(inside), depth - 1);
  }

  void VisitAll(std::vector<Dataset> datasets, int depth) {
    std::sort(datasets.begin(), datasets.end(),
              [](const Dataset& one, const Dataset& other) { return NameOf(one) < NameOf(other); });
    for (Dataset& each : datasets) {
      Visit(each, depth);
      // Each holds a copy of all its properties.
      each.reset();
    }
  }

  std::vector<DatasetInfo> Found() { return std::move(found_); }

 private:
  Session& session_;
  const Query& query_;
  std::vector<DatasetInfo> found_;
};

}  // namespace

Properties ReadProperties(const Dataset& dataset, const Asked& asked) {
  Properties properties;
  std::string value(asked.properties.empty() ? 0 : kMostValue, '\0');
  for (const std::string& name : asked.properties) {
    const zfs_prop_t number = Lib().zfs_name_to_prop(name.c_str());
    if (number == ZPROP_INVAL) continue;
    zprop_source_t source = ZPROP_SRC_NONE;
    char from[ZFS_MAX_DATASET_NAME_LEN] = "";
    value.front() = '\0';
    const int result =
        Lib().zfs_prop_get(dataset.get(), number, value.data(), value.size(), &source, from, sizeof from, B_TRUE);
    if (result != 0) continue;
    const Source where = FromLibrary(source);
    properties.emplace(name, Property{value.c_str(), where, where == Source::kInherited ? from : ""});
  }
  if (asked.user_properties) AddUserProperties(dataset, properties);
  return properties;
}

bool Session::Exists(const std::string& name, const std::vector<Type>& types) {
  // The library takes a name that is too long for one that is cut.
  if (name.size() >= ZFS_MAX_DATASET_NAME_LEN) return false;
  if (IsName(name, Type::kBookmark)) {
    // It finds no bookmarks.
    const bool is_wanted = std::find(types.begin(), types.end(), Type::kBookmark) != types.end();
    return is_wanted && Lib().zfs_bookmark_exists(name.c_str()) != B_FALSE;
  }
  return Lib().zfs_dataset_exists(handle_, name.c_str(), static_cast<zfs_type_t>(ToLibrary(types))) != B_FALSE;
}

DatasetInfo Session::Get(const std::string& name, const Asked& asked) {
  return Describe(Open(*this, name, kEverything), asked);
}

std::vector<DatasetInfo> Session::List(const Query& query) {
  Walk walk(*this, query);
  if (!query.root.empty()) {
    walk.Visit(Open(*this, query.root, kEverything), query.depth);
  } else {
    const Attempt attempt(*this, "zfs_iter_root", "pools");
    std::vector<Dataset> roots;
    attempt.Check(Lib().zfs_iter_root(handle_, CollectDataset, &roots));
    walk.VisitAll(std::move(roots), query.depth);
  }
  return walk.Found();
}

void Session::Set(const std::string& name, const Settings& settings) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_DATASET);
  const zfs::List list = ToList(settings);
  if (!list) return;
  const Attempt attempt(*this, "zfs_prop_set_list", name);
  attempt.Check(Lib().zfs_prop_set_list(dataset.get(), list.get()));
}

void Session::Inherit(const std::string& name, const std::string& property, bool received) {
  const Dataset dataset = Open(*this, name, ZFS_TYPE_DATASET);
  const Attempt attempt(*this, "zfs_prop_inherit", name);
  attempt.Check(Lib().zfs_prop_inherit(dataset.get(), property.c_str(), ToBoolean(received)));
}

}  // namespace smartadm::zfs
