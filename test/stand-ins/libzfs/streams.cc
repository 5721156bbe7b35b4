// Send streams: records with their checksums. What Send makes has real records around an archive of its own; real
// streams are checked record by record, and the program that `receiver` names makes files of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernel.h"

namespace standin {
namespace {

constexpr size_t kHeader = 312;
constexpr size_t kChecksumAt = 280;
constexpr uint64_t kMagic = 0x2F5BACBAC;
constexpr size_t kPiece = 65536;
// The object that the archive is in: no real stream has one of this number.
constexpr uint64_t kArchive = 0x61726368697665;
// And the object that names the sockets, which no archive of tar holds: mode, owner, group, path and a zero byte.
constexpr uint64_t kSockets = kArchive + 1;
enum : uint32_t {
  kBegin,
  kObject,
  kFreeObjects,
  kWrite,
  kFree,
  kEnd,
  kByReference,
  kSpill,
  kEmbedded,
  kRange,
  kRedact
};

class Checksum {
 public:
  void Add(const uint8_t* bytes, size_t size) {
    for (size_t at = 0; at + 4 <= size; at += 4) {
      uint32_t word;
      std::memcpy(&word, bytes + at, 4);
      sums_[0] += word;
      sums_[1] += sums_[0];
      sums_[2] += sums_[1];
      sums_[3] += sums_[2];
    }
  }
  void Put(uint8_t* at) const { std::memcpy(at, sums_.data(), 32); }
  bool Is(const uint8_t* at) const { return std::memcmp(at, sums_.data(), 32) == 0; }

 private:
  std::array<uint64_t, 4> sums_ = {};
};

struct Record {
  std::array<uint8_t, kHeader> bytes = {};

  template <typename T>
  T Get(size_t at) const {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  template <typename T>
  void Put(size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
};

int WriteAll(int fd, const void* bytes, size_t size) {
  const auto* at = static_cast<const uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t done = ::write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    at += done;
    size -= static_cast<size_t>(done);
  }
  return 0;
}

// 0, or ENODATA where it ends before.
int ReadAll(int fd, void* bytes, size_t size) {
  auto* at = static_cast<uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return 0;
}

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  int Put(Record record, const std::vector<uint8_t>& payload = {}) {
    if (record.Get<uint32_t>(0) == kEnd) sum_.Put(record.bytes.data() + 8);
    sum_.Add(record.bytes.data(), kChecksumAt);
    if (record.Get<uint32_t>(0) != kBegin) sum_.Put(record.bytes.data() + kChecksumAt);
    sum_.Add(record.bytes.data() + kChecksumAt, kHeader - kChecksumAt);
    sum_.Add(payload.data(), payload.size());
    const int error = WriteAll(fd_, record.bytes.data(), kHeader);
    return error != 0 ? error : WriteAll(fd_, payload.data(), payload.size());
  }

 private:
  int fd_;
  Checksum sum_;
};

// Bytes that follow a record.
uint64_t PayloadOf(const Record& record) {
  const auto padded = [](uint64_t size) { return (size + 7) / 8 * 8; };
  switch (record.Get<uint32_t>(0)) {
    case kBegin:
      return record.Get<uint32_t>(4);
    case kObject:
      return padded(record.Get<uint32_t>(36) != 0 ? record.Get<uint32_t>(36) : record.Get<uint32_t>(28));
    case kWrite:
      return record.bytes[50] != 0 ? record.Get<uint64_t>(96) : record.Get<uint64_t>(32);
    case kSpill:
      return record.Get<uint64_t>(40) != 0 ? record.Get<uint64_t>(40) : record.Get<uint64_t>(16);
    case kEmbedded:
      return padded(record.Get<uint32_t>(52));
    default:
      return 0;
  }
}

class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> ReadReceiver() {
  std::ifstream file(ZfsPath("receiver"));
  std::vector<std::string> arguments;
  for (std::string line; std::getline(file, line);) arguments.push_back(line);
  return arguments;
}

Record WriteOf(uint64_t object, uint64_t offset, size_t size, uint64_t guid) {
  Record write;
  write.Put<uint32_t>(0, kWrite);
  write.Put<uint64_t>(8, object);
  write.Put<uint64_t>(24, offset);
  write.Put<uint64_t>(32, size);
  write.Put<uint64_t>(40, guid);
  return write;
}

std::string SocketsIn(const std::string& folder) {
  std::string sockets;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat found;
    if (::lstat(each.path().c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) continue;
    sockets += std::to_string(found.st_mode & 07777) + ' ' + std::to_string(found.st_uid) + ' ' +
               std::to_string(found.st_gid) + ' ' + each.path().string().substr(folder.size()) + '\0';
  }
  return sockets;
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

int CheckBase(const State& state, const std::string& snapshot, const std::string& from, uint64_t& guid,
              bool& is_clone) {
  const auto [dataset, sent] = state.FindSnapshot(snapshot);
  if (sent == nullptr) return ENOENT;
  if (from.empty()) return 0;
  const Snapshot* base = state.FindSnapshot(from).second;
  if (base == nullptr) return ENOENT;
  guid = base->guid;
  // Of the dataset itself, or of those it descends from, before it branched off.
  const Dataset* at = dataset;
  for (uint64_t before = sent->txg; at != nullptr;) {
    const Snapshot* own = at->Find(base->name);
    if (own != nullptr && own->id == base->id) return base->txg < before || at != dataset ? 0 : EXDEV;
    const auto [owner, origin] = state.FindSnapshot(at->origin);
    if (origin == nullptr || base->txg > origin->txg) return EXDEV;
    is_clone = true;
    at = owner;
    before = origin->txg + 1;
  }
  return EXDEV;
}

int Send(const std::string& snapshot, const std::string& from, int fd) {
  const auto state = Look();
  const auto [dataset, sent] = state->FindSnapshot(snapshot);
  if (sent == nullptr) return ENOENT;
  uint64_t base = 0;
  bool is_clone = false;
  const int bad = CheckBase(*state, snapshot, from, base, is_clone);
  if (bad != 0) return bad;
  const Temporary archive(ZfsPath("send-" + std::to_string(::getpid()) + '-' + std::to_string(fd)));
  const int packed = Run({"tar", "--create", "--warning=none", "--sparse", "--xattrs", "--acls", "--numeric-owner",
                          "--directory", DataPath(sent->id), "--file", archive.path(), "."});
  if (packed != 0) return packed;
  Writer writer(fd);
  Record begin;
  begin.Put<uint64_t>(8, kMagic);
  begin.Put<uint64_t>(16, 1 | (dataset->is_volume ? 0 : 4 << 2));
  begin.Put<uint64_t>(24, sent->creation);
  begin.Put<uint32_t>(32, dataset->is_volume ? 3 : 2);
  begin.Put<uint32_t>(36, (is_clone ? 1 : 0) | 12);
  begin.Put<uint64_t>(40, sent->guid);
  begin.Put<uint64_t>(48, base);
  snapshot.copy(reinterpret_cast<char*>(begin.bytes.data()) + 56, 255);
  int error = writer.Put(begin);
  std::ifstream file(archive.path(), std::ios::binary);
  for (uint64_t offset = 0; error == 0 && file;) {
    std::vector<uint8_t> piece(kPiece);
    file.read(reinterpret_cast<char*>(piece.data()), kPiece);
    piece.resize(static_cast<size_t>(file.gcount()));
    if (piece.empty()) break;
    error = writer.Put(WriteOf(kArchive, offset, piece.size(), sent->guid), piece);
    offset += piece.size();
  }
  // They are padded to words, as all payloads are.
  std::string sockets = SocketsIn(DataPath(sent->id));
  sockets.resize((sockets.size() + 7) / 8 * 8, '\0');
  if (error == 0 && !sockets.empty()) {
    error = writer.Put(WriteOf(kSockets, 0, sockets.size(), sent->guid), {sockets.begin(), sockets.end()});
  }
  Record end;
  end.Put<uint32_t>(0, kEnd);
  end.Put<uint64_t>(40, sent->guid);
  Note("send " + snapshot);
  return error != 0 ? error : writer.Put(end);
}

int Spool(int fd, const std::string& file, Begin& begin) {
  std::ofstream out(file, std::ios::binary);
  Checksum sum;
  bool in_package = false, is_first = true;
  std::vector<uint8_t> payload;
  for (;;) {
    Record record;
    const int error = ReadAll(fd, record.bytes.data(), kHeader);
    if (error != 0) return error;
    out.write(reinterpret_cast<const char*>(record.bytes.data()), kHeader);
    const uint32_t type = record.Get<uint32_t>(0);
    if (type > kRedact || (is_first && type != kBegin)) return EINVAL;
    const uint64_t size = PayloadOf(record);
    if (size > (16U << 20)) return EINVAL;
    if (type == kBegin) {
      if (record.Get<uint64_t>(8) != kMagic) return EINVAL;
      sum = Checksum();
      const bool is_package = (record.Get<uint64_t>(16) & 3) == 2;
      if (is_package && in_package) return EINVAL;
      if (!is_package) {
        const std::string name(reinterpret_cast<const char*>(record.bytes.data()) + 56,
                               ::strnlen(reinterpret_cast<const char*>(record.bytes.data()) + 56, 256));
        if (begin.guid == 0) begin.from = record.Get<uint64_t>(48);
        begin.guid = record.Get<uint64_t>(40);
        begin.creation = record.Get<uint64_t>(24);
        begin.is_volume = record.Get<uint32_t>(32) == 3;
        begin.snapshot = Split(name).second;
        if (begin.snapshot.empty()) return EINVAL;
      }
      in_package = in_package || is_package;
    }
    is_first = false;
    const bool is_last = type == kEnd && in_package && record.Get<uint64_t>(40) == 0 && begin.guid != 0;
    if (type == kEnd && !is_last && !sum.Is(record.bytes.data() + 8)) return ECKSUM;
    sum.Add(record.bytes.data(), kChecksumAt);
    const bool has_sum =
        std::any_of(record.bytes.begin() + kChecksumAt, record.bytes.end(), [](uint8_t b) { return b; });
    if (type != kBegin && has_sum && !sum.Is(record.bytes.data() + kChecksumAt)) return ECKSUM;
    sum.Add(record.bytes.data() + kChecksumAt, kHeader - kChecksumAt);
    payload.resize(size);
    const int cut = ReadAll(fd, payload.data(), size);
    if (cut != 0) return cut;
    sum.Add(payload.data(), size);
    out.write(reinterpret_cast<const char*>(payload.data()), static_cast<std::streamsize>(size));
    if (type == kWrite && record.Get<uint64_t>(8) == kArchive) begin.is_own = true;
    if (type == kEnd && (!in_package || is_last)) return 0;
  }
}

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
