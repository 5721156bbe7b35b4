// zone-lease: gets an address for a vnic of a running zone from a DHCP server, and keeps it as long as the zone runs.
//
// The protocol is left to udhcpc(8), which runs in the zone's network namespace, with the host's files, as nobody. What
// it is told is read here from the answers that pass the host's end of the vnic (dhcp_replies.h): they set address and
// default route of the zone, and the one thing that matters to others, what its guard lets through.
//
// Usage: zone-lease INIT-PID PHYSICAL LINK MAC FILES TABLE LOCK ROUTE ROUTES
//
//   LINK   the vnic's end on the host
//   FILES  path that the names of its files begin with:
//     FILES.client  locked (fcntl) as long as it runs; holds its pid
//     FILES.lease   what is leased, the latest first, a line each: "ADDRESS/LENGTH ROUTER SERVER,SERVER...", - for none
//   TABLE  nft table of the guard
//   LOCK   file that whoever changes the guard locks
//   ROUTE  whose address the zone's default route leads by, unless the zone has one: "lease" for the server's router,
//          an address for that one, "none" for no route; "watch" where the guest has a client of its own, and none is
//          run
//   ROUTES file with the zone's other routes (zone_routes.h): an address may be what they wait for
//
// Ends with status 0 once the client runs, which goes on in the background: until the zone's init has ended, or the
// vnic has gone, or SIGTERM. Otherwise with one line on standard output that says why and status 1, 3 when there is no
// udhcpc.

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/native_error.h"
#include "core/unique_fd.h"
#include "linux/background.h"
#include "linux/child_program.h"
#include "linux/dhcp_replies.h"
#include "linux/leases.h"

namespace smartadm {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kNoClient = 3;
constexpr const char* kWatch = "watch";
constexpr int64_t kRestartMs = 2000;
constexpr auto kPredecessorPoll = std::chrono::milliseconds(5);
constexpr int kPredecessorPolls = 1000;

// Leaves this process what a DHCP client needs of the kernel, and nothing else of root.
bool BecomeClient() {
  constexpr int kNeeded[] = {CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST};
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0) return false;
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return false;
  uint32_t bits = 0;
  for (const int each : kNeeded) bits |= 1U << each;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {{bits, bits, bits}, {0, 0, 0}};
  if (::syscall(SYS_capset, &header, data) != 0) return false;
  for (const int each : kNeeded) {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0) != 0) return false;
  }
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// udhcpc in the zone's network namespace. Ends with this process, whatever happens to that.
class Client {
 public:
  Client(const LeasingVnic& vnic, int net, std::string program)
      : vnic_(vnic), net_(net), program_(std::move(program)), parent_(::getpid()) {}
  ~Client() { Stop(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `wanted` is the address to ask for; empty for any.
  void Start(const std::string& wanted) {
    // It asks four times, rests five seconds, and so on. It calls nothing when it has an answer: we see that ourselves.
    std::vector<std::string> arguments = {"udhcpc", "-f", "-i", vnic_.physical, "-s", "/bin/true", "-t",
                                          "4",      "-T", "2",  "-A",           "5"};
    if (!wanted.empty()) arguments.insert(arguments.end(), {"-r", wanted});
    pid_ = StartProgram(program_, arguments, [this] {
      if (::setns(net_, CLONE_NEWNET) != 0 || !BecomeClient()) return false;
      // Forgotten by the kernel at a change of user, so set after it.
      return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == parent_;
    });
    restart_ms_ = pid_ > 0 ? INT64_MAX : NowMs() + kRestartMs;
  }

  // To be called when a child has ended.
  void Reap() {
    if (pid_ <= 0 || ::waitpid(pid_, nullptr, WNOHANG) != pid_) return;
    pid_ = 0;
    restart_ms_ = NowMs() + kRestartMs;
  }

  // When to start it again.
  int64_t RestartMs() const { return restart_ms_; }

 private:
  void Stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    WaitForProgram(pid_);
  }

  const LeasingVnic& vnic_;
  const int net_;
  const std::string program_;
  const pid_t parent_;
  pid_t pid_ = 0;
  int64_t restart_ms_ = INT64_MAX;
};

bool HasEnded(int process) {
  struct pollfd ended = {process, POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

// One client for a vnic: waits for that of the zone's last run, whose init has ended.
UniqueFd LockClientFile(const LeasingVnic& vnic) {
  const std::string file = vnic.files + ".client";
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) throw NativeError("libc", "open", errno, file);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  for (int polls = 0; ::fcntl(fd.get(), F_SETLK, &lock) != 0; ++polls) {
    if (polls == kPredecessorPolls) throw NativeError("libc", "fcntl", errno, file);
    std::this_thread::sleep_for(kPredecessorPoll);
  }
  if (::ftruncate(fd.get(), 0) != 0) throw NativeError("libc", "ftruncate", errno, file);
  ::dprintf(fd.get(), "%d\n", static_cast<int>(::getpid()));
  return fd;
}

void ReadReplies(int socket, const LeasingVnic& vnic, Leases& leases) {
  uint8_t frame[2048];
  ssize_t size;
  while ((size = ::recv(socket, frame, sizeof frame, 0)) >= 0 || errno == EINTR) {
    if (size < 0) continue;
    const auto reply = dhcp::ReadReply(frame, static_cast<size_t>(size), vnic.mac);
    if (reply) leases.Take(*reply);
  }
}

void Keep(const LeasingVnic& vnic, const std::string& program, int report) {
  const UniqueFd init(static_cast<int>(::syscall(SYS_pidfd_open, vnic.init, 0)));
  if (!init) throw NativeError("libc", "pidfd_open", errno, std::to_string(vnic.init));
  const std::string path = "/proc/" + std::to_string(vnic.init) + "/ns/net";
  const UniqueFd net(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!net) throw NativeError("libc", "open", errno, path);
  // Not of a stranger who got the number since.
  if (HasEnded(init.get())) throw NativeError("libc", "pidfd_open", ESRCH, std::to_string(vnic.init));
  const UniqueFd lock = LockClientFile(vnic);
  const UniqueFd replies = dhcp::WatchReplies(vnic.link);
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&watched, signal);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  Leases leases(vnic, net.get());
  Client client(vnic, net.get(), program);
  // What the zone had before its last reboot is no longer its own, but likely to be given again.
  const std::string latest = leases.Inherit();
  if (vnic.route != kWatch) client.Start(latest);
  [[maybe_unused]] const ssize_t written = ::write(report, "running\n", 8);

  struct pollfd events[] = {{init.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}, {replies.get(), POLLIN, 0}};
  for (;;) {
    const int64_t next = std::min(leases.NextEndMs(), client.RestartMs());
    const int64_t left = next == INT64_MAX ? -1 : std::clamp<int64_t>(next - NowMs(), 0, 3'600'000);
    if (::poll(events, std::size(events), static_cast<int>(left)) < 0 && errno != EINTR) return;
    if (events[0].revents != 0) return;
    struct signalfd_siginfo signal = {};
    while (::read(signals.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
      if (signal.ssi_signo != SIGCHLD) return;
      client.Reap();
    }
    ReadReplies(replies.get(), vnic, leases);
    if ((events[2].revents & POLLERR) != 0 && ::if_nametoindex(vnic.link.c_str()) == 0) return;
    leases.Expire();
    if (client.RestartMs() <= NowMs()) client.Start("");
  }
}

int Fail(const std::string& why, int status = 1) {
  std::printf("%s\n", why.c_str());
  return status;
}

int Main(const LeasingVnic& vnic) {
  const std::string program = FindProgram("udhcpc");
  if (program.empty() && vnic.route != kWatch) return Fail("there is no program udhcpc", kNoClient);
  const std::string outcome = InBackground([&](int report) { Keep(vnic, program, report); });
  return outcome == "running" ? 0 : Fail(outcome.empty() ? "it was killed" : outcome);
}

bool ReadMac(const char* text, dhcp::Mac& mac) {
  unsigned bytes[6];
  int end = 0;
  const int count = std::sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                                &bytes[4], &bytes[5], &end);
  if (count != 6 || text[end] != '\0') return false;
  std::copy(std::begin(bytes), std::end(bytes), mac.begin());
  return true;
}

}  // namespace
}  // namespace smartadm

int main(int argc, char** argv) {
  smartadm::LeasingVnic vnic;
  const char* end = argc > 1 ? argv[1] + std::strlen(argv[1]) : nullptr;
  if (argc != 10 || std::from_chars(argv[1], end, vnic.init).ptr != end || vnic.init < 1 ||
      !smartadm::ReadMac(argv[4], vnic.mac)) {
    std::fputs("usage: zone-lease INIT-PID PHYSICAL LINK MAC FILES TABLE LOCK ROUTE ROUTES\n", stdout);
    return 2;
  }
  vnic.physical = argv[2];
  vnic.link = argv[3];
  vnic.files = argv[5];
  vnic.table = argv[6];
  vnic.lock = argv[7];
  vnic.route = argv[8];
  vnic.routes = argv[9];
  try {
    return smartadm::Main(vnic);
  } catch (const std::exception& error) {
    return smartadm::Fail(error.what());
  }
}
