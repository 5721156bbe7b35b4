// What trees need of the system, and systems do in ways of their own.
#pragma once

#include <sys/types.h>

#include <string>

#include "unix/tree.h"

namespace smartadm::tree {

// The folder at `path` below `root`, or `root` itself when empty: neither up, nor over symbolic links or mounts. -1
// with errno.
int OpenBeneath(int root, const std::string& path);

// The same as a process sees it whose root is `root`: links on the way are followed inside it, and no way leads out.
// What is at the end is followed, too, unless told otherwise.
int OpenInRoot(int root, const std::string& path, bool follows_last = true);

// The length stays.
void PunchHole(int file, off_t offset, off_t size);

// Throws EEXIST when the new name is taken.
void MoveToFree(int from, const std::string& old_name, int to, const std::string& new_name);

// Of what is in `folder`, which is not followed when it is a link, or, without a name, of the folder. 0 or an errno.
int SetAttribute(int folder, const std::string& name, const std::string& key, Bytes value);

// Takes away those that belong to the content, not to the machine that it lies on.
void ClearAttributes(int folder, const std::string& name);

// What is made in `folder` gets nothing from it.
void ForgetInheritance(int folder);

}  // namespace smartadm::tree
