// Makes datasets of streams that are whole.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernel.h"
#include "records.h"

namespace standin {
namespace {

std::vector<std::string> ReadReceiver() {
  std::ifstream file(ZfsPath("receiver"));
  std::vector<std::string> arguments;
  for (std::string line; std::getline(file, line);) arguments.push_back(line);
  return arguments;
}

int MakeSockets(const std::string& folder, const std::string& sockets) {
  std::istringstream list(sockets);
  for (std::string entry; std::getline(list, entry, '\0');) {
    if (entry.empty()) continue;
    std::istringstream fields(entry);
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    fields >> mode >> owner >> group;
    const std::string path = folder + entry.substr(static_cast<size_t>(fields.tellg()) + 1);
    if (::mknod(path.c_str(), S_IFSOCK | mode, 0) != 0) return errno;
    if (::lchown(path.c_str(), owner, group) != 0 || ::chmod(path.c_str(), mode) != 0) return errno;
  }
  return 0;
}

// Takes what is in the records of the archive out of a stream.
int Unpack(const std::string& file, const std::string& folder) {
  const Temporary archive(file + ".tar");
  std::ifstream in(file, std::ios::binary);
  std::ofstream out(archive.path(), std::ios::binary);
  std::string sockets;
  Record record;
  while (in.read(reinterpret_cast<char*>(record.bytes.data()), kHeader)) {
    std::string payload(PayloadOf(record), '\0');
    in.read(payload.data(), static_cast<std::streamsize>(payload.size()));
    if (record.Get<uint32_t>(0) != kWrite) continue;
    if (record.Get<uint64_t>(8) == kSockets) sockets += payload;
    if (record.Get<uint64_t>(8) == kArchive) out << payload;
  }
  out.close();
  const int error = Run({"tar", "--extract", "--warning=none", "--sparse", "--xattrs", "--xattrs-include=*", "--acls",
                         "--numeric-owner", "--same-permissions", "--directory", folder, "--file", archive.path()});
  return error != 0 ? error : MakeSockets(folder, sockets);
}

std::string LedgerOf(uint64_t snapshot) { return ZfsPath("ledger/" + std::to_string(snapshot)); }

// Makes files of a real stream; `volsize` is what it says of a volume.
int Apply(const std::string& file, const Begin& begin, const std::string& folder, uint64_t snapshot, uint64_t origin,
          uint64_t& volsize) {
  std::vector<std::string> arguments = ReadReceiver();
  if (arguments.empty()) Die("a real stream is received, and system/zfs/receiver names no program for that");
  const std::string target = begin.is_volume ? folder + "/disk" : folder;
  arguments.insert(arguments.end(), {file, target, LedgerOf(snapshot), origin == 0 ? "-" : LedgerOf(origin)});
  std::string said;
  if (Run(arguments, &said) != 0) return EINVAL;
  volsize = std::strtoull(said.c_str(), nullptr, 10);
  return 0;
}

}  // namespace

int ReceiveFile(const std::string& target, const std::string& snapshot, const std::string& file, const Begin& begin,
                const std::string& origin, bool force, const Values& properties) {
  return Change([&](State& state) {
    Dataset* there = state.Find(target);
    Dataset made;
    uint64_t base = 0;
    if (there == nullptr) {
      const Dataset* parent = state.Find(ParentOf(target));
      if (parent == nullptr || parent->is_volume) return ENOENT;
      made.name = target;
      made.id = state.NewId();
      made.txg = state.NewId();
      made.guid = state.NewGuid();
      made.creation = static_cast<uint64_t>(::time(nullptr));
      made.is_volume = begin.is_volume;
      if (begin.from != 0) {
        const Snapshot* found = state.FindSnapshot(origin).second;
        if (found == nullptr) return ENOENT;
        if (found->guid != begin.from) return ENODEV;
        base = made.origin = found->id;
      }
    } else {
      if (begin.from == 0 && !force) return EEXIST;
      if (begin.from == 0) return EOPNOTSUPP;
      if (there->snapshots.empty() || there->snapshots.back().guid != begin.from) return ENODEV;
      if (there->Find(snapshot) != nullptr) return EEXIST;
      base = there->snapshots.back().id;
      made = *there;
    }
    Snapshot taken;
    taken.name = snapshot;
    taken.id = state.NewId();
    taken.guid = begin.guid;
    taken.creation = begin.creation;
    taken.txg = state.NewId();
    // Nothing is seen before all is there.
    const std::string folder = DataPath(taken.id);
    uint64_t volsize = 0;
    int error = 0;
    if (begin.is_own) {
      MakeFolders(folder);
      error = Unpack(file, folder);
      if (begin.is_volume) volsize = std::filesystem::file_size(folder + "/disk");
    } else {
      if (base != 0) {
        error = CopyTree(state, nullptr, DataPath(base), folder);
      } else {
        MakeFolders(folder);
        if (begin.is_volume) std::ofstream(folder + "/disk");
      }
      if (error == 0) error = Apply(file, begin, folder, taken.id, base, volsize);
    }
    if (error == 0 && there != nullptr) error = Run({"find", LivePath(made), "-mindepth", "1", "-delete"});
    if (error == 0) error = CopyTree(state, nullptr, folder, LivePath(made));
    if (error != 0) {
      Remove(folder);
      if (there == nullptr) Remove(DataPath(made.id));
      ::unlink(LedgerOf(taken.id).c_str());
      return error;
    }
    for (const auto& [name, value] : properties) made.properties[name] = value;
    if (begin.is_volume) {
      made.properties["volsize"] = std::to_string(volsize);
      taken.properties["volsize"] = std::to_string(volsize);
      AddDevice(made);
    }
    taken.referenced = BytesBelow(folder);
    taken.written = taken.referenced;
    made.snapshots.push_back(taken);
    state.datasets[target] = made;
    Note("receive " + target + '@' + snapshot);
    return 0;
  });
}

}  // namespace standin
