#include "linux/posix.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "core/native_error.h"

namespace smartadm::posix {
namespace {

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

UniqueFd Open(const std::string& path, int flags, mode_t mode = 0) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) Fail("open", path);
  return fd;
}

// Opens a loop device, and makes its node first where nobody else does.
UniqueFd OpenLoop(int number, int flags) {
  const std::string path = "/dev/loop" + std::to_string(number);
  if (::access(path.c_str(), F_OK) != 0) {
    constexpr unsigned kLoopMajor = 7;
    if (::mknod(path.c_str(), S_IFBLK | 0660, makedev(kLoopMajor, number)) != 0 && errno != EEXIST) {
      Fail("mknod", path);
    }
  }
  return Open(path, flags);
}

}  // namespace

void Mount(const std::string& source, const std::string& target, const std::string& type, uint64_t flags,
           const std::string& data) {
  const char* kind = type.empty() ? nullptr : type.c_str();
  const char* options = data.empty() ? nullptr : data.c_str();
  if (::mount(source.c_str(), target.c_str(), kind, flags, options) != 0) Fail("mount", source + " on " + target);
}

void Unmount(const std::string& target, bool detach) {
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0)) != 0) Fail("umount2", target);
}

LoopDevice AttachLoop(const std::string& file, bool read_only) {
  const int access = read_only ? O_RDONLY : O_RDWR;
  const UniqueFd backing = Open(file, access);
  const UniqueFd control = Open("/dev/loop-control", O_RDWR);
  // Another program may take the free device first.
  constexpr int kAttempts = 64;
  for (int attempt = 0;; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) Fail("LOOP_CTL_GET_FREE", "/dev/loop-control");
    UniqueFd device = OpenLoop(number, access);
    struct loop_config config = {};
    config.fd = static_cast<uint32_t>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
    std::snprintf(reinterpret_cast<char*>(config.info.lo_file_name), LO_NAME_SIZE, "%s", file.c_str());
    const std::string path = "/dev/loop" + std::to_string(number);
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) return {path, std::move(device)};
    if (errno != EBUSY || attempt == kAttempts) Fail("LOOP_CONFIGURE", path);
  }
}

Process::Process(int pid)
    : pid_(pid),
      process_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
      cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!process_) Fail("pidfd_open", std::to_string(pid));
  if (!cancelled_) Fail("eventfd", std::to_string(pid));
}

void Process::Kill(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, process_.get(), signal, nullptr, 0) != 0) {
    Fail("pidfd_send_signal", std::to_string(pid_));
  }
}

bool Process::WaitForExit(int timeout_ms) const {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  int left = timeout_ms;
  struct pollfd watched[] = {{process_.get(), POLLIN, 0}, {cancelled_.get(), POLLIN, 0}};
  for (;;) {
    const int ready = ::poll(watched, 2, left);
    if (ready >= 0) return (watched[0].revents & POLLIN) != 0;
    if (errno != EINTR) Fail("poll", std::to_string(pid_));
    if (timeout_ms < 0) continue;
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    left = rest > 0 ? static_cast<int>(rest) : 0;
  }
}

void Process::Cancel() const noexcept {
  const uint64_t one = 1;
  // Only a full counter makes this fail, and then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(cancelled_.get(), &one, sizeof one);
}

}  // namespace smartadm::posix
