// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Rings at given times.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/error.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::local {

// Thread-safe, except that Set must not be called on the reactor's thread. Needs no descriptor before the
// first Set.
class Alarm {
 public:
  // `ring` is called with the name of each alarm, once, on the reactor's thread. `reactor` must outlive the
  // object.
  Alarm(Reactor& reactor, std::function<void(const std::string& name)> ring)
      : reactor_(reactor), ring_(std::move(ring)) {}
  // No alarm rings afterwards.
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // `at_ms` is in MonotonicMilliseconds.
  Result<> Set(const std::string& name, int64_t at_ms) EXCLUDES(mutex_);

 private:
  Result<> MakeTimer() EXCLUDES(mutex_);
  void Arm() REQUIRES(mutex_);
  void OnTimer() EXCLUDES(mutex_);

  Reactor& reactor_;
  const std::function<void(const std::string& name)> ring_;
  Mutex mutex_;
  std::multimap<int64_t, std::string> due_ GUARDED_BY(mutex_);
  UniqueFd timer_ GUARDED_BY(mutex_);
};

}  // namespace davit::local
