#include "linux/exec_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "core/native_error.h"

namespace smartadm {
namespace {

// A terminal hands over what was written a little later.
constexpr int kDrainMs = 100;
// CTRL-D: the end of what is typed.
constexpr char kEndOfInput = 4;

[[noreturn]] void Fail(const char* what) { throw NativeError("libc", what, errno, ""); }

// Descriptors above the three that programs begin with, whatever of those was closed.
UniqueFd Above(int fd) {
  if (fd < 0 || fd > 2) return UniqueFd(fd);
  UniqueFd low(fd);
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

bool ReadSize(struct winsize& size) { return ::ioctl(0, TIOCGWINSZ, &size) == 0 || ::ioctl(1, TIOCGWINSZ, &size) == 0; }

// All of it, however the other side is set. False when that takes no more.
bool WriteAll(int to, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(to, bytes, size);
    if (written >= 0) {
      bytes += written;
      size -= static_cast<size_t>(written);
    } else if (errno == EAGAIN) {
      struct pollfd writable = {to, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

struct Handover {
  int error = 0;
};

bool SendTerminal(int socket, int terminal, int error) {
  Handover handover = {error};
  struct iovec part = {&handover, sizeof handover};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (terminal >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &terminal, sizeof terminal);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof handover);
}

// What came out of the zone; its root may have made it anything.
UniqueFd ReceiveTerminal(int socket, int& error) {
  Handover handover = {EPROTO};
  struct iovec part = {&handover, sizeof handover};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  while ((size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
  UniqueFd terminal;
  const struct cmsghdr* header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    terminal.reset(fd);
  }
  error = size == static_cast<ssize_t>(sizeof handover) ? handover.error : EPROTO;
  int number = 0;
  // Only the master of a terminal has a number of its slave.
  if (terminal && ::ioctl(terminal.get(), TIOCGPTN, &number) != 0) {
    terminal.reset();
    error = ENOTTY;
  }
  return terminal;
}

}  // namespace

ExecStreams::ExecStreams(Kind kind) : kind_(kind) {
  if (kind == Kind::kGiven) return;
  if (kind == Kind::kPipes) {
    for (int file = 0; file < 3; ++file) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) Fail("pipe2");
      guest_[file] = Above(ends[file == 0 ? 0 : 1]);
      host_[file] = Above(ends[file == 0 ? 1 : 0]);
    }
  } else {
    has_size_ = ReadSize(size_);
    // Until it has its terminal.
    guest_[0] = Above(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!guest_[0]) Fail("open");
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) Fail("socketpair");
    inside_ = Above(ends[0]);
    outside_ = Above(ends[1]);
  }
  ended_ = Above(::eventfd(0, EFD_CLOEXEC));
  if (!ended_) Fail("eventfd");
}

ExecStreams::~ExecStreams() {
  for (std::thread& each : outputs_) {
    if (each.joinable()) each.detach();
  }
}

int ExecStreams::guest(int file) const {
  if (kind_ == Kind::kGiven) return file;
  return guest_[kind_ == Kind::kPipes ? file : 0].get();
}

bool ExecStreams::Enter() {
  if (kind_ != Kind::kTerminal) return true;
  const auto give_up = [this] {
    SendTerminal(inside_.get(), -1, errno);
    return false;
  };
  // Anything may be there under this name: nothing may make us wait.
  const UniqueFd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!master) return give_up();
  int unlocked = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) return give_up();
  const UniqueFd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return give_up();
  if (has_size_) ::ioctl(slave.get(), TIOCSWINSZ, &size_);
  if (::ioctl(slave.get(), TIOCSCTTY, 0) != 0) return give_up();
  if (!SendTerminal(inside_.get(), master.get(), 0)) return false;
  for (int file = 0; file < 3; ++file) ::dup2(slave.get(), file);
  return true;
}

bool ExecStreams::Join(const std::function<void()>& hang_up) {
  for (UniqueFd& each : guest_) each.reset();
  if (kind_ == Kind::kGiven) return true;
  if (kind_ == Kind::kTerminal) {
    inside_.reset();
    host_[0] = ReceiveTerminal(outside_.get(), error_);
    if (!host_[0]) return false;
    outputs_.emplace_back([this, hang_up] { Copy(host_[0].get(), 1, hang_up); });
  } else {
    for (const int file : {1, 2}) {
      // Who writes to what nobody reads is told by SIGPIPE.
      outputs_.emplace_back([this, file] { Copy(host_[file].get(), file, [this, file] { host_[file].reset(); }); });
    }
  }
  // Never waited for: it may read for ever what nobody types.
  std::thread([this] {
    Copy(0, host_[0].get(), [] {});
    if (kind_ == Kind::kPipes)
      host_[0].reset();
    else
      WriteAll(host_[0].get(), &kEndOfInput, 1);
  }).detach();
  return true;
}

std::string ExecStreams::reason() const { return ::strerror(error_); }

void ExecStreams::FollowSize() {
  has_size_ = ReadSize(size_);
  if (host_[0] && has_size_) ::ioctl(host_[0].get(), TIOCSWINSZ, &size_);
}

void ExecStreams::Drain() {
  if (!ended_) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(ended_.get(), &one, sizeof one);
  for (std::thread& each : outputs_) each.join();
  outputs_.clear();
}

// Passes on until there is no more, or, after the program's end, nothing at once.
void ExecStreams::Copy(int from, int to, const std::function<void()>& refused) {
  char bytes[65536];
  bool ended = false;
  for (;;) {
    struct pollfd events[] = {{from, POLLIN, 0}, {ended_.get(), POLLIN, 0}};
    const int ready = ::poll(events, ended ? 1 : 2, ended ? kDrainMs : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return;
    if (events[0].revents == 0) {
      ended = true;
      continue;
    }
    const ssize_t size = ::read(from, bytes, sizeof bytes);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) return;
    if (!WriteAll(to, bytes, static_cast<size_t>(size))) return refused();
  }
}

}  // namespace smartadm
