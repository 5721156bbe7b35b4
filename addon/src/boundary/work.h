// Work off the main thread behind a promise. `work()` touches plain C++ only; `convert(env, result)` runs on the main
// thread. What either throws rejects the promise.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "boundary/error.h"
#include "core/native_error.h"

namespace smartadm {
namespace work_internal {

// Stands for the result of work that has none.
struct Nothing {};

template <typename Work>
auto Call(Work& work) {
  if constexpr (std::is_void_v<decltype(work())>) {
    work();
    return Nothing{};
  } else {
    return work();
  }
}

// One piece of work with its promise, whichever thread runs it.
class AnyTask {
 public:
  virtual ~AnyTask() = default;
  // On the work's thread.
  virtual void Run() noexcept = 0;
  // On the main thread.
  virtual void Settle(Napi::Env env) = 0;
};

template <typename Work, typename Convert>
class Task final : public AnyTask {
 public:
  Task(Napi::Env env, Work work, Convert convert)
      : deferred_(env), work_(std::move(work)), convert_(std::move(convert)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

  void Run() noexcept override {
    try {
      result_.emplace(Call(work_));
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void Settle(Napi::Env env) override {
    const Napi::HandleScope scope(env);
    if (!failure_) {
      try {
        deferred_.Resolve(convert_(env, std::move(*result_)));
        return;
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
    deferred_.Reject(ToJsError(env, failure_));
  }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::optional<decltype(Call(std::declval<Work&>()))> result_;
  std::exception_ptr failure_;
};

template <typename Work, typename Convert>
class PoolWorker final : public Napi::AsyncWorker {
 public:
  PoolWorker(Napi::Env env, Work work, Convert convert)
      : Napi::AsyncWorker(env), task_(env, std::move(work), std::move(convert)) {}

  Napi::Promise Promise() const { return task_.Promise(); }
  void Execute() override { task_.Run(); }
  void OnOK() override { task_.Settle(Env()); }

 private:
  Task<Work, Convert> task_;
};

// Without an environment (it is being torn down) there is nobody left to tell.
inline void SettleOnMainThread(Napi::Env env, Napi::Function, std::nullptr_t*, AnyTask* task) {
  const std::unique_ptr<AnyTask> owned(task);
  if (env == nullptr) return;
  try {
    owned->Settle(env);
  } catch (const Napi::Error&) {
    // The environment is on its way out, and settles no promise any more.
  }
}

// How a thread of ours hands its task to the main thread. Node frees the function behind it when the environment ends,
// even under a thread that still works: the gate says whether it is there.
class Doorbell {
 public:
  explicit Doorbell(Napi::Env env) : gate_(std::make_shared<Gate>()) {
    function_ = Function::New(
        env, "smartadm", 0, 1, static_cast<std::nullptr_t*>(nullptr),
        [gate = gate_](Napi::Env, std::nullptr_t*, std::nullptr_t*) {
          const std::lock_guard lock(gate->mutex);
          gate->open = false;
        },
        static_cast<std::nullptr_t*>(nullptr));
  }

  // On the main thread. Whether the program waits for it: it does, but for more calls of Unref than of Ref.
  void Ref(Napi::Env env) {
    if (++waited_for_ == 1) function_.Ref(env);
  }
  void Unref(Napi::Env env) {
    if (--waited_for_ == 0) function_.Unref(env);
  }

  // Hands over a task. When nobody listens any more it is left behind: what it holds belongs to the main thread.
  void Ring(std::unique_ptr<AnyTask> task) const {
    AnyTask* const left = task.release();
    const std::lock_guard lock(gate_->mutex);
    // On napi_closing Node counts this thread out by itself.
    if (gate_->open && function_.BlockingCall(left) != napi_ok) gate_->open = false;
  }

  // Ends the use of the doorbell.
  void Leave() const {
    const std::lock_guard lock(gate_->mutex);
    if (gate_->open) function_.Release();
  }

 private:
  using Function = Napi::TypedThreadSafeFunction<std::nullptr_t, AnyTask, SettleOnMainThread>;
  struct Gate {
    std::mutex mutex;
    bool open = true;
  };
  Function function_;
  std::shared_ptr<Gate> gate_;
  int waited_for_ = 1;
};

}  // namespace work_internal

// Runs `work` on Node's thread pool. For what ends soon: the pool has four threads, shared with file and DNS work.
template <typename Work, typename Convert>
Napi::Promise RunWork(Napi::Env env, Work work, Convert convert) {
  // Deletes itself when settled.
  auto* worker = new work_internal::PoolWorker<Work, Convert>(env, std::move(work), std::move(convert));
  const Napi::Promise promise = worker->Promise();
  worker->Queue();
  return promise;
}

// The same for work without a result.
template <typename Work>
Napi::Promise RunWork(Napi::Env env, Work work) {
  return RunWork(env, std::move(work), [](Napi::Env e, auto) { return e.Undefined(); });
}

// Whether unfinished work keeps the program from ending by itself.
enum class KeepAlive { kYes, kNo };

// Runs `work` on a thread of its own. For what may wait long: locks, exits of processes. At exit the thread is left
// behind, so it must not touch static objects.
template <typename Work, typename Convert>
Napi::Promise RunOnThread(Napi::Env env, Work work, Convert convert, KeepAlive keep_alive = KeepAlive::kYes) {
  auto task = std::make_unique<work_internal::Task<Work, Convert>>(env, std::move(work), std::move(convert));
  const Napi::Promise promise = task->Promise();
  work_internal::Doorbell doorbell(env);
  if (keep_alive == KeepAlive::kNo) doorbell.Unref(env);
  try {
    std::thread([doorbell, running = task.get()] {
      running->Run();
      doorbell.Ring(std::unique_ptr<work_internal::AnyTask>(running));
      doorbell.Leave();
    }).detach();
  } catch (const std::system_error& error) {
    doorbell.Leave();
    throw NativeError("libc", "pthread_create", error.code().value());
  }
  // The thread owns it.
  static_cast<void>(task.release());
  return promise;
}

template <typename Work>
Napi::Promise RunOnThread(Napi::Env env, Work work, KeepAlive keep_alive = KeepAlive::kYes) {
  return RunOnThread(
      env, std::move(work), [](Napi::Env e, auto) { return e.Undefined(); }, keep_alive);
}

// Runs work in the order it comes, one piece at a time, on a thread of its own: between two it waits for nobody. The
// thread begins with the first work and ends with the lane, once all has been run. As with RunOnThread, work must not
// touch static objects.
class Lane {
 public:
  Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() { queue_->End(); }

  template <typename Work, typename Convert>
  Napi::Promise Run(Napi::Env env, Work work, Convert convert) {
    auto task = std::make_unique<work_internal::Task<Work, Convert>>(env, std::move(work), std::move(convert));
    const Napi::Promise promise = task->Promise();
    if (!doorbell_) Start(env);
    queue_->Add(std::make_unique<Counted>(env, std::move(task), doorbell_));
    return promise;
  }

 private:
  using Task = std::unique_ptr<work_internal::AnyTask>;

  class Queue {
   public:
    void Add(Task task) {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(task));
      changed_.notify_one();
    }

    void End() {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_one();
    }

    // Waits for the next task; null at the end.
    Task Take() {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return nullptr;
      Task task = std::move(waiting_.front());
      waiting_.pop_front();
      return task;
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> waiting_;
    bool ended_ = false;
  };

  // Keeps the program from ending until the task has been settled; a thread that waits for work does not.
  class Counted final : public work_internal::AnyTask {
   public:
    Counted(Napi::Env env, Task task, std::shared_ptr<work_internal::Doorbell> doorbell)
        : task_(std::move(task)), doorbell_(std::move(doorbell)) {
      doorbell_->Ref(env);
    }
    void Run() noexcept override { task_->Run(); }
    void Settle(Napi::Env env) override {
      doorbell_->Unref(env);
      task_->Settle(env);
    }

   private:
    Task task_;
    std::shared_ptr<work_internal::Doorbell> doorbell_;
  };

  void Start(Napi::Env env) {
    auto doorbell = std::make_shared<work_internal::Doorbell>(env);
    doorbell->Unref(env);
    try {
      std::thread([doorbell, queue = queue_] {
        while (Task task = queue->Take()) {
          task->Run();
          doorbell->Ring(std::move(task));
        }
        doorbell->Leave();
      }).detach();
    } catch (const std::system_error& error) {
      doorbell->Leave();
      throw NativeError("libc", "pthread_create", error.code().value());
    }
    doorbell_ = std::move(doorbell);
  }

  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::shared_ptr<work_internal::Doorbell> doorbell_;
};

}  // namespace smartadm
