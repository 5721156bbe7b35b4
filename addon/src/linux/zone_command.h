// The command that a zone runs instead of an init of its image, and how: records that end with a zero byte, `arg VALUE`
// for each of its words, `KEY VALUE` for items of liblxc's configuration, which can stand in no line of its file.
#pragma once

#include <lxc/lxccontainer.h>

#include <fstream>
#include <string>
#include <vector>

namespace smartadm {

class ZoneCommand {
 public:
  // Without a file there is none.
  explicit ZoneCommand(const std::string& file) {
    std::ifstream records(file, std::ios::binary);
    for (std::string record; std::getline(records, record, '\0');) {
      const size_t blank = record.find(' ');
      if (blank == std::string::npos) continue;
      const std::string key = record.substr(0, blank);
      std::string value = record.substr(blank + 1);
      if (key == "arg") {
        words_.push_back(std::move(value));
      } else {
        items_.emplace_back(key, std::move(value));
      }
    }
  }

  explicit operator bool() const { return !words_.empty(); }

  bool Configure(lxc_container* container) const {
    for (const auto& [key, value] : items_) {
      if (!container->set_config_item(container, key.c_str(), value.c_str())) return false;
    }
    return true;
  }

  // As exec wants them; they point into this object.
  std::vector<char*> Arguments() {
    std::vector<char*> arguments;
    for (std::string& word : words_) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    return arguments;
  }

 private:
  std::vector<std::string> words_;
  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace smartadm
