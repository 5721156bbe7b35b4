#include "linux/lxc.h"

#include <dirent.h>
#include <fcntl.h>
#include <lxc/lxccontainer.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>

#include "core/native_error.h"
#include "core/owned.h"
#include "linux/ipc_settings.h"
#include "linux/zone_snapshots.h"

namespace smartadm::lxc {
namespace {

using Container = Owned<lxc_container, lxc_container_put>;

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("lxc", operation, error, subject);
}

// liblxc would print its errors on standard error; ours are thrown.
void Silence() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct lxc_log log = {};
    log.name = "smartadm";
    log.file = "none";
    log.level = "FATAL";
    log.prefix = "smartadm";
    log.quiet = true;
    lxc_log_init(&log);
  });
}

Container OpenContainer(const std::string& lxc_path, const std::string& name) {
  Silence();
  Container container(lxc_container_new(name.c_str(), lxc_path.c_str()));
  if (!container) Fail("lxc_container_new", name, ENOMEM);
  return container;
}

// Reads NAME/monitor in `folder`.
std::optional<Monitor> ReadMonitor(int folder, const std::string& name) {
  const UniqueFd file(::openat(folder, (name + "/monitor").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    Fail("open", name + "/monitor");
  }
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_GETLK, &lock) != 0) Fail("fcntl(F_GETLK)", name + "/monitor");
  if (lock.l_type == F_UNLCK) return std::nullopt;
  Monitor monitor = {name, lock.l_pid, 0, 0, 0};
  char line[65];
  const ssize_t size = ::pread(file.get(), line, sizeof line - 1, 0);
  if (size <= 0) return monitor;
  line[size] = '\0';
  int init = 0;
  long long booted_at = 0;
  if (std::sscanf(line, "%d %lld %d", &init, &booted_at, &monitor.restarts) != 3 || init <= 0) return monitor;
  monitor.booted_at = booted_at;
  // Its monitor takes a moment to notice that it has ended.
  if (::kill(init, 0) == 0 || errno != ESRCH) monitor.init = init;
  return monitor;
}

// Runs `work` on a thread of its own, which may join other namespaces: no other work ever runs there.
template <typename Work>
void OnOwnThread(Work work) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

// What c->console_getfd and its like return.
struct ConsoleEnds {
  UniqueFd connection;
  UniqueFd terminal;
};

ConsoleEnds Attach(lxc_container* container, const std::string& name) {
  if (!container->is_running(container)) Fail("attach to the console of", name, ESRCH);
  int number = 0;
  int terminal = -1;
  const int connection = container->console_getfd(container, &number, &terminal);
  if (connection < 0) Fail("attach to the console of", name, container->is_running(container) ? EBUSY : ESRCH);
  return {UniqueFd(connection), UniqueFd(terminal)};
}

}  // namespace

std::vector<Monitor> Monitors(const std::string& lxc_path) {
  const Owned<DIR, closedir> folder(::opendir(lxc_path.c_str()));
  std::vector<Monitor> found;
  if (!folder) {
    if (errno == ENOENT) return found;
    Fail("opendir", lxc_path);
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
    if (auto monitor = ReadMonitor(::dirfd(folder.get()), entry->d_name)) found.push_back(std::move(*monitor));
  }
  return found;
}

std::optional<Monitor> FindMonitor(const std::string& lxc_path, const std::string& name) {
  const UniqueFd folder(::open(lxc_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) return std::nullopt;
    Fail("open", lxc_path);
  }
  return ReadMonitor(folder.get(), name);
}

bool Stop(const std::string& lxc_path, const std::string& name) {
  const Container container = OpenContainer(lxc_path, name);
  if (!container->is_running(container.get())) return false;
  return container->stop(container.get());
}

Console::Console(const std::string& lxc_path, const std::string& name) : name_(name) {
  const Container container = OpenContainer(lxc_path, name);
  ConsoleEnds ends = Attach(container.get(), name);
  connection_ = std::move(ends.connection);
  terminal_ = std::move(ends.terminal);
  // The terminal between the monitor and us: what is typed here is for the one in the zone to interpret.
  struct termios settings = {};
  if (::tcgetattr(terminal_.get(), &settings) != 0) Fail("tcgetattr", name);
  ::cfmakeraw(&settings);
  if (::tcsetattr(terminal_.get(), TCSANOW, &settings) != 0) Fail("tcsetattr", name);
  const UniqueFd terminals(container->devpts_fd(container.get()));
  // The console is the first terminal that a zone gets.
  if (terminals) zone_end_.reset(::openat(terminals.get(), "0", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW));
}

UniqueFd Console::Terminal() const {
  UniqueFd copy(::fcntl(terminal_.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) Fail("fcntl(F_DUPFD_CLOEXEC)", name_);
  return copy;
}

void Console::Resize(uint16_t columns, uint16_t rows) const {
  struct winsize size = {};
  size.ws_col = columns;
  size.ws_row = rows;
  if (!zone_end_) Fail("TIOCSWINSZ", name_, ENOTTY);
  if (::ioctl(zone_end_.get(), TIOCSWINSZ, &size) != 0) Fail("TIOCSWINSZ", name_);
}

void SetHostname(pid_t pid, const std::string& hostname) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) Fail("pidfd_open", std::to_string(pid));
  OnOwnThread([&] {
    if (::setns(process.get(), CLONE_NEWUTS) != 0) Fail("setns", std::to_string(pid));
    if (::sethostname(hostname.data(), hostname.size()) != 0) Fail("sethostname", hostname);
  });
}

void LimitIpc(pid_t pid, const std::vector<std::pair<std::string, std::string>>& settings) {
  OnOwnThread([&] { WriteIpcSettings(pid, settings); });
}

void ShowSnapshot(pid_t pid, const std::string& root, const std::string& name, const std::string& source) {
  OnOwnThread([&] { smartadm::ShowSnapshot(pid, root, name, source); });
}

void LimitLockedMemory(pid_t pid, uint64_t bytes) {
  struct rlimit64 limit = {};
  if (::prlimit64(pid, RLIMIT_MEMLOCK, nullptr, &limit) != 0) Fail("prlimit", std::to_string(pid));
  const struct rlimit64 wanted = {bytes, bytes};
  if (::prlimit64(pid, RLIMIT_MEMLOCK, &wanted, nullptr) == 0) return;
  if (errno != EPERM) Fail("prlimit", std::to_string(pid));
  const struct rlimit64 allowed = {std::min<rlim64_t>(bytes, limit.rlim_max), limit.rlim_max};
  if (::prlimit64(pid, RLIMIT_MEMLOCK, &allowed, nullptr) != 0) Fail("prlimit", std::to_string(pid));
}

}  // namespace smartadm::lxc
