// The one error type of the addons' plain C++: which library, doing what, to which object, failed how.
#pragma once

#include <exception>
#include <string>

namespace smartadm {

class NativeError : public std::exception {
 public:
  // A failed system call, or library call that reports by errno. `subject` names the object: a path, a pid, a link.
  NativeError(std::string library, std::string operation, int error_number, const std::string& subject = {});

  // A failure of a library that has codes of its own; `code` is the constant's name, `error_number` its value or an
  // errno.
  NativeError(std::string library, std::string operation, std::string code, int error_number, std::string message);

  const char* what() const noexcept override { return message_.c_str(); }

  // Symbolic: `ENOENT`, `EZFS_BUSY`, `Z_NO_ZONE`.
  const std::string& code() const noexcept { return code_; }
  int error_number() const noexcept { return error_number_; }
  const std::string& library() const noexcept { return library_; }
  // The call that failed: `open`, `BTRFS_IOC_SUBVOL_CREATE`.
  const std::string& operation() const noexcept { return operation_; }

 private:
  std::string library_;
  std::string operation_;
  std::string code_;
  int error_number_;
  std::string message_;
};

// `ENOENT` for 2; `E` and the number where there is no name.
std::string ErrnoName(int error_number);

}  // namespace smartadm
