#include "monitor.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "../replay/json.h"

namespace {

using replay::Json;
using replay::ParseJson;
using replay::Quote;

struct Disk {
  std::string path;
  int64_t size;
};

struct Machine {
  std::string root;
  std::string processors = "1";
  std::vector<Disk> disks;
};

void Send(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t size = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (size <= 0) return;
    at += static_cast<size_t>(size);
  }
}

// The next line of what is sent; empty at its end.
std::string ReadLine(int fd) {
  std::string line;
  for (char c; ::read(fd, &c, 1) == 1;) {
    line += c;
    if (c == '\n') return line;
  }
  return "";
}

std::string TextBetween(const std::string& text, size_t from, const char* end) {
  const size_t to = text.find(end, from);
  return to == std::string::npos ? "" : text.substr(from, to - from);
}

// What the script gives the emulator, as far as the monitor tells of it.
Machine ReadScript(const std::string& root, const std::string& script) {
  Machine machine;
  machine.root = root;
  constexpr const char* kProcessors = "\"-smp\" \"";
  if (const size_t at = script.find(kProcessors); at != std::string::npos) {
    machine.processors = TextBetween(script, at + std::strlen(kProcessors), "\"");
  }
  constexpr const char* kDrive = "\"-drive\" \"file=";
  for (size_t at = script.find(kDrive); at != std::string::npos; at = script.find(kDrive, at + 1)) {
    machine.disks.push_back({TextBetween(script, at + std::strlen(kDrive), ",if="), 0});
  }
  return machine;
}

std::string Block(const Machine& machine) {
  std::string list;
  for (size_t i = 0; i < machine.disks.size(); ++i) {
    const Disk& disk = machine.disks[i];
    list += (i == 0 ? "" : ", ") + std::string("{\"device\": \"virtio") + std::to_string(i) +
            "\", \"locked\": false, \"removable\": false, \"type\": \"hd\", \"inserted\": {\"ro\": false, \"drv\": "
            "\"raw\", \"encrypted\": false, \"file\": " +
            Quote(disk.path) + ", \"image\": {\"virtual-size\": " + std::to_string(disk.size) + "}}}";
  }
  return "[" + list + "]";
}

std::string Processors(const Machine& machine) {
  std::string list;
  for (int i = 0; i < std::atoi(machine.processors.c_str()); ++i) {
    list += (i == 0 ? "" : ", ") + std::string("{\"CPU\": ") + std::to_string(i) +
            ", \"current\": " + (i == 0 ? "true" : "false") + ", \"halted\": false, \"pc\": 65520}";
  }
  return "[" + list + "]";
}

// What a command returns; empty for one that is not known.
std::string Obey(Machine& machine, const std::string& command, const Json& arguments) {
  if (command == "query-status") return R"({"running": true, "singlestep": false, "hwsetup": true})";
  if (command == "query-version") return R"({"qemu": {"micro": 1, "minor": 14, "major": 0}, "package": ""})";
  if (command == "query-kvm") return R"({"enabled": true, "present": true})";
  if (command == "query-chardev") return R"([{"label": "qmp", "filename": "unix:/tmp/vm.qmp,server"}])";
  if (command == "query-block") return Block(machine);
  if (command == "query-blockstats") return "[]";
  if (command == "query-cpus") return Processors(machine);
  if (command == "query-pci") return R"([{"bus": 0, "devices": []}])";
  if (command == "qmp_capabilities" || command == "system_powerdown" || command == "set_password") return "{}";
  if (command == "system_reset") return "{}";
  if (command == "human-monitor-command") {
    std::ofstream(machine.root + "/tmp/vm.human", std::ios::app) << arguments["command-line"].text << '\n';
    return "\"\"";
  }
  if (command == "screendump") {
    std::ofstream(machine.root + arguments["filename"].text) << "P6\n1 1\n255\n";
    return "{}";
  }
  if (command == "block_resize") {
    for (size_t i = 0; i < machine.disks.size(); ++i) {
      if (arguments["device"].text != "virtio" + std::to_string(i)) continue;
      machine.disks[i].size = arguments["size"].Integer();
      return "{}";
    }
  }
  return "";
}

void ServeMonitor(Machine machine, int door) {
  for (;;) {
    const int client = ::accept(door, nullptr, nullptr);
    Send(client, R"({"QMP": {"version": {"qemu": {"micro": 1, "minor": 14, "major": 0}}, "capabilities": []}})"
                 "\r\n");
    for (std::string line = ReadLine(client); !line.empty(); line = ReadLine(client)) {
      const Json request = ParseJson(line);
      const std::string command = request["execute"].text;
      const std::string id = request["id"].text;
      const std::string answer = Obey(machine, command, request["arguments"]);
      Send(client, answer.empty() ? R"({"error": {"class": "CommandNotFound", "desc": "The command )" + command +
                                        R"( has not been found"}, "id": )" + id + "}\r\n"
                                  : "{\"return\": " + answer + ", \"id\": " + id + "}\r\n");
      if (command == "system_powerdown" && ::access((machine.root + "/deaf").c_str(), F_OK) != 0) std::_Exit(0);
    }
    ::close(client);
  }
}

void ServeLine(int door) {
  for (;;) {
    const int client = ::accept(door, nullptr, nullptr);
    char buffer[4096];
    for (ssize_t size; (size = ::read(client, buffer, sizeof buffer)) > 0;) {
      Send(client, std::string(buffer, static_cast<size_t>(size)));
    }
    ::close(client);
  }
}

}  // namespace

namespace standin {

int ListenAt(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  std::strcpy(address.sun_path, path.c_str());
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 8) != 0) return -1;
  return fd;
}

bool StartMachine(const std::string& root) {
  if (::access((root + "/startvm").c_str(), X_OK) != 0) return false;
  std::ifstream file(root + "/startvm");
  const std::string script((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const int monitor = ListenAt(root + "/tmp/vm.qmp");
  const int line = ListenAt(root + "/tmp/vm.console");
  if (monitor < 0 || line < 0) return false;
  std::thread(ServeMonitor, ReadScript(root, script), monitor).detach();
  std::thread(ServeLine, line).detach();
  return true;
}

}  // namespace standin
