#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <sstream>

#include "kernel.h"

namespace standin {
namespace {

// Text without blanks, newlines and percent signs.
std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != '%' && byte != 0x7f) {
      out += c;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02x", byte);
    out += code;
  }
  return out.empty() ? "%" : out;
}

std::string Unescape(const std::string& text) {
  if (text == "%") return {};
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

class Line {
 public:
  explicit Line(const std::string& text) : stream_(text) {}
  std::string Text() { return Unescape(Word()); }
  uint64_t Number() { return std::stoull(Word()); }
  std::string Word() {
    std::string word;
    stream_ >> word;
    return word;
  }

 private:
  std::istringstream stream_;
};

State Parse(std::istream& file) {
  State state;
  Dataset* dataset = nullptr;
  Snapshot* snapshot = nullptr;
  std::string text;
  while (std::getline(file, text)) {
    Line line(text);
    const std::string kind = line.Word();
    if (kind == "next") {
      state.next = line.Number();
    } else if (kind == "dataset") {
      Dataset read;
      read.name = line.Text();
      read.is_volume = line.Number() != 0;
      read.id = line.Number();
      read.guid = line.Number();
      read.txg = line.Number();
      read.creation = line.Number();
      read.origin = line.Number();
      read.mounted_at = line.Text();
      dataset = &state.datasets.emplace(read.name, read).first->second;
      snapshot = nullptr;
    } else if (kind == "snapshot") {
      Snapshot read;
      read.name = line.Text();
      read.id = line.Number();
      read.guid = line.Number();
      read.txg = line.Number();
      read.creation = line.Number();
      read.referenced = line.Number();
      read.written = line.Number();
      read.deferred = line.Number() != 0;
      dataset->snapshots.push_back(read);
      snapshot = &dataset->snapshots.back();
    } else if (kind == "bookmark") {
      Snapshot read;
      read.name = line.Text();
      read.guid = line.Number();
      read.txg = line.Number();
      read.creation = line.Number();
      dataset->bookmarks.push_back(read);
    } else {
      const std::string name = line.Text();
      if (kind == "token") dataset->token = name;
      if (kind == "hold") snapshot->holds[name] = line.Number();
      if (kind == "received") dataset->received[name] = line.Text();
      if (kind == "property") (snapshot == nullptr ? dataset->properties : snapshot->properties)[name] = line.Text();
    }
  }
  return state;
}

void Format(const State& state, std::ostream& file) {
  file << "next " << state.next << '\n';
  const auto values = [&](const char* kind, const Values& list) {
    for (const auto& [name, value] : list) file << kind << ' ' << Escape(name) << ' ' << Escape(value) << '\n';
  };
  for (const auto& [name, each] : state.datasets) {
    file << "dataset " << Escape(name) << ' ' << each.is_volume << ' ' << each.id << ' ' << each.guid << ' ' << each.txg
         << ' ' << each.creation << ' ' << each.origin << ' ' << Escape(each.mounted_at) << '\n';
    values("property", each.properties);
    values("received", each.received);
    if (!each.token.empty()) file << "token " << Escape(each.token) << '\n';
    for (const Snapshot& mark : each.bookmarks) {
      file << "bookmark " << Escape(mark.name) << ' ' << mark.guid << ' ' << mark.txg << ' ' << mark.creation << '\n';
    }
    for (const Snapshot& snap : each.snapshots) {
      file << "snapshot " << Escape(snap.name) << ' ' << snap.id << ' ' << snap.guid << ' ' << snap.txg << ' '
           << snap.creation << ' ' << snap.referenced << ' ' << snap.written << ' ' << snap.deferred << '\n';
      values("property", snap.properties);
      for (const auto& [tag, time] : snap.holds) file << "hold " << Escape(tag) << ' ' << time << '\n';
    }
  }
}

// Which file was read: a change replaces it.
struct Version {
  std::string path;
  ino_t inode = 0;
  timespec time = {};
  off_t size = -1;
  bool operator==(const Version& other) const {
    return path == other.path && inode == other.inode && time.tv_sec == other.time.tv_sec &&
           time.tv_nsec == other.time.tv_nsec && size == other.size;
  }
};

Version VersionNow() {
  Version version = {ZfsPath("state"), 0, {}, -1};
  struct stat found;
  if (::stat(version.path.c_str(), &found) == 0) {
    version.inode = found.st_ino;
    version.time = found.st_mtim;
    version.size = found.st_size;
  }
  return version;
}

std::mutex mutex;
Version known;
std::shared_ptr<const State> cached;

std::map<std::string, uint64_t> ReadPools() {
  std::map<std::string, uint64_t> pools;
  std::ifstream file(ZfsPath("pools"));
  std::string name;
  uint64_t bytes = 0;
  while (file >> name >> bytes) pools[name] = bytes;
  return pools;
}

std::shared_ptr<const State> Read() {
  const Version version = VersionNow();
  auto pools = ReadPools();
  if (cached && version == known && cached->pools == pools) return cached;
  std::ifstream file(version.path);
  State state = Parse(file);
  state.pools = std::move(pools);
  std::erase_if(state.datasets, [&](const auto& each) { return !state.pools.contains(PoolOf(each.first)); });
  known = version;
  cached = std::make_shared<const State>(std::move(state));
  return cached;
}

void Write(const State& state) {
  const std::string path = ZfsPath("state");
  {
    std::ofstream file(path + ".new");
    Format(state, file);
  }
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) Die("cannot write " + path);
  known = VersionNow();
  cached = std::make_shared<const State>(state);
}

// Pools that a test has put there since.
bool AddPools(State& state) {
  bool added = false;
  for (const auto& [name, bytes] : state.pools) {
    if (state.datasets.contains(name)) continue;
    Dataset pool;
    pool.name = name;
    pool.id = state.NewId();
    pool.txg = state.NewId();
    pool.guid = state.NewGuid();
    pool.creation = static_cast<uint64_t>(::time(nullptr));
    pool.mounted_at = "/" + name;
    MakeFolders(Root() + pool.mounted_at);
    state.datasets.emplace(name, pool);
    added = true;
  }
  return added;
}

class FileLock {
 public:
  FileLock() {
    MakeFolders(ZfsPath("data"));
    MakeFolders(ZfsPath("ledger"));
    MakeFolders(ZfsPath("partial"));
    fd_ = ::open(ZfsPath("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) Die("cannot lock the state of ZFS");
  }
  ~FileLock() { ::close(fd_); }

 private:
  int fd_;
};

}  // namespace

void Die(const std::string& why) {
  std::fprintf(stderr, "stand-in for ZFS: %s\n", why.c_str());
  std::abort();
}

std::string Root() {
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || *root == '\0') Die("SMARTADM_STAND_IN_ROOT names no folder");
  return root;
}

std::string ZfsPath(const std::string& rest) { return Root() + "/system/zfs/" + rest; }

std::shared_ptr<const State> Look() {
  const std::lock_guard lock(mutex);
  std::shared_ptr<const State> state = Read();
  const bool complete = std::all_of(state->pools.begin(), state->pools.end(),
                                    [&](const auto& each) { return state->datasets.contains(each.first); });
  if (complete) return state;
  const FileLock file;
  State added = *Read();
  if (AddPools(added)) Write(added);
  return cached;
}

int Change(const std::function<int(State&)>& change) {
  const std::lock_guard lock(mutex);
  const FileLock file;
  State state = *Read();
  AddPools(state);
  const int error = change(state);
  if (error == 0) Write(state);
  return error;
}

void Note(const std::string& event) {
  std::ofstream file(ZfsPath("events"), std::ios::app);
  file << event << '\n';
  // One order for what all libraries do, where a test wants to know it.
  const std::string all = ZfsPath("../effects");
  if (::access(all.c_str(), F_OK) == 0) std::ofstream(all, std::ios::app) << "zfs " << event << std::endl;
}

std::string FaultFor(const char* function) {
  const std::string path = ZfsPath("faults");
  if (::access(path.c_str(), F_OK) != 0) return {};
  const std::lock_guard lock(mutex);
  std::ifstream file(path);
  std::string text, rest, fault;
  while (std::getline(file, text)) {
    Line line(text);
    const std::string name = line.Word(), code = line.Word(), pass = line.Word();
    const int before = pass.empty() ? 0 : std::stoi(pass);
    if (!fault.empty() || name != function) {
      rest += text + '\n';
    } else if (before > 0) {
      rest += name + ' ' + code + ' ' + std::to_string(before - 1) + '\n';
    } else {
      fault = code;
    }
  }
  file.close();
  std::ofstream(path) << rest;
  return fault;
}

int ErrnoOf(const std::string& name) {
  for (int number = 1; number < 134; ++number) {
    const char* known_name = ::strerrorname_np(number);
    if (known_name != nullptr && name == known_name) return number;
  }
  return 0;
}

int ErrnoFaultFor(const char* function) {
  const std::string fault = FaultFor(function);
  if (fault.empty()) return 0;
  const int error = ErrnoOf(fault);
  if (error == 0) Die(fault + " is no errno");
  return error;
}

const Snapshot* Dataset::Find(const std::string& snapshot) const {
  const auto found =
      std::find_if(snapshots.begin(), snapshots.end(), [&](const Snapshot& each) { return each.name == snapshot; });
  return found == snapshots.end() ? nullptr : &*found;
}

Snapshot* Dataset::Find(const std::string& snapshot) {
  return const_cast<Snapshot*>(static_cast<const Dataset*>(this)->Find(snapshot));
}

const Dataset* State::Find(const std::string& name) const {
  const auto found = datasets.find(name);
  return found == datasets.end() ? nullptr : &found->second;
}

Dataset* State::Find(const std::string& name) {
  return const_cast<Dataset*>(static_cast<const State*>(this)->Find(name));
}

std::pair<const Dataset*, const Snapshot*> State::FindSnapshot(const std::string& name) const {
  const auto [dataset_name, snapshot_name] = Split(name);
  const Dataset* dataset = Find(dataset_name);
  return {dataset, dataset == nullptr ? nullptr : dataset->Find(snapshot_name)};
}

std::pair<const Dataset*, const Snapshot*> State::FindSnapshot(uint64_t id) const {
  for (const auto& [name, dataset] : datasets) {
    for (const Snapshot& snapshot : dataset.snapshots) {
      if (snapshot.id == id) return {&dataset, &snapshot};
    }
  }
  return {nullptr, nullptr};
}

std::pair<const Dataset*, const Snapshot*> State::FindBookmark(const std::string& name) const {
  const size_t hash = name.find('#');
  if (hash == std::string::npos) return {nullptr, nullptr};
  const Dataset* dataset = Find(name.substr(0, hash));
  if (dataset == nullptr) return {nullptr, nullptr};
  const auto found = std::find_if(dataset->bookmarks.begin(), dataset->bookmarks.end(),
                                  [&](const Snapshot& each) { return each.name == name.substr(hash + 1); });
  return {dataset, found == dataset->bookmarks.end() ? nullptr : &*found};
}

const Dataset* State::FindPartial(const std::string& name) const {
  const Dataset* inside = Find(name + "/%recv");
  const Dataset* found = inside == nullptr ? Find(name) : inside;
  return found == nullptr || found->token.empty() ? nullptr : found;
}

std::vector<std::string> State::ClonesOf(uint64_t snapshot) const {
  std::vector<std::string> clones;
  for (const auto& [name, dataset] : datasets) {
    if (dataset.origin == snapshot) clones.push_back(name);
  }
  return clones;
}

std::vector<std::string> State::ChildrenOf(const std::string& name) const {
  std::vector<std::string> children;
  for (const auto& [each, dataset] : datasets) {
    if (ParentOf(each) == name && each.find('%') == std::string::npos) children.push_back(each);
  }
  return children;
}

uint64_t State::NewGuid() {
  // Spread over 64 bits, and the same in every run.
  uint64_t mixed = NewId() * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9;
  return mixed ^ (mixed >> 32);
}

std::string ParentOf(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

std::pair<std::string, std::string> Split(const std::string& name) {
  const size_t at = name.find('@');
  if (at == std::string::npos) return {name, {}};
  return {name.substr(0, at), name.substr(at + 1)};
}

bool IsWithin(const std::string& name, const std::string& root) { return name == root || name.starts_with(root + "/"); }

std::string PoolOf(const std::string& name) { return name.substr(0, name.find_first_of("/@")); }

int CheckName(const std::string& name) {
  if (name.size() >= 256) return ENAMETOOLONG;
  bool was_separator = true;
  size_t ats = 0, dots = 0, length = 0;
  for (const char c : name + "/") {
    if (c == '/' || c == '@') {
      if (was_separator || (dots == length && length <= 2)) return EINVAL;
      if (c == '@' && ++ats > 1) return EINVAL;
      was_separator = true;
      dots = length = 0;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    const bool good = std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == ':' || c == ' ' || c == '%';
    if (!good || byte > 0x7f) return EINVAL;
    was_separator = false;
    ++length;
    if (c == '.') ++dots;
  }
  const size_t at = name.find('@');
  if (at != std::string::npos && name.find('/', at) != std::string::npos) return EINVAL;
  return std::isalpha(static_cast<unsigned char>(name.front())) ? 0 : EINVAL;
}

}  // namespace standin
