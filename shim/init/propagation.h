// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether mounts can propagate to and from the host.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "shim/plan.h"

namespace davit::shim {

// Checks that the sources of mounts with propagation are on mounts with a peer group. Clients determine how
// many these are, and the host how many mounts it has: the list of mounts is read once, for all of them.
class PropagationCheck {
 public:
  // No-op if the step has no propagation. `step` must outlive the object. `source_fd` may be closed
  // afterwards.
  Result<> Add(int source_fd, const MountStep& step);
  void AddSource(uint64_t mount_id, const MountStep& step) { sources_.push_back({mount_id, &step}); }

  // `read_mountinfo` returns the content of the caller's mountinfo (proc(5)); it is called at most once.
  // kFailedPrecondition names the first source that is on a mount without the peer group that it needs. A
  // mount that is not listed has none.
  Result<> Run(const std::function<Result<std::string>()>& read_mountinfo) const;

 private:
  struct Source {
    uint64_t mount_id;
    const MountStep* step;
  };
  std::vector<Source> sources_;
};

}  // namespace davit::shim
