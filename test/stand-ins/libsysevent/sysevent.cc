// A stand-in for libsysevent, for the one channel on which zones tell of their states: the lines of `system/events`, as
// the stand-in for libzonecfg writes them, that come after a subscription. A test may add two fields to a line: what is
// told instead of `change` (`damaged`: an event that cannot be read), and the id of the zone. A line `FUNCTION ERRNO`
// in `system/sysevent-refuse` has that function fail.
#include <libsysevent.h>

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Event {
  std::string zone, before, after, what;
  int32_t zone_id;
};

struct ChannelState {
  std::string id, path;
  std::streamoff from = 0;
  int (*callback)(sysevent_t*, void*) = nullptr;
  void* data = nullptr;
};

// All channels that are subscribed to; a callback runs while it is held, so that it has ended when a channel has gone.
struct Channels {
  std::mutex mutex;
  std::set<ChannelState*> all;
};

// Left behind at exit, as the thread that looks through them is.
Channels& Subscribed() {
  static Channels& channels = *new Channels;
  return channels;
}

std::string Root() {
  const char* root = std::getenv("SMARTADM_STAND_IN_ROOT");
  if (root == nullptr || root[0] != '/') std::abort();
  return root;
}

int Refused(const char* function) {
  std::ifstream file(Root() + "/system/sysevent-refuse");
  std::string name;
  for (int error = 0; file >> name >> error;) {
    if (name == function) return error;
  }
  return 0;
}

// False for what is no event.
bool Parse(const std::string& line, Event* event) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
  if (line.find('\t') == std::string::npos) return false;
  fields.resize(5);
  *event = {fields[0], fields[1], fields[2], fields[3].empty() ? ZONE_EVENT_STATUS_SUBCLASS : fields[3],
            fields[4].empty() ? -1 : std::atoi(fields[4].c_str())};
  return true;
}

void Tell(ChannelState* channel) {
  struct stat status;
  if (::stat(channel->path.c_str(), &status) != 0 || status.st_size <= channel->from) return;
  std::ifstream file(channel->path);
  file.seekg(channel->from);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    channel->from = file.tellg();
    Event event;
    if (Parse(line, &event)) channel->callback(reinterpret_cast<sysevent_t*>(&event), channel->data);
  }
}

void Watch() {
  for (;; std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
    const std::lock_guard lock(Subscribed().mutex);
    for (ChannelState* channel : Subscribed().all) Tell(channel);
  }
}

}  // namespace

int sysevent_evc_bind(const char* name, evchan_t** channel, uint32_t) {
  if (const int error = Refused(__func__); error != 0) return error;
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
  if (const int error = Refused(__func__); error != 0) return error;
  if (std::strlen(id) > 15) return EINVAL;
  auto* state = static_cast<ChannelState*>(channel);
  state->id = id;
  state->path = Root() + "/system/events";
  struct stat status;
  state->from = ::stat(state->path.c_str(), &status) == 0 ? status.st_size : 0;
  state->callback = callback;
  state->data = data;
  const std::lock_guard lock(Subscribed().mutex);
  Subscribed().all.insert(state);
  static const bool is_watched = (std::thread(Watch).detach(), true);
  return is_watched ? 0 : EAGAIN;
}

int sysevent_evc_unsubscribe(evchan_t* channel, const char* id) {
  auto* state = static_cast<ChannelState*>(channel);
  if (state->id != id) return EINVAL;
  const std::lock_guard lock(Subscribed().mutex);
  Subscribed().all.erase(state);
  state->id.clear();
  return 0;
}

int sysevent_get_attr_list(sysevent_t* event, nvlist_t** list) {
  const auto* told = reinterpret_cast<const Event*>(event);
  if (told->what == "damaged") return ENOMEM;
  if (const int error = nvlist_alloc(list, NV_UNIQUE_NAME, 0); error != 0) return error;
  nvlist_add_string(*list, "zonename", told->zone.c_str());
  if (told->what == ZONE_EVENT_STATUS_SUBCLASS) {
    nvlist_add_string(*list, "oldstate", told->before.c_str());
    nvlist_add_string(*list, "newstate", told->after.c_str());
  }
  nvlist_add_int32(*list, "zoneid", told->zone_id);
  nvlist_add_uint64(*list, "when", static_cast<uint64_t>(std::time(nullptr)) * 1000000000);
  return 0;
}

char* sysevent_get_class_name(sysevent_t*) {
  static char name[] = ZONE_EVENT_STATUS_CLASS;
  return name;
}

char* sysevent_get_subclass_name(sysevent_t* event) {
  return const_cast<char*>(reinterpret_cast<const Event*>(event)->what.c_str());
}

uint64_t sysevent_get_seq(sysevent_t*) { return 0; }
