#include "linux/ipc_settings.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>

#include "core/native_error.h"
#include "core/unique_fd.h"

namespace smartadm {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

UniqueFd Open(const std::string& path, int flags) { return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC)); }

// The id, here, of the user that is root in the user namespace of `pid`.
uid_t RootOf(pid_t pid) {
  std::ifstream map("/proc/" + std::to_string(pid) + "/uid_map");
  uid_t inner = 0;
  uid_t outer = 0;
  if (!(map >> inner >> outer) || inner != 0) Fail("read the id map of", std::to_string(pid), ESRCH);
  return outer;
}

// This thread as another user, as long as it lives: whoever goes on after it needs what only the host's root may do.
// The bare system call changes one thread only.
class AsUser {
 public:
  explicit AsUser(uid_t user) : before_(::geteuid()) {
    if (::syscall(SYS_setresuid, -1, user, -1) != 0) Fail("setresuid", std::to_string(user));
  }
  ~AsUser() { ::syscall(SYS_setresuid, -1, before_, -1); }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  uid_t before_;
};

}  // namespace

void WriteIpcSettings(pid_t pid, const std::vector<std::pair<std::string, std::string>>& settings) {
  const uid_t root = RootOf(pid);
  const UniqueFd space = Open("/proc/" + std::to_string(pid) + "/ns/ipc", O_RDONLY);
  if (!space) Fail("open", std::to_string(pid));
  if (::setns(space.get(), CLONE_NEWIPC) != 0) Fail("setns", std::to_string(pid));
  std::optional<AsUser> as_root;
  for (const auto& [name, value] : settings) {
    const std::string path = "/proc/sys/" + name;
    UniqueFd file = Open(path, O_WRONLY);
    if (!file && errno == EACCES) {
      // Since Linux 6.9 they belong to the namespace's own root, and to nobody else.
      if (!as_root) as_root.emplace(root);
      file = Open(path, O_WRONLY);
    }
    if (!file) Fail("open", path);
    if (::write(file.get(), value.data(), value.size()) < 0) Fail("write", path);
  }
}

}  // namespace smartadm
