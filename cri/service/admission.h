// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Limits how many calls of each class may be in progress at the same time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/error.h"

namespace davit::cri {

// Each class has its own limit, so that calls that wait never block calls that stop containers or only read
// the state.
enum class CallClass : uint8_t {
  kLook,     // versions, status, lists, statistics
  kStop,     // last up to a grace period, for all containers at once when the node shuts down
  kRemove,   // removals and all other quick changes
  kStart,    // wait for mounts, plugins, or a start that another call began
  kPull,     // take minutes
  kCarry,    // pushes, saves and loads: as long as a registry or a client takes
  kCommand,  // commands in local containers, as long as they last
  kExec,     // need descriptors, but no thread
  kWatch,    // need memory, but no thread
  kWait,     // wait for the end of a local container: need memory, but no thread
  kStream,   // list streams: need memory, also while their client does not read, but no thread
};

// Thread-safe.
class Admission {
 public:
  static constexpr size_t kClasses = 11;
  using Limits = std::array<int, kClasses>;  // by CallClass

  // The limits for a process that may open `descriptors` descriptors.
  static Limits DefaultLimits(uint64_t descriptors);

  // `on_leave` is called after every call, on the thread that ends it.
  explicit Admission(const Limits& limits, std::function<void()> on_leave = nullptr)
      : limits_(limits), on_leave_(std::move(on_leave)) {}

  // The sum of the limits of the classes that need a thread.
  int most_threads() const;

  // Held by a call while it is in progress. Must not outlive the Admission.
  class [[nodiscard]] Place {
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
  // kResourceExhausted, with an explanation, if the limit of the class is reached.
  Result<Place> Enter(CallClass call_class);

  // Whether a call is in progress that holds a thread and does not last as long as a client wants.
  bool busy() const;

 private:
  void Leave(size_t index);

  const Limits limits_;
  const std::function<void()> on_leave_;
  std::array<std::atomic<int>, kClasses> taken_{};
};

}  // namespace davit::cri
