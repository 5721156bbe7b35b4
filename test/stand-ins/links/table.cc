#include "table.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace standin {
namespace {

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::optional<LinkEntry> ReadEntry(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  LinkEntry entry;
  entry.id = static_cast<datalink_id_t>(std::stoul(file.filename()));
  for (std::string line; std::getline(stream, line);) {
    const size_t equal = line.find('=');
    if (equal == std::string::npos) continue;
    const std::string name = line.substr(0, equal);
    const std::string value = line.substr(equal + 1);
    const auto number = [&] { return static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 0)); };
    if (name == "name") entry.name = value;
    if (name == "class") entry.class_ = static_cast<datalink_class_t>(number());
    if (name == "zone") entry.zone = value;
    if (name == "over") entry.over = number();
    if (name == "mac-type") entry.mac_type = std::atoi(value.c_str());
    if (name == "vid") entry.vid = static_cast<uint16_t>(number());
    if (name == "peer") entry.peer = number();
    if (name == "flags") entry.flags = number();
    if (name == "mac") {
      for (const std::string& byte : Split(value, ':')) {
        entry.mac.push_back(static_cast<uchar_t>(std::strtoul(byte.c_str(), nullptr, 16)));
      }
    }
    if (name.rfind("property.", 0) == 0) entry.properties[name.substr(9)] = Split(value, ',');
  }
  return entry;
}

}  // namespace

LinkTable::LinkTable(std::string root) : folder_(std::move(root) + "/system/links") {
  std::filesystem::create_directories(folder_);
  lock_ = ::open((folder_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX) != 0) std::abort();
}

LinkTable::~LinkTable() { ::close(lock_); }

std::vector<LinkEntry> LinkTable::All() const {
  std::vector<LinkEntry> all;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (auto entry = ReadEntry(file.path())) all.push_back(std::move(*entry));
  }
  std::sort(all.begin(), all.end(), [](const LinkEntry& a, const LinkEntry& b) { return a.id < b.id; });
  return all;
}

const LinkEntry* LinkTable::Find(datalink_id_t id) {
  auto entry = ReadEntry(folder_ + "/" + std::to_string(id));
  if (!entry) return nullptr;
  found_ = std::move(*entry);
  return &found_;
}

const LinkEntry* LinkTable::Find(const std::string& zone, const std::string& name) {
  for (LinkEntry& entry : All()) {
    if (entry.zone != zone || entry.name != name) continue;
    found_ = std::move(entry);
    return &found_;
  }
  return nullptr;
}

datalink_id_t LinkTable::Save(LinkEntry entry) {
  if (entry.id == 0) {
    for (const LinkEntry& each : All()) entry.id = std::max(entry.id, each.id);
    entry.id += 1;
  }
  std::ostringstream text;
  text << "name=" << entry.name << "\nclass=" << entry.class_ << "\nzone=" << entry.zone << "\nover=" << entry.over
       << "\nmac-type=" << entry.mac_type << "\nvid=" << entry.vid << "\npeer=" << entry.peer
       << "\nflags=" << entry.flags << "\nmac=";
  for (size_t i = 0; i < entry.mac.size(); ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, i == 0 ? "%02x" : ":%02x", entry.mac[i]);
    text << byte;
  }
  text << '\n';
  for (const auto& [name, values] : entry.properties) {
    text << "property." << name << '=';
    for (size_t i = 0; i < values.size(); ++i) text << (i == 0 ? "" : ",") << values[i];
    text << '\n';
  }
  std::ofstream(folder_ + "/" + std::to_string(entry.id)) << text.str();
  return entry.id;
}

void LinkTable::Remove(datalink_id_t id) { std::filesystem::remove(folder_ + "/" + std::to_string(id)); }

}  // namespace standin
