// Stands for the init of a zone, and for the console that zoneadmd keeps for it: takes signals as init does, lets one
// at a time in at the console's socket, and sends back what it is sent. Arguments: the socket's path, the zone's brand,
// and its root. In a zone of brand kvm it is the emulator as well; of brand bhyve, a guest that does not heed SIGTERM
// where the root holds a file `deaf`.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "monitor.h"

namespace {

// `IDENT LOCALE FLAGS` and the end of the line.
bool ReadGreeting(int fd) {
  std::string line;
  for (char c; line.size() < 128 && ::read(fd, &c, 1) == 1;) {
    if (c == '\n') return line.rfind("IDENT ", 0) == 0;
    line += c;
  }
  return false;
}

void Answer(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) std::perror("write");
}

}  // namespace

int main(int, char** arguments) {
  const std::string brand = arguments[2];
  const std::string root = arguments[3];
  const int door = standin::ListenAt(arguments[1]);
  if (door < 0 || (brand == "kvm" && !standin::StartMachine(root))) return 1;
  if (brand == "bhyve" && ::access((root + "/deaf").c_str(), F_OK) == 0) std::signal(SIGTERM, SIG_IGN);
  int client = -1;
  for (;;) {
    pollfd fds[] = {{door, POLLIN, 0}, {client, POLLIN, 0}};
    if (::poll(fds, client < 0 ? 1 : 2, -1) < 0) return 1;
    if ((fds[0].revents & POLLIN) != 0) {
      const int next = ::accept(door, nullptr, nullptr);
      if (!ReadGreeting(next)) {
        ::close(next);
      } else if (client >= 0) {
        Answer(next, std::to_string(::getpid()) + "\n");
        ::close(next);
      } else {
        client = next;
        Answer(client, "OK\n");
      }
    }
    if (client >= 0 && fds[1].revents != 0) {
      char buffer[4096];
      const ssize_t length = ::read(client, buffer, sizeof buffer);
      if (length <= 0) {
        ::close(client);
        client = -1;
        continue;
      }
      // As a terminal does: a carriage return before each new line.
      std::string echo;
      for (ssize_t i = 0; i < length; ++i) echo += buffer[i] == '\n' ? "\r\n" : std::string(1, buffer[i]);
      Answer(client, echo);
    }
  }
}
