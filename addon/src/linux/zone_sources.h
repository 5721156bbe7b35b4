// What a zone has mounted of the host's file systems, seen by the host before the zone gets it.
#pragma once

#include <string>
#include <vector>

namespace smartadm {

// Mounts what the file `list` names onto places below `folder`, 0, 1 and so on, in a mount namespace of the caller's
// own that nothing else is kept busy by. Done by the host's root, since a zone's root neither gets through folders that
// are root's alone, nor can take back restrictions that were there before it. Without a list, nothing is done. Besides
// them and the system's own, only the file systems on the way to `zonepath` stay.
//
// A line is "FLAGS<tab>BASE<tab>PATH": FLAGS any of ro, nosuid, nodev, noexec, noatime, with commas; no symbolic link
// is followed in PATH below BASE, or BASE is empty. Throws NativeError.
void MountSources(const std::string& list, const std::string& folder, const std::string& zonepath);

// Lets go, in a mount namespace of the caller's own, of every file system that the zone's start has no use for: what is
// mounted there must be free to be unmounted elsewhere. Those on the way to `needed` and below, and what the kernel
// itself shows, stay.
void LetGo(const std::vector<std::string>& needed);

}  // namespace smartadm
