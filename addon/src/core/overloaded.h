// One function for each alternative of a variant, for std::visit.
#pragma once

namespace smartadm {

template <class... Visits>
struct Overloaded : Visits... {
  using Visits::operator()...;
};

}  // namespace smartadm
