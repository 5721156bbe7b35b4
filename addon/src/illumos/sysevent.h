// State changes of zones, as the kernel and libzonecfg publish them, by libsysevent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace smartadm::sysevent {

struct ZoneEvent {
  // `change` or `restart`.
  std::string what;
  std::string zone;
  // Empty: there was, or is, no such zone. Of `restart` both are.
  std::string before, after;
  // -1 from libzonecfg.
  int32_t zone_id;
  // Nanoseconds since the epoch.
  uint64_t when;
};

// Throws NativeError when the libraries are not there.
void OpenLibrary();
std::vector<std::string> MissingFunctions();

// Listens until it is destroyed; after that `listener` is called no more.
class Subscription {
 public:
  // `listener` is called on a thread of the library, one event at a time, and must not throw. Throws NativeError with
  // the errno's name.
  explicit Subscription(std::function<void(ZoneEvent)> listener);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

 private:
  struct Channel;
  std::unique_ptr<Channel> channel_;
};

}  // namespace smartadm::sysevent
