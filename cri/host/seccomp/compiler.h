// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Compiles seccomp filters to the form that a shim takes: a sealed memfd with an array of struct sock_filter.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/host/seccomp/default_profile.h"
#include "cri/host/seccomp/profile.h"

namespace davit::cri {

struct SealedFilter {
  UniqueFd memfd;
  size_t instructions = 0;
  std::vector<std::string>
      skipped;  // system calls of the profile that this build does not know; should be logged
};

// Compiles each distinct filter once: a node starts thousands of containers with a handful of profiles.
// Thread-safe.
class SeccompCompiler {
 public:
  using Filter = std::shared_ptr<const SealedFilter>;

  // `socketcall` is the treatment of socketcall(2) in RuntimeDefault.
  explicit SeccompCompiler(Socketcall socketcall = Socketcall::kRefused) : socketcall_(socketcall) {}

  // RuntimeDefault for a container whose bounding set is `capabilities` (bit N is capability number N).
  Result<Filter> Default(uint64_t capabilities) EXCLUDES(mutex_);

  // A Localhost profile: the content of a JSON file (json_profile.h). kInvalidArgument names the invalid
  // part.
  Result<Filter> Json(const std::string& json, uint64_t capabilities) EXCLUDES(mutex_);

 private:
  // Bounds memory when profile files change often.
  static constexpr size_t kMaxCached = 64;

  Filter Cached(const std::string& key) EXCLUDES(mutex_);
  Result<Filter> Remember(const std::string& key, const SeccompProfile& profile) EXCLUDES(mutex_);

  const Socketcall socketcall_;
  Mutex mutex_;
  std::map<std::string, Filter> filters_ GUARDED_BY(mutex_);
  std::deque<std::string> oldest_first_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
