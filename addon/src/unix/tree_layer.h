// What the layers of container images do to a tree that holds the layers below.
#pragma once

#include <sys/types.h>

#include <array>
#include <ctime>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "core/unique_fd.h"

namespace smartadm::tree {

// Paths are followed as from inside the tree, over its own links and never out of it. What a layer takes away is what
// was there before it, so it is remembered which objects and names are its own.
class Layer {
 public:
  explicit Layer(int root) : root_(root) {}

  // The folder at `path`, made with its parents where it is missing; empty means the root.
  UniqueFd Enter(const std::string& path);
  // Takes away what is in the way of a new object. Before a folder, a folder stays.
  void Clear(int folder, const std::string& name, bool before_folder);
  // Fine when it is there.
  void MakeFolder(int folder, const std::string& name);
  // One more name for what is at `target`, which is not followed when it is a symbolic link itself.
  void Link(const std::string& target, int folder, const std::string& name);
  // Takes away what the layers below have of that name. Fine when there is nothing.
  void Whiteout(int folder, const std::string& name);
  // Takes away what the layers below have in a folder.
  void Empty(int folder);
  // Fine when it is no folder any more.
  void SetFolderTimes(const std::string& path, const std::array<timespec, 2>& times) const;
  void Mark(ino_t object) { own_.insert(object); }

 private:
  UniqueFd Make(const std::string& path, int links);

  int root_;
  std::unordered_set<ino_t> own_;
  // Names that the layer has given to objects of the layers below, by folder.
  std::set<std::pair<ino_t, std::string>> names_;
};

}  // namespace smartadm::tree
