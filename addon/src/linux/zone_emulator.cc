// zone-emulator: the first program in the zone of an emulator, which it becomes.
//
// liblxc has the kernel end a zone's init together with its monitor, but then makes it another user, and with that the
// kernel forgets. So it is said again here.
//
// Usage: zone-emulator MONITOR PROGRAM ARGUMENT...
//
//   MONITOR  descriptor of the monitor's process, which is closed
//
// Linked with nothing, since in there is nothing but what the emulator itself needs.

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int monitor = std::atoi(argv[1]);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    std::perror("prctl");
    return 1;
  }
  // It may have ended before.
  struct pollfd ended = {monitor, POLLIN, 0};
  if (::poll(&ended, 1, 0) != 0) return 1;
  ::close(monitor);
  ::execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 127;
}
