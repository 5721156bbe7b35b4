// What the kernel does with datasets and snapshots.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "kernel.h"

namespace standin {
namespace {

uint64_t Now() { return static_cast<uint64_t>(std::time(nullptr)); }

// Where a new dataset may be: EEXIST, ENOENT, EINVAL inside a volume.
int CheckPlace(const State& state, const std::string& name) {
  const int bad = CheckName(name);
  if (bad != 0) return bad;
  if (name.find('@') != std::string::npos) return EINVAL;
  if (state.Find(name) != nullptr) return EEXIST;
  const Dataset* parent = state.Find(ParentOf(name));
  if (parent == nullptr) return ENOENT;
  return parent->is_volume ? EINVAL : 0;
}

// Whether there is room for what is set aside.
int CheckRoom(const State& state, const Dataset& dataset) {
  const Dataset* parent = state.Find(ParentOf(dataset.name));
  if (parent == nullptr) return 0;
  const uint64_t reserved =
      std::max(NumberOf(dataset.properties, "reservation"), NumberOf(dataset.properties, "refreservation"));
  return reserved > RoomBelow(state, *parent) ? ENOSPC : 0;
}

Dataset NewDataset(State& state, const std::string& name, bool is_volume) {
  Dataset made;
  made.name = name;
  made.is_volume = is_volume;
  made.id = state.NewId();
  made.txg = state.NewId();
  made.guid = state.NewGuid();
  made.creation = Now();
  return made;
}

int ResizeDisk(const Dataset& dataset) {
  const auto bytes = static_cast<off_t>(NumberOf(dataset.properties, "volsize"));
  return ::truncate((DataPath(dataset.id) + "/disk").c_str(), bytes) == 0 ? 0 : errno;
}

bool IsMountedWithin(const State& state, const std::string& name) {
  return std::any_of(state.datasets.begin(), state.datasets.end(),
                     [&](const auto& each) { return IsWithin(each.first, name) && !each.second.mounted_at.empty(); });
}

void DropSnapshot(Dataset& dataset, const std::string& name) {
  const Snapshot* gone = dataset.Find(name);
  Remove(DataPath(gone->id));
  ::unlink(ZfsPath("ledger/" + std::to_string(gone->id)).c_str());
  std::erase_if(dataset.snapshots, [&](const Snapshot& each) { return each.name == name; });
}

// Takes away snapshots that wait for their last clone or hold.
void DropDeferred(State& state) {
  for (auto& [name, dataset] : state.datasets) {
    const std::vector<Snapshot> snapshots = dataset.snapshots;
    for (const Snapshot& each : snapshots) {
      if (each.deferred && each.holds.empty() && state.ClonesOf(each.id).empty()) DropSnapshot(dataset, each.name);
    }
  }
}

}  // namespace

int Create(const std::string& name, bool is_volume, const Values& properties) {
  return Change([&](State& state) {
    const int place = CheckPlace(state, name);
    if (place != 0) return place;
    Dataset made = NewDataset(state, name, is_volume);
    made.properties = properties;
    const int room = CheckRoom(state, made);
    if (room != 0) return room;
    MakeFolders(DataPath(made.id));
    ::chmod(DataPath(made.id).c_str(), 0755);
    if (is_volume) {
      const uint64_t size = NumberOf(properties, "volsize");
      if (size == 0 || size % BlockSize(made) != 0) return EINVAL;
      const std::string disk = DataPath(made.id) + "/disk";
      if (::close(::open(disk.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) != 0) return errno;
      if (ResizeDisk(made) != 0) return EIO;
      AddDevice(made);
    }
    state.datasets.emplace(name, made);
    Note("create " + name);
    return 0;
  });
}

int Clone(const std::string& name, const std::string& snapshot, const Values& properties) {
  return Change([&](State& state) {
    if (PoolOf(name) != PoolOf(snapshot)) return EXDEV;
    const int place = CheckPlace(state, name);
    if (place != 0) return place;
    const auto [dataset, origin] = state.FindSnapshot(snapshot);
    if (origin == nullptr) return ENOENT;
    Dataset made = NewDataset(state, name, dataset->is_volume);
    made.origin = origin->id;
    made.properties = properties;
    if (made.is_volume) {
      for (const char* shape : {"volsize", "volblocksize"}) {
        const auto found = origin->properties.find(shape);
        if (found != origin->properties.end()) made.properties.emplace(*found);
      }
    }
    const int room = CheckRoom(state, made);
    if (room != 0) return room;
    const int error = CopyTree(state, nullptr, DataPath(origin->id), DataPath(made.id));
    if (error != 0) return error;
    if (made.is_volume) {
      if (ResizeDisk(made) != 0) return EIO;
      AddDevice(made);
    }
    state.datasets.emplace(name, made);
    Note("clone " + snapshot + ' ' + name);
    return 0;
  });
}

int TakeSnapshots(const std::vector<std::string>& names, const Values& properties, std::map<std::string, int>& errors) {
  return Change([&](State& state) {
    std::vector<std::string> seen;
    for (const std::string& name : names) {
      const auto [dataset_name, short_name] = Split(name);
      const bool twice = std::find(seen.begin(), seen.end(), dataset_name) != seen.end();
      if (PoolOf(name) != PoolOf(names.front()) || twice) return EXDEV;
      seen.push_back(dataset_name);
      const Dataset* dataset = state.Find(dataset_name);
      int error = short_name.empty() ? EINVAL : CheckName(name);
      if (error == 0 && dataset == nullptr) error = ENOENT;
      if (error == 0 && dataset->Find(short_name) != nullptr) error = EEXIST;
      if (error != 0) errors[name] = error;
    }
    if (!errors.empty()) return errors.begin()->second;
    const uint64_t txg = state.NewId();
    for (const std::string& name : names) {
      const auto [dataset_name, short_name] = Split(name);
      Dataset& dataset = state.datasets.at(dataset_name);
      Snapshot made;
      made.name = short_name;
      made.id = state.NewId();
      made.guid = state.NewGuid();
      made.txg = txg;
      made.creation = Now();
      made.referenced = Referenced(state, dataset);
      const uint64_t before = dataset.snapshots.empty() ? 0 : dataset.snapshots.back().referenced;
      made.written = made.referenced > before ? made.referenced - before : 0;
      made.properties = properties;
      for (const char* shape : {"volsize", "volblocksize"}) {
        const auto found = dataset.properties.find(shape);
        if (found != dataset.properties.end()) made.properties.emplace(*found);
      }
      const int error = CopyTree(state, &dataset, LivePath(dataset), DataPath(made.id));
      if (error != 0) return error;
      dataset.snapshots.push_back(made);
      Note("snapshot " + name);
    }
    return 0;
  });
}

int DestroySnapshots(const std::vector<std::string>& names, bool defer, std::map<std::string, int>& errors) {
  return Change([&](State& state) {
    for (const std::string& name : names) {
      const auto [dataset, snapshot] = state.FindSnapshot(name);
      if (snapshot == nullptr || defer) continue;
      if (!snapshot->holds.empty()) errors[name] = EBUSY;
      if (!state.ClonesOf(snapshot->id).empty()) errors[name] = EEXIST;
    }
    if (!errors.empty()) return errors.begin()->second;
    for (const std::string& name : names) {
      const auto [dataset_name, short_name] = Split(name);
      Dataset* dataset = state.Find(dataset_name);
      Snapshot* snapshot = dataset == nullptr ? nullptr : dataset->Find(short_name);
      if (snapshot == nullptr) continue;
      snapshot->deferred = true;
      Note("destroy " + name);
    }
    DropDeferred(state);
    return 0;
  });
}

int MakeBookmarks(const Values& snapshots, std::map<std::string, int>& errors) {
  return Change([&](State& state) {
    for (const auto& [name, snapshot] : snapshots) {
      const size_t hash = name.find('#');
      const std::string dataset = name.substr(0, hash);
      int error = 0;
      if (hash == std::string::npos || CheckName(dataset + '@' + name.substr(hash + 1)) != 0) {
        error = EINVAL;
      } else if (dataset != Split(snapshot).first) {
        error = EXDEV;
      } else if (state.FindSnapshot(snapshot).second == nullptr) {
        error = ENOENT;
      } else if (state.FindBookmark(name).second != nullptr) {
        error = EEXIST;
      }
      if (error != 0) errors[name] = error;
    }
    if (!errors.empty()) return errors.begin()->second;
    for (const auto& [name, snapshot] : snapshots) {
      Snapshot mark = *state.FindSnapshot(snapshot).second;
      mark.name = name.substr(name.find('#') + 1);
      state.datasets.at(Split(snapshot).first).bookmarks.push_back(mark);
      Note("bookmark " + snapshot + ' ' + name);
    }
    return 0;
  });
}

int DestroyBookmarks(const std::vector<std::string>& names) {
  return Change([&](State& state) {
    for (const std::string& name : names) {
      if (state.FindBookmark(name).second == nullptr) continue;
      const std::string short_name = name.substr(name.find('#') + 1);
      std::erase_if(state.datasets.at(name.substr(0, name.find('#'))).bookmarks,
                    [&](const Snapshot& each) { return each.name == short_name; });
      Note("destroy " + name);
    }
    return 0;
  });
}

int Destroy(const std::string& name) {
  return Change([&](State& state) {
    const Dataset* dataset = state.Find(name);
    if (dataset == nullptr) return ENOENT;
    if (ParentOf(name).empty()) return EBUSY;
    if (!dataset->snapshots.empty() || !state.ChildrenOf(name).empty()) return EEXIST;
    if (!dataset->mounted_at.empty()) return EBUSY;
    if (dataset->is_volume) RemoveDevice(name);
    Remove(DataPath(dataset->id));
    if (const Dataset* partial = state.FindPartial(name)) Remove(ZfsPath("partial/" + std::to_string(partial->id)));
    state.datasets.erase(name);
    state.datasets.erase(name + "/%recv");
    DropDeferred(state);
    Note("destroy " + name);
    return 0;
  });
}

int Rename(const std::string& from, const std::string& to, bool recursive) {
  return Change([&](State& state) {
    const auto [from_dataset, from_snapshot] = Split(from);
    const auto [to_dataset, to_snapshot] = Split(to);
    if (CheckName(to) != 0) return CheckName(to);
    if (!from_snapshot.empty()) {
      if (from_dataset != to_dataset) return EXDEV;
      if (state.FindSnapshot(from).second == nullptr) return ENOENT;
      for (auto& [name, dataset] : state.datasets) {
        if (name != from_dataset && !(recursive && IsWithin(name, from_dataset))) continue;
        if (dataset.Find(to_snapshot) != nullptr) return EEXIST;
        Snapshot* snapshot = dataset.Find(from_snapshot);
        if (snapshot != nullptr) snapshot->name = to_snapshot;
      }
      Note("rename " + from + ' ' + to);
      return 0;
    }
    if (PoolOf(from) != PoolOf(to)) return EXDEV;
    if (state.Find(from) == nullptr) return ENOENT;
    if (IsWithin(to, from) && to != from) return EINVAL;
    const int place = CheckPlace(state, to);
    if (place != 0) return place;
    if (IsMountedWithin(state, from)) return EBUSY;
    std::map<std::string, Dataset> moved;
    for (const auto& [name, dataset] : state.datasets) {
      if (!IsWithin(name, from)) continue;
      Dataset copy = dataset;
      copy.name = to + name.substr(from.size());
      if (copy.is_volume) {
        RemoveDevice(name);
        AddDevice(copy);
      }
      moved.emplace(copy.name, copy);
    }
    std::erase_if(state.datasets, [&](const auto& each) { return IsWithin(each.first, from); });
    state.datasets.merge(moved);
    Note("rename " + from + ' ' + to);
    return 0;
  });
}

int RollBack(const std::string& name, const std::string& snapshot) {
  return Change([&](State& state) {
    Dataset* dataset = state.Find(name);
    if (dataset == nullptr) return ENOENT;
    const auto [short_dataset, short_name] = Split(snapshot);
    if (short_dataset != name || dataset->Find(short_name) == nullptr) return ESRCH;
    if (dataset->snapshots.back().name != short_name) return EEXIST;
    const Snapshot& target = dataset->snapshots.back();
    // Datasets that are mounted inside stay where they are.
    std::vector<Dataset*> inside;
    for (auto& [each, other] : state.datasets) {
      if (!dataset->mounted_at.empty() && other.mounted_at.starts_with(dataset->mounted_at + "/")) {
        inside.push_back(&other);
      }
    }
    std::sort(inside.begin(), inside.end(),
              [](const Dataset* one, const Dataset* other) { return one->mounted_at > other->mounted_at; });
    for (const Dataset* each : inside) ::rename(LivePath(*each).c_str(), DataPath(each->id).c_str());
    const int emptied = Run({"find", LivePath(*dataset), "-mindepth", "1", "-delete"});
    const int error = emptied != 0 ? emptied : CopyTree(state, nullptr, DataPath(target.id), LivePath(*dataset));
    std::reverse(inside.begin(), inside.end());
    for (const Dataset* each : inside) {
      MakeFolders(LivePath(*each));
      ::rmdir(LivePath(*each).c_str());
      ::rename(DataPath(each->id).c_str(), LivePath(*each).c_str());
    }
    if (dataset->is_volume) dataset->properties["volsize"] = target.properties.at("volsize");
    Note("rollback " + snapshot);
    return error;
  });
}

int Promote(const std::string& name, std::string& conflict) {
  return Change([&](State& state) {
    Dataset* clone = state.Find(name);
    if (clone == nullptr) return ENOENT;
    if (clone->origin == 0) return EINVAL;
    const auto [owner_name, origin] = state.FindSnapshot(clone->origin);
    Dataset& owner = state.datasets.at(owner_name->name);
    const uint64_t origin_id = origin->id, origin_txg = origin->txg;
    std::vector<Snapshot> moved, kept;
    for (const Snapshot& each : owner.snapshots) {
      if (each.txg > origin_txg) {
        kept.push_back(each);
        continue;
      }
      if (clone->Find(each.name) != nullptr) {
        conflict = each.name;
        return EEXIST;
      }
      moved.push_back(each);
    }
    moved.insert(moved.end(), clone->snapshots.begin(), clone->snapshots.end());
    clone->snapshots = moved;
    owner.snapshots = kept;
    clone->origin = owner.origin;
    owner.origin = origin_id;
    Note("promote " + name);
    return 0;
  });
}

int SetProperties(const std::string& name, const std::map<std::string, std::optional<std::string>>& changes) {
  return Change([&](State& state) {
    const auto [dataset_name, short_name] = Split(name);
    Dataset* dataset = state.Find(dataset_name);
    if (dataset == nullptr) return ENOENT;
    Snapshot* snapshot = short_name.empty() ? nullptr : dataset->Find(short_name);
    if (!short_name.empty() && snapshot == nullptr) return ENOENT;
    Values& properties = snapshot == nullptr ? dataset->properties : snapshot->properties;
    const Values before = properties;
    const uint64_t used = snapshot == nullptr ? Used(state, *dataset) : 0;
    const uint64_t available = snapshot == nullptr ? Available(state, *dataset) : 0;
    const Dataset* parent = snapshot == nullptr ? state.Find(ParentOf(dataset_name)) : nullptr;
    for (const auto& [property, value] : changes) {
      const uint64_t number = value ? std::strtoull(value->c_str(), nullptr, 10) : 0;
      if (property == "quota" && number != 0 && number < used) return ENOSPC;
      if (property == "refquota" && number != 0 && number < Referenced(state, *dataset)) return ENOSPC;
      if (property == "refreservation" && number > NumberOf(before, property) + available) return ENOSPC;
      // Of what is used by now, the parent has made room for.
      if (property == "reservation" && parent != nullptr && number > std::max(used, NumberOf(before, property)) &&
          number - std::max(used, NumberOf(before, property)) > RoomBelow(state, *parent)) {
        return ENOSPC;
      }
      if (value) {
        properties[property] = *value;
      } else {
        properties.erase(property);
      }
    }
    if (snapshot == nullptr && dataset->is_volume && changes.contains("volsize")) {
      if (NumberOf(properties, "volsize") % BlockSize(*dataset) != 0) return EINVAL;
      if (ResizeDisk(*dataset) != 0) return EIO;
    }
    for (const auto& [property, value] : changes) Note((value ? "set " : "inherit ") + name + ' ' + property);
    return 0;
  });
}

}  // namespace standin
