// A stand-in for libsysevent, for the one channel on which zones tell of their states: the lines of `system/events`, as
// the stand-in for libzonecfg writes them, that come after a subscription. `system/sysevent-refuse` holds the errno
// that the next calls fail with.
#include <libsysevent.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>

namespace {

struct Event {
  std::string zone, before, after;
};

struct ChannelState {
  std::atomic<bool> stop = false;
  std::thread thread;
  std::string id;
};

std::string Root() {
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || root[0] != '/') std::abort();
  return root;
}

int Refused() {
  std::ifstream file(Root() + "/system/sysevent-refuse");
  int error = 0;
  file >> error;
  return error;
}

void Watch(ChannelState* channel, std::streamoff from, int (*callback)(sysevent_t*, void*), void* data) {
  const std::string path = Root() + "/system/events";
  while (!channel->stop) {
    std::ifstream file(path);
    file.seekg(from);
    for (std::string line; !channel->stop && std::getline(file, line) && !file.eof();) {
      from = file.tellg();
      const size_t first = line.find('\t');
      const size_t second = line.find('\t', first + 1);
      if (second == std::string::npos) continue;
      Event event = {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
      callback(reinterpret_cast<sysevent_t*>(&event), data);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

int sysevent_evc_bind(const char* name, evchan_t** channel, uint32_t) {
  if (const int error = Refused(); error != 0) return error;
  if (std::strcmp(name, ZONE_EVENT_CHANNEL) != 0) return EINVAL;
  *channel = new ChannelState;
  return 0;
}

int sysevent_evc_unbind(evchan_t* channel) {
  auto* state = static_cast<ChannelState*>(channel);
  // Who leaves a subscription behind would have it called on freed memory.
  if (!state->id.empty()) std::abort();
  delete state;
  return 0;
}

int sysevent_evc_subscribe(evchan_t* channel, const char* id, const char*, int (*callback)(sysevent_t*, void*),
                           void* data, uint32_t) {
  if (std::strlen(id) > 15) return EINVAL;
  std::ifstream file(Root() + "/system/events", std::ios::ate);
  const std::streamoff from = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  auto* state = static_cast<ChannelState*>(channel);
  state->id = id;
  state->thread = std::thread(Watch, state, from, callback, data);
  return 0;
}

int sysevent_evc_unsubscribe(evchan_t* channel, const char* id) {
  auto* state = static_cast<ChannelState*>(channel);
  if (state->id != id) return EINVAL;
  state->stop = true;
  state->thread.join();
  state->id.clear();
  return 0;
}

int sysevent_get_attr_list(sysevent_t* event, nvlist_t** list) {
  const auto* told = reinterpret_cast<const Event*>(event);
  if (const int error = nvlist_alloc(list, NV_UNIQUE_NAME, 0); error != 0) return error;
  nvlist_add_string(*list, "zonename", told->zone.c_str());
  nvlist_add_string(*list, "oldstate", told->before.c_str());
  nvlist_add_string(*list, "newstate", told->after.c_str());
  nvlist_add_int32(*list, "zoneid", -1);
  nvlist_add_uint64(*list, "when", static_cast<uint64_t>(std::time(nullptr)) * 1000000000);
  return 0;
}

char* sysevent_get_class_name(sysevent_t*) {
  static char name[] = ZONE_EVENT_STATUS_CLASS;
  return name;
}

char* sysevent_get_subclass_name(sysevent_t*) {
  static char name[] = ZONE_EVENT_STATUS_SUBCLASS;
  return name;
}

uint64_t sysevent_get_seq(sysevent_t*) { return 0; }
