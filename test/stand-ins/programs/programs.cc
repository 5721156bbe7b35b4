// Stands for programs of the platform that work on zones, on the stand-ins for the libraries: which one says the name
// it is called by. They lie below the root that they work on.
//   /usr/lib/zones/zoneadmd -z ZONE                begins to serve the zone's door
//   /usr/sbin/zlogin -Q ZONE WORD…                 runs a command line here, but shutdown(8) and its like on the zone
//   /usr/sbin/bhyvectl --vm=NAME OPTION            writes down what it has been asked for, in system/bhyvectl
//   /usr/sbin/mount -F lofs -o OPTIONS FROM TO     writes down that it is mounted, in system/lofs
//   /usr/sbin/umount TO                            takes that away
//   /usr/sbin/zoneadm -z ZONE install|uninstall    as the brands of SmartOS do it, see install.cc
#include <door.h>
#include <fcntl.h>
#include <libzonecfg.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "programs.h"

namespace {

std::string DoorOf(const std::string& zone) {
  return std::string(std::getenv("SMARTADM_STAND_IN_ROOT")) + ZONES_TMPDIR "/" + zone + ".zoneadmd_door";
}

int Serve(const std::string& zone) {
  zone_state_t state;
  if (zone_get_state(const_cast<char*>(zone.c_str()), &state) != Z_OK) {
    std::fprintf(stderr, "zone '%s': No such zone configured\n", zone.c_str());
    return 1;
  }
  std::filesystem::create_directories(std::filesystem::path(DoorOf(zone)).parent_path());
  std::ofstream(DoorOf(zone)).flush();
  return 0;
}

// Has the zone's daemon do what a program inside has asked the kernel for.
int Move(const std::string& zone, zone_cmd_t command) {
  Serve(zone);
  const int door = ::open(DoorOf(zone).c_str(), O_RDONLY | O_CLOEXEC);
  zone_cmd_arg_t request = {};
  request.cmd = command;
  char reply[4096];
  door_arg_t arguments = {};
  arguments.data_ptr = reinterpret_cast<char*>(&request);
  arguments.data_size = sizeof request;
  arguments.rbuf = reply;
  arguments.rsize = sizeof reply;
  return door_call(door, &arguments) == 0 ? 0 : 1;
}

// The words of a command line whose words are in single quotes.
std::vector<std::string> WordsOf(const std::string& line) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : line) {
    if (c == '\'') {
      if (!inside) words.emplace_back();
      inside = !inside;
    } else if (inside) {
      words.back() += c;
    }
  }
  return words;
}

int LogIn(const std::string& zone, const std::vector<std::string>& rest) {
  if (getzoneidbyname(zone.c_str()) <= 0) {
    std::fprintf(stderr, "zlogin: login allowed only to running zones (%s is not).\n", zone.c_str());
    return 1;
  }
  std::string line;
  for (const std::string& word : rest) line += (line.empty() ? "" : " ") + word;
  const std::vector<std::string> words = WordsOf(line);
  const std::string program = words.empty() ? "" : std::filesystem::path(words[0]).filename().string();
  if (program == "shutdown" || program == "poweroff" || program == "reboot") {
    bool again = program == "reboot";
    for (size_t i = 1; i < words.size(); ++i) again = again || words[i] == "-r" || words[i] == "6";
    return Move(zone, again ? Z_REBOOT : Z_HALT);
  }
  ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
  return 126;
}

// What is mounted of lofs, a line each: target, source, options.
std::string LofsTable() { return std::string(std::getenv("SMARTADM_STAND_IN_ROOT")) + "/system/lofs"; }

int Mount(const std::string& options, const std::string& source, const std::string& target) {
  // Its snapshots are no folders here.
  if (!std::filesystem::is_directory(target)) {
    std::fprintf(stderr, "mount: Mount point %s does not exist.\n", target.c_str());
    return 33;
  }
  std::ofstream(LofsTable(), std::ios::app) << target << '\t' << source << '\t' << options << '\n';
  return 0;
}

int Unmount(const std::string& target) {
  std::string left;
  bool found = false;
  std::ifstream table(LofsTable());
  for (std::string line; std::getline(table, line);) {
    if (line.rfind(target + '\t', 0) == 0) {
      found = true;
    } else {
      left += line + '\n';
    }
  }
  if (!found) {
    std::fprintf(stderr, "umount: warning: %s not in mnttab\numount: %s not mounted\n", target.c_str(), target.c_str());
    return 1;
  }
  std::ofstream(LofsTable()) << left;
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const std::string self = values[0];
  const std::vector<std::string> arguments(values + 1, values + count);
  for (const std::string path : {"/usr/lib/zones/zoneadmd", "/usr/sbin/bhyvectl", "/usr/sbin/zlogin",
                                 "/usr/sbin/zoneadm", "/usr/sbin/umount", "/usr/sbin/mount"}) {
    if (self.size() <= path.size() || self.compare(self.size() - path.size(), path.size(), path) != 0) continue;
    ::setenv("SMARTADM_STAND_IN_ROOT", self.substr(0, self.size() - path.size()).c_str(), 1);
    if (path == "/usr/lib/zones/zoneadmd" && arguments.size() == 2) return Serve(arguments[1]);
    if (path == "/usr/sbin/bhyvectl" && arguments.size() == 2) {
      std::ofstream file(self.substr(0, self.size() - path.size()) + "/system/bhyvectl", std::ios::app);
      file << arguments[0] << ' ' << arguments[1] << '\n';
      return 0;
    }
    if (path == "/usr/sbin/mount" && arguments.size() == 6) return Mount(arguments[3], arguments[4], arguments[5]);
    if (path == "/usr/sbin/umount" && arguments.size() == 1) return Unmount(arguments[0]);
    if (path == "/usr/sbin/zlogin" && arguments.size() > 2) {
      return LogIn(arguments[1], {arguments.begin() + 2, arguments.end()});
    }
    if (path == "/usr/sbin/zoneadm" && arguments.size() > 2) {
      return standin::Zoneadm(arguments[1], arguments[2], {arguments.begin() + 3, arguments.end()});
    }
  }
  std::fprintf(stderr, "%s: not a program that is known here, or not in this way\n", values[0]);
  return 2;
}
