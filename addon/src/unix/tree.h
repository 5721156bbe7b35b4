// Writes below one folder and nowhere else: every name is resolved beneath it, without symbolic links.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/native_error.h"
#include "core/unique_fd.h"

namespace smartadm::tree {

using Bytes = std::span<const uint8_t>;

// An attribute that the filesystem does not take: the command's position in the list, and the errno.
struct Refusal {
  uint32_t command;
  int error;
};

// Whether all lists so far have run to their ends. What follows one that has not was built for another state.
class Health {
 public:
  template <typename Run>
  auto Guard(Run run) {
    if (!sound_) throw NativeError("tree", "run", ECANCELED, "a list after one that failed");
    sound_ = false;
    auto result = run();
    sound_ = true;
    return result;
  }

 private:
  bool sound_ = true;
};

class Layer;

// A folder that is filled by lists of commands. Objects without a name yet wait in `stage`, a folder inside it, under
// their number.
class Tree {
 public:
  // Makes the stage. `path` must be a folder, not a link to one.
  Tree(const std::string& path, const std::string& stage);
  // Takes the commands of layers; there is no stage.
  explicit Tree(const std::string& path);
  ~Tree();

  // Runs the commands of `list` in order; data of writes lies in `buffers`. Throws at the first that fails, but for
  // extended attributes, whose refusals it returns; after a failure nothing is run any more (ECANCELED). One list at a
  // time.
  std::vector<Refusal> Run(Bytes list, const std::vector<Bytes>& buffers);

 private:
  class Commands;

  void MakeStage();

  Health health_;
  UniqueFd root_;
  std::string stage_name_;
  UniqueFd stage_;
  std::unique_ptr<Layer> layer_;
  // Where names are looked up, and the file that is written.
  UniqueFd folder_;
  UniqueFd content_;
};

// A file that takes the commands on content only: a volume. Made when missing.
class ContentFile {
 public:
  explicit ContentFile(const std::string& path);
  // As that of a tree.
  std::vector<Refusal> Run(Bytes list, const std::vector<Bytes>& buffers);

 private:
  Health health_;
  UniqueFd file_;
};

}  // namespace smartadm::tree
