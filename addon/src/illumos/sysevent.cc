#include "illumos/sysevent.h"

#include <libnvpair.h>
#include <libsysevent.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "illumos/imported.h"

// clang-format off
#define SMARTADM_SYSEVENT_FUNCTIONS(F)                                                                                \
  F(sysevent_evc_bind) F(sysevent_evc_unbind) F(sysevent_evc_subscribe) F(sysevent_evc_unsubscribe)                   \
  F(sysevent_get_attr_list) F(sysevent_get_subclass_name)
#define SMARTADM_NVPAIR_FUNCTIONS(F)                                                                                  \
  F(nvlist_free) F(nvlist_lookup_string) F(nvlist_lookup_int32) F(nvlist_lookup_uint64)
// clang-format on

namespace smartadm::sysevent {
namespace {

struct Library : SystemLibrary {
  Library() : SystemLibrary("sysevent", "libsysevent.so.1") {}

  SMARTADM_SYSEVENT_FUNCTIONS(SMARTADM_IMPORT)
};

struct ListLibrary : SystemLibrary {
  ListLibrary() : SystemLibrary("nvpair", "libnvpair.so.1") {}

  SMARTADM_NVPAIR_FUNCTIONS(SMARTADM_IMPORT)
};

const Library& Lib() { return Opened<Library>(); }
const ListLibrary& Lists() { return Opened<ListLibrary>(); }

std::string Text(nvlist_t* list, const char* name) {
  char* text = nullptr;
  return Lists().nvlist_lookup_string(list, name, &text) == 0 && text != nullptr ? text : "";
}

void Check(int error, const char* operation) {
  if (error != 0) throw NativeError("sysevent", operation, error, ZONE_EVENT_CHANNEL);
}

}  // namespace

struct Subscription::Channel {
  evchan_t* bound = nullptr;
  // Unique on the machine, and at most 15 characters.
  std::string id;
  std::function<void(ZoneEvent)> listener;

  static int Take(sysevent_t* event, void* self) {
    nvlist_t* list = nullptr;
    if (Lib().sysevent_get_attr_list(event, &list) != 0) return 0;
    ZoneEvent taken = {Lib().sysevent_get_subclass_name(event),
                       Text(list, "zonename"),
                       Text(list, "oldstate"),
                       Text(list, "newstate"),
                       -1,
                       0};
    Lists().nvlist_lookup_int32(list, "zoneid", &taken.zone_id);
    Lists().nvlist_lookup_uint64(list, "when", &taken.when);
    Lists().nvlist_free(list);
    static_cast<Channel*>(self)->listener(std::move(taken));
    return 0;
  }
};

void OpenLibrary() {
  Lib();
  Lists();
}

std::vector<std::string> MissingFunctions() {
  std::vector<std::string> missing = Lib().missing();
  missing.insert(missing.end(), Lists().missing().begin(), Lists().missing().end());
  return missing;
}

Subscription::Subscription(std::function<void(ZoneEvent)> listener) : channel_(std::make_unique<Channel>()) {
  // Nobody could be told on the library's thread.
  if (const auto missing = MissingFunctions(); !missing.empty()) {
    throw NativeError("sysevent", missing[0], "ENOSYS", ENOSYS, "this system has no " + missing[0]);
  }
  static std::atomic<unsigned> count = 0;
  char id[16];
  std::snprintf(id, sizeof id, "sa%x.%x", static_cast<unsigned>(::getpid()), ++count % 0xffff);
  channel_->id = id;
  channel_->listener = std::move(listener);
  Check(Lib().sysevent_evc_bind(ZONE_EVENT_CHANNEL, &channel_->bound, 0), "sysevent_evc_bind");
  const int error = Lib().sysevent_evc_subscribe(channel_->bound, id, EC_ALL, Channel::Take, channel_.get(), 0);
  if (error == 0) return;
  Lib().sysevent_evc_unbind(channel_->bound);
  Check(error, "sysevent_evc_subscribe");
}

Subscription::~Subscription() {
  Lib().sysevent_evc_unsubscribe(channel_->bound, channel_->id.c_str());
  Lib().sysevent_evc_unbind(channel_->bound);
}

}  // namespace smartadm::sysevent
