#include "core/native_error.h"

#include <cstring>
#include <system_error>
#include <utility>

namespace smartadm {
namespace {

std::string Describe(const std::string& operation, const std::string& subject, int error_number) {
  // Unlike strerror, safe on any thread.
  const std::string text = std::generic_category().message(error_number);
  return operation + (subject.empty() ? "" : " " + subject) + ": " + text;
}

}  // namespace

NativeError::NativeError(std::string library, std::string operation, int error_number, const std::string& subject)
    : library_(std::move(library)),
      operation_(std::move(operation)),
      code_(ErrnoName(error_number)),
      error_number_(error_number),
      message_(Describe(operation_, subject, error_number)) {}

NativeError::NativeError(std::string library, std::string operation, std::string code, int error_number,
                         std::string message)
    : library_(std::move(library)),
      operation_(std::move(operation)),
      code_(std::move(code)),
      error_number_(error_number),
      message_(std::move(message)) {}

std::string ErrnoName(int error_number) {
  const char* name = strerrorname_np(error_number);
  return name == nullptr ? "E" + std::to_string(error_number) : name;
}

}  // namespace smartadm
