// An owning pointer to a C object, given the library's function that frees it: `Owned<char, free>`.
#pragma once

#include <memory>

namespace smartadm {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

template <typename T, auto Free>
using Owned = std::unique_ptr<T, FreedBy<Free>>;

}  // namespace smartadm
