#include "unix/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#if __has_include(<sys/mkdev.h>)
#include <sys/mkdev.h>
#else
#include <sys/sysmacros.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>

#include "unix/tree_layer.h"
#include "unix/tree_list.h"
#include "unix/tree_system.h"

namespace smartadm::tree {
namespace {

// The folder at `path` below `root`; empty means `root` itself.
UniqueFd OpenFolder(int root, const std::string& path) {
  UniqueFd folder(OpenBeneath(root, path));
  if (!folder) Fail("open", path);
  return folder;
}

void WriteAll(int fd, Bytes data, uint64_t offset) {
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) Fail("pwrite", std::to_string(offset), written == 0 ? EIO : errno);
    data = data.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

// Runs a command on content; false when `op` is none.
bool RunOnContent(Op op, Fields& fields, const std::vector<Bytes>& buffers, int content) {
  switch (op) {
    case Op::kWrite: {
      const auto buffer = fields.Number<uint32_t>();
      const auto start = fields.Number<uint32_t>();
      const auto size = fields.Number<uint32_t>();
      const auto offset = fields.Number<uint64_t>();
      if (buffer >= buffers.size() || start > buffers[buffer].size() || size > buffers[buffer].size() - start) {
        Malformed();
      }
      WriteAll(content, buffers[buffer].subspan(start, size), offset);
      return true;
    }
    case Op::kPunch: {
      const auto offset = fields.Number<int64_t>();
      const auto size = fields.Number<int64_t>();
      PunchHole(content, offset, size);
      return true;
    }
    case Op::kResize: {
      const auto size = fields.Number<int64_t>();
      if (::ftruncate(content, size) != 0) Fail("ftruncate", std::to_string(size));
      return true;
    }
    default:
      return false;
  }
}

// Removes all below `folder` but folders that are not empty.
void Empty(int folder) {
  const int copy = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) Fail("fcntl", "stage");
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) {
    ::close(copy);
    Fail("fdopendir", "stage");
  }
  ::rewinddir(entries.get());
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(folder, entry->d_name, 0) == 0) continue;
    if (errno != EISDIR && errno != EPERM) Fail("unlinkat", entry->d_name);
    if (::unlinkat(folder, entry->d_name, AT_REMOVEDIR) != 0) Fail("unlinkat", entry->d_name);
  }
  if (errno != 0) Fail("readdir", "stage");
}

}  // namespace

// One list that runs.
class Tree::Commands {
 public:
  Commands(Tree& tree, Bytes list, const std::vector<Bytes>& buffers) : tree_(tree), fields_(list), buffers_(buffers) {}

  std::vector<Refusal> Run() {
    for (; !fields_.AtEnd(); ++position_) {
      const auto op = static_cast<Op>(fields_.Number<uint32_t>());
      if (!RunOnContent(op, fields_, buffers_, tree_.content_.get())) RunOnTree(op);
    }
    return std::move(refusals_);
  }

 private:
  int Folder() const { return tree_.folder_.get(); }
  int Stage() const { return tree_.stage_.get(); }

  void RunOnTree(Op op) {
    switch (op) {
      case Op::kFolder:
        tree_.folder_ = OpenFolder(tree_.root_.get(), fields_.Text());
        return;
      case Op::kCreate:
        return OpenContent(Stage(), fields_.Object(), O_CREAT | O_EXCL);
      case Op::kReopen:
        return OpenContent(Stage(), fields_.Object(), 0);
      case Op::kEdit:
        return OpenContent(Folder(), fields_.Name(), 0);
      case Op::kMakeFile: {
        const std::string name = fields_.Name();
        return OpenContent(Folder(), name, O_CREAT | O_EXCL, fields_.Number<uint32_t>() & 0777);
      }
      case Op::kSettle:
        return SettleContent();
      case Op::kMakeFolder: {
        const std::string name = fields_.Name();
        if (::mkdirat(Folder(), name.c_str(), 0700) != 0) Fail("mkdirat", name);
        return;
      }
      case Op::kMoveIn: {
        const std::string object = fields_.Object();
        return MoveToFree(Stage(), object, Folder(), fields_.Name());
      }
      case Op::kMoveOut: {
        const std::string name = fields_.Name();
        return MoveToFree(Folder(), name, Stage(), fields_.Object());
      }
      case Op::kLinkIn: {
        const std::string object = fields_.Object();
        return Link(Stage(), object, Folder(), fields_.Name());
      }
      case Op::kLinkOut: {
        const std::string name = fields_.Name();
        return Link(Folder(), name, Stage(), fields_.Object());
      }
      case Op::kUnlink: {
        const std::string name = fields_.Name();
        if (::unlinkat(Folder(), name.c_str(), 0) != 0) Fail("unlinkat", name);
        return;
      }
      case Op::kSymlink: {
        const std::string name = fields_.Name();
        if (::symlinkat(fields_.Text().c_str(), Folder(), name.c_str()) != 0) Fail("symlinkat", name);
        return;
      }
      case Op::kMakeNode: {
        const std::string name = fields_.Name();
        const auto type = fields_.Number<uint32_t>() & S_IFMT;
        const auto major = fields_.Number<uint32_t>();
        const auto minor = fields_.Number<uint32_t>();
        if (::mknodat(Folder(), name.c_str(), type | 0600, makedev(major, minor)) != 0) Fail("mknodat", name);
        return;
      }
      case Op::kOwner:
        return SetOwner();
      case Op::kTimes: {
        const std::string name = fields_.Name();
        const std::array<timespec, 2> times = {fields_.Time(), fields_.Time()};
        const int done = name.empty() ? ::futimens(Folder(), times.data())
                                      : ::utimensat(Folder(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
        if (done != 0) Fail("utimensat", name);
        return;
      }
      case Op::kAttribute:
        return SetAttribute();
      case Op::kClearAttributes:
        return ClearAttributes(Folder(), fields_.Name());
      case Op::kSweep:
        Empty(Stage());
        if (::unlinkat(tree_.root_.get(), tree_.stage_name_.c_str(), AT_REMOVEDIR) != 0) {
          Fail("unlinkat", tree_.stage_name_);
        }
        return;
      case Op::kStage:
        return tree_.MakeStage();
      default:
        return RunOnLayer(op);
    }
  }

  void RunOnLayer(Op op) {
    if (!tree_.layer_) Malformed();
    Layer& layer = *tree_.layer_;
    switch (op) {
      case Op::kEnter:
        tree_.folder_ = layer.Enter(fields_.Text());
        return;
      case Op::kClear: {
        const std::string name = fields_.Name();
        return layer.Clear(Folder(), name, fields_.Number<uint32_t>() != 0);
      }
      case Op::kLayFolder:
        return layer.MakeFolder(Folder(), fields_.Name());
      case Op::kLinkTo: {
        const std::string name = fields_.Name();
        return layer.Link(fields_.Text(), Folder(), name);
      }
      case Op::kWhiteout:
        return layer.Whiteout(Folder(), fields_.Name());
      case Op::kOpaque:
        return layer.Empty(Folder());
      case Op::kFolderTimes: {
        const std::string path = fields_.Text();
        const std::array<timespec, 2> times = {fields_.Time(), fields_.Time()};
        return layer.SetFolderTimes(path, times);
      }
      default:
        Malformed();
    }
  }

  void Mark(const struct stat& status) {
    if (tree_.layer_) tree_.layer_->Mark(status.st_ino);
  }

  void OpenContent(int folder, const std::string& name, int flags, mode_t mode = 0600) {
    // Not blocking, should the name be a fifo after all.
    UniqueFd file(::openat(folder, name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, mode));
    if (!file) Fail("openat", name);
    if ((flags & O_EXCL) == 0) {
      struct stat status = {};
      if (::fstat(file.get(), &status) != 0) Fail("fstat", name);
      if (!S_ISREG(status.st_mode)) Fail("openat", name, EINVAL);
    }
    tree_.content_ = std::move(file);
  }

  // Owner, mode and times of the file that has been written, which is closed.
  void SettleContent() {
    const UniqueFd file = std::move(tree_.content_);
    const auto uid = fields_.Number<uint32_t>();
    const auto gid = fields_.Number<uint32_t>();
    const auto mode = fields_.Number<uint32_t>() & 07777;
    const std::array<timespec, 2> times = {fields_.Time(), fields_.Time()};
    struct stat status = {};
    if (::fstat(file.get(), &status) != 0) Fail("fstat", "content");
    Mark(status);
    // What is so already costs nothing. The owner first: changing it takes set-id bits away.
    const bool owned = status.st_uid == uid && status.st_gid == gid;
    if (!owned && ::fchown(file.get(), uid, gid) != 0) Fail("fchown", "content");
    if ((!owned || (status.st_mode & 07777) != mode) && ::fchmod(file.get(), mode) != 0) Fail("fchmod", "content");
    if (::futimens(file.get(), times.data()) != 0) Fail("futimens", "content");
  }

  static void Link(int from, const std::string& old_name, int to, const std::string& new_name) {
    if (::linkat(from, old_name.c_str(), to, new_name.c_str(), 0) != 0) Fail("linkat", new_name);
  }

  void SetOwner() {
    const std::string name = fields_.Name();
    const auto uid = fields_.Number<uint32_t>();
    const auto gid = fields_.Number<uint32_t>();
    const auto mode = fields_.Number<uint32_t>();
    struct stat status = {};
    const int found =
        name.empty() ? ::fstat(Folder(), &status) : ::fstatat(Folder(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    if (found != 0) Fail("fstatat", name);
    Mark(status);
    // What is so already costs nothing. The owner first: changing it takes set-id bits away.
    const bool owned = status.st_uid == uid && status.st_gid == gid;
    if (!owned) {
      const int changed = name.empty() ? ::fchown(Folder(), uid, gid)
                                       : ::fchownat(Folder(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW);
      if (changed != 0) Fail("fchownat", name);
    }
    // Links have no mode, and fchmodat would follow them.
    if (S_ISLNK(mode) || (owned && (status.st_mode & 07777) == (mode & 07777))) return;
    const int done =
        name.empty() ? ::fchmod(Folder(), mode & 07777) : ::fchmodat(Folder(), name.c_str(), mode & 07777, 0);
    if (done != 0) Fail("fchmod", name);
  }

  void SetAttribute() {
    const std::string name = fields_.Name();
    const std::string key = fields_.Text();
    const Bytes value = fields_.Block();
    const int error = smartadm::tree::SetAttribute(Folder(), name, key, value);
    if (error == 0) return;
    const bool refused = error == EOPNOTSUPP || error == E2BIG || error == ERANGE || error == EPERM ||
                         error == EINVAL || (error == ENOSPC && HasSpace());
    if (!refused) Fail("setxattr", name + " " + key, error);
    refusals_.push_back({position_, error});
  }

  // Filesystems say ENOSPC also of attributes that no file of theirs can hold.
  bool HasSpace() const {
    struct statvfs status = {};
    constexpr uint64_t kPlenty = 1 << 22;
    return ::fstatvfs(Folder(), &status) == 0 && uint64_t{status.f_bavail} * status.f_frsize >= kPlenty;
  }

  Tree& tree_;
  Fields fields_;
  const std::vector<Bytes>& buffers_;
  uint32_t position_ = 0;
  std::vector<Refusal> refusals_;
};

Tree::Tree(const std::string& path, const std::string& stage)
    : root_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), stage_name_(stage) {
  if (!root_) Fail("open", path);
  MakeStage();
}

Tree::Tree(const std::string& path) : root_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  if (!root_) Fail("open", path);
  layer_ = std::make_unique<Layer>(root_.get());
}

Tree::~Tree() = default;

void Tree::MakeStage() {
  if (::mkdirat(root_.get(), stage_name_.c_str(), 0700) != 0) Fail("mkdirat", stage_name_);
  stage_ = OpenFolder(root_.get(), stage_name_);
  // Or all that is made in it would inherit from the root.
  ForgetInheritance(stage_.get());
}

std::vector<Refusal> Tree::Run(Bytes list, const std::vector<Bytes>& buffers) {
  return health_.Guard([&] { return Commands(*this, list, buffers).Run(); });
}

ContentFile::ContentFile(const std::string& path)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) {
  if (!file_) Fail("open", path);
}

std::vector<Refusal> ContentFile::Run(Bytes list, const std::vector<Bytes>& buffers) {
  return health_.Guard([&] {
    Fields fields(list);
    while (!fields.AtEnd()) {
      if (!RunOnContent(static_cast<Op>(fields.Number<uint32_t>()), fields, buffers, file_.get())) Malformed();
    }
    return std::vector<Refusal>();
  });
}

}  // namespace smartadm::tree
