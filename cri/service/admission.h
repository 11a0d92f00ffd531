// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How many calls of a kind may be in progress at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/error.h"

namespace davit {

// Each class has room of its own, so that calls that wait never take the room of those that end things or
// only look.
enum class CallClass : uint8_t {
  kLook,    // versions, status, lists, figures
  kStream,  // list streams: a client that does not read holds a thread
  kStop,    // a grace period long, for all containers of a node at a time when it shuts down
  kRemove,  // includes all other quick changes
  kStart,   // wait for mounts, plugins and starts that they have joined
  kPull,    // minutes
  kExec,    // hold descriptors, and no thread
  kWatch,   // hold memory, and no thread
};

// Thread-safe.
class Admission {
 public:
  static constexpr size_t kClasses = 8;
  using Limits = std::array<int, kClasses>;  // by CallClass

  // For a process that may have `descriptors` open.
  static Limits DefaultLimits(uint64_t descriptors);

  // `on_leave` is called whenever a call has ended.
  explicit Admission(const Limits& limits, std::function<void()> on_leave = nullptr)
      : limits_(limits), on_leave_(std::move(on_leave)) {}

  // How many threads the classes may hold together.
  int most_threads() const;

  // Held by a call while it is in progress. Must not outlive the Admission.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), index_(other.index_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(index_, other.index_);
      return *this;
    }
    ~Place() {
      if (of_ != nullptr) of_->Leave(index_);
    }

   private:
    friend class Admission;
    Place(Admission& of, size_t index) : of_(&of), index_(index) {}

    Admission* of_ = nullptr;
    size_t index_ = 0;
  };
  // kResourceExhausted, with a sentence, when the class is full.
  Result<Place> Enter(CallClass call_class);

  // Whether a call is in progress that is neither a watcher's nor a command's.
  bool busy() const;

 private:
  void Leave(size_t index);

  const Limits limits_;
  const std::function<void()> on_leave_;
  std::array<std::atomic<int>, kClasses> taken_{};
};

}  // namespace davit
