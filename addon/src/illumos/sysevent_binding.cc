// What sysevent.node exports: sysevent.h as a function and a handle.
#include <memory>
#include <mutex>
#include <utility>

#include "boundary/arguments.h"
#include "boundary/exports.h"
#include "boundary/handle.h"
#include "boundary/results.h"
#include "boundary/work.h"
#include "illumos/sysevent.h"

namespace smartadm::sysevent {
namespace {

using Info = Napi::CallbackInfo;

Napi::Value EventToJs(Napi::Env env, const ZoneEvent& event) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("what", event.what);
  object.Set("zone", event.zone);
  object.Set("before", event.before);
  object.Set("after", event.after);
  object.Set("zoneId", smartadm::ToJs(env, event.zone_id));
  object.Set("when", IdToJs(env, event.when));
  return object;
}

// What the listener throws, be it null, ends the program as that of any other listener does, unless somebody minds
// uncaught exceptions. Node alone would only warn.
void Call(Napi::Env env, Napi::Function listener, const ZoneEvent& event) {
  try {
    const napi_value argument = EventToJs(env, event);
    if (napi_call_function(env, env.Undefined(), listener, 1, &argument, nullptr) != napi_pending_exception) return;
    bool has_thrown = false;
    napi_value thrown = nullptr;
    if (napi_is_exception_pending(env, &has_thrown) != napi_ok || !has_thrown) return;
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
  } catch (const Napi::Error&) {
    // The environment is on its way out, and takes nothing any more.
  }
}

// The listener in JavaScript, as the library's thread reaches it. When Node ends, it may be gone before what calls it
// is.
class Listener {
 public:
  explicit Listener(Napi::Function function)
      : function_(Napi::ThreadSafeFunction::New(function.Env(), function, "zone events", 0, 1,
                                                [reach = reach_](Napi::Env) { reach->End(); })) {
    function_.Unref(function.Env());
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // On the main thread.
  ~Listener() {
    const std::lock_guard lock(reach_->mutex);
    reach_->is_wanted = false;
    if (reach_->is_open) function_.Release();
  }

  void Tell(ZoneEvent event) {
    auto owned = std::make_unique<ZoneEvent>(std::move(event));
    const std::lock_guard lock(reach_->mutex);
    if (!reach_->is_open) return;
    const napi_status status = function_.NonBlockingCall(
        owned.get(), [reach = reach_](Napi::Env env, Napi::Function listener, ZoneEvent* told) {
          const std::unique_ptr<ZoneEvent> taken(told);
          if (env != nullptr && reach->is_wanted) Call(env, listener, *taken);
        });
    if (status == napi_ok) static_cast<void>(owned.release());
    // After this answer it may not be touched any more.
    if (status == napi_closing) reach_->is_open = false;
  }

 private:
  struct Reach {
    std::mutex mutex;
    bool is_open = true;
    // Of the main thread alone: what has come before the end may still be on its way.
    bool is_wanted = true;

    void End() {
      const std::lock_guard lock(mutex);
      is_open = false;
    }
  };

  std::shared_ptr<Reach> reach_ = std::make_shared<Reach>();
  Napi::ThreadSafeFunction function_;
};

// The subscription goes before what it calls.
struct Listening {
  std::shared_ptr<Listener> listener;
  Subscription subscription;
};

Napi::Value SubscribeBinding(const Info& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "listener must be a function");
  auto listener = std::make_shared<Listener>(info[0].As<Napi::Function>());
  auto listening = std::shared_ptr<Listening>(
      new Listening{listener, Subscription([listener](ZoneEvent event) { listener->Tell(std::move(event)); })});
  return NewHandle(info.Env(), std::move(listening)).first;
}

Napi::Value MissingFunctionsBinding(const Info& info) { return smartadm::ToJs(info.Env(), MissingFunctions()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Guarded(env, [] { OpenLibrary(); });
  Export(exports, "subscribe", SubscribeBinding);
  Export(exports, "missingFunctions", MissingFunctionsBinding);
  return exports;
}

NODE_API_MODULE(sysevent, Init)

}  // namespace
}  // namespace smartadm::sysevent
