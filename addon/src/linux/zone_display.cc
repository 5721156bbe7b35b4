// zone-display: lets people reach a display of a zone by TCP. What connects to it is joined to a socket of the zone.
//
// It runs beside the zone, in the host's network, so that the emulator, which may be the guest's one day, has no end in
// there. With no right of root from the moment it listens.
//
// Usage: zone-display INIT-PID FOLDER SOCKET ADDRESS PORT USER FILE
//
//   FOLDER  of the zone, with the socket of that name in it
//   PORT    0 for any
//   USER    id that it runs under, which the socket belongs to
//   FILE    locked (fcntl) as long as it runs; holds "PID ADDRESS PORT"
//
// Ends with status 0 once it listens, and goes on in the background until the zone's init has ended, or SIGTERM.
// Otherwise with one line on standard output that says why, and status 1.

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/native_error.h"
#include "core/unique_fd.h"
#include "linux/background.h"

namespace smartadm {
namespace {

// More viewers at once than anybody has.
constexpr size_t kMostViewers = 64;

struct Display {
  pid_t init = 0;
  std::string folder;
  std::string socket;
  std::string address;
  uint16_t port = 0;
  uid_t user = 0;
  std::string file;
};

[[noreturn]] void Fail(const char* operation, const std::string& subject, int error = errno) {
  throw NativeError("libc", operation, error, subject);
}

// What has come from one end and is not yet taken by the other.
class Direction {
 public:
  bool IsEmpty() const { return start_ == end_; }
  bool HasEnded() const { return ended_; }

  // False when the connection is of no more use.
  bool Read(int fd) {
    const ssize_t size = ::recv(fd, data_.data(), data_.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    start_ = 0;
    end_ = static_cast<size_t>(size);
    ended_ = size == 0;
    return true;
  }

  bool Write(int fd) {
    const ssize_t size = ::send(fd, data_.data() + start_, end_ - start_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    start_ += static_cast<size_t>(size);
    return true;
  }

 private:
  std::array<uint8_t, 65536> data_;
  size_t start_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

// A viewer, and its connection to the zone.
class Viewer {
 public:
  Viewer(UniqueFd outer, UniqueFd inner) : outer_(std::move(outer)), inner_(std::move(inner)) {}

  void Watch(std::vector<pollfd>& events) const {
    events.push_back({outer_.get(), Wanted(in_, out_), 0});
    events.push_back({inner_.get(), Wanted(out_, in_), 0});
  }

  // False when it is over.
  bool Serve(const pollfd& outer, const pollfd& inner) {
    if (((outer.revents | inner.revents) & (POLLERR | POLLNVAL)) != 0) return false;
    return Move(outer, inner, in_) && Move(inner, outer, out_);
  }

 private:
  // Reads of an end only what the other has room for.
  static short Wanted(const Direction& from, const Direction& to) {
    return static_cast<short>((from.IsEmpty() && !from.HasEnded() ? POLLIN : 0) | (to.IsEmpty() ? 0 : POLLOUT));
  }

  static bool Move(const pollfd& from, const pollfd& to, Direction& direction) {
    if (direction.IsEmpty() && (from.revents & (POLLIN | POLLHUP)) != 0 && !direction.Read(from.fd)) return false;
    // Neither protocol has a use for a half of a connection.
    if (direction.HasEnded()) return false;
    return direction.IsEmpty() || direction.Write(to.fd);
  }

  UniqueFd outer_;
  UniqueFd inner_;
  Direction in_;
  Direction out_;
};

UniqueFd Listen(const std::string& address, uint16_t port) {
  sockaddr_in6 six = {};
  sockaddr_in four = {};
  const bool is_six = address.find(':') != std::string::npos;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  void* const place = is_six ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr;
  if (::inet_pton(is_six ? AF_INET6 : AF_INET, address.c_str(), place) != 1) Fail("inet_pton", address, EINVAL);
  UniqueFd fd(::socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) Fail("socket", address);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto* name = is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  if (::bind(fd.get(), name, is_six ? sizeof six : sizeof four) != 0 || ::listen(fd.get(), 16) != 0) {
    Fail("bind", address + " port " + std::to_string(port));
  }
  return fd;
}

uint16_t PortOf(int fd) {
  sockaddr_storage name = {};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) Fail("getsockname", "");
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

// The zone's socket, not what a link of that name leads to.
UniqueFd Connect(int folder, const std::string& name) {
  const UniqueFd file(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found = {};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISSOCK(found.st_mode)) return UniqueFd();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file.get());
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

void DropRights(uid_t user) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
    Fail("setresuid", std::to_string(user));
  }
  // With them go all capabilities, of which nothing is to come back.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail("prctl", "PR_SET_NO_NEW_PRIVS");
}

void Serve(int listener, int folder, const std::string& socket, int init, int signals) {
  std::vector<std::unique_ptr<Viewer>> viewers;
  std::vector<pollfd> events;
  for (;;) {
    const bool has_room = viewers.size() < kMostViewers;
    events.assign({{init, POLLIN, 0}, {signals, POLLIN, 0}, {has_room ? listener : -1, POLLIN, 0}});
    for (const auto& each : viewers) each->Watch(events);
    if (::poll(events.data(), events.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (events[0].revents != 0 || events[1].revents != 0) return;
    size_t at = 3;
    std::erase_if(viewers, [&](const std::unique_ptr<Viewer>& each) {
      const bool goes_on = each->Serve(events[at], events[at + 1]);
      at += 2;
      return !goes_on;
    });
    if (events[2].revents == 0) continue;
    UniqueFd outer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!outer) continue;
    const int on = 1;
    ::setsockopt(outer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    UniqueFd inner = Connect(folder, socket);
    if (inner) viewers.push_back(std::make_unique<Viewer>(std::move(outer), std::move(inner)));
  }
}

UniqueFd LockFile(const std::string& file) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) Fail("open", file);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  if (::fcntl(fd.get(), F_SETLK, &lock) != 0) Fail("fcntl", file);
  return fd;
}

void Keep(const Display& display, int report) {
  const UniqueFd init(static_cast<int>(::syscall(SYS_pidfd_open, display.init, 0)));
  if (!init) Fail("pidfd_open", std::to_string(display.init));
  const UniqueFd folder(::open(display.folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) Fail("open", display.folder);
  const UniqueFd lock = LockFile(display.file);
  const UniqueFd listener = Listen(display.address, display.port);
  if (::ftruncate(lock.get(), 0) != 0) Fail("ftruncate", display.file);
  ::dprintf(lock.get(), "%d %s %u\n", static_cast<int>(::getpid()), display.address.c_str(),
            unsigned{PortOf(listener.get())});
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&watched, signal);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  DropRights(display.user);
  [[maybe_unused]] const ssize_t written = ::write(report, "listening\n", 10);
  Serve(listener.get(), folder.get(), display.socket, init.get(), signals.get());
}

int Main(const Display& display) {
  const std::string outcome = InBackground([&display](int report) { Keep(display, report); });
  if (outcome == "listening") return 0;
  std::printf("%s\n", outcome.empty() ? "it was killed" : outcome.c_str());
  return 1;
}

template <typename Integer>
bool ReadNumber(const char* text, Integer least, Integer& value) {
  const char* end = text + std::strlen(text);
  return std::from_chars(text, end, value).ptr == end && end != text && value >= least;
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  smartadm::Display display;
  if (argc != 8 || !smartadm::ReadNumber(argv[1], 1, display.init) ||
      !smartadm::ReadNumber<uint16_t>(argv[5], 0, display.port) ||
      !smartadm::ReadNumber<uid_t>(argv[6], 1, display.user)) {
    std::fputs("usage: zone-display INIT-PID FOLDER SOCKET ADDRESS PORT USER FILE\n", stdout);
    return 2;
  }
  display.folder = argv[2];
  display.socket = argv[3];
  display.address = argv[4];
  display.file = argv[7];
  try {
    return smartadm::Main(display);
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
