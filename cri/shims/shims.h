// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shims of this node: starting them, finding them again, and the exits that they recorded.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"
#include "cri/shims/shim.h"

namespace davit {

// A shim that serves no sandbox yet. It ends by itself when the daemon does.
struct NewShim {
  std::string sandbox_id;  // of the sandbox that it will serve
  UniqueFd socket;
  PidFd process;
  ProcessIdentity identity;
};

using ShimPtr = std::shared_ptr<Shim>;

// Thread-safe.
class Shims {
 public:
  virtual ~Shims() = default;

  // One for a new sandbox, whose id is the sandbox's.
  virtual Result<NewShim> Take() = 0;
  // Has the next one started within `patience`, for the next Take.
  virtual void Refill(std::chrono::milliseconds patience) = 0;
  // Whether the last one that was started in the background came up.
  virtual Result<> Health() const = 0;
  virtual ShimPtr Adopt(NewShim shim, ShimEvents events) = 0;
  virtual void Discard(NewShim shim) = 0;

  // Connects to the shim of a sandbox from before the daemon's start; `events.met` follows when it answers.
  // kNotFound when the process is gone, or was never recorded.
  virtual Result<ShimPtr> Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                               ShimEvents events) = 0;
  // Ends a shim that no Shim object stands for: by its identity, never by a bare pid. Idempotent.
  virtual void End(const std::string& sandbox_id, const ProcessIdentity& identity) = 0;
  // Ends the shims of sandboxes that `known` does not name. Returns their number.
  virtual size_t EndStrays(const std::set<std::string>& known) = 0;
  // After the shim's end. Idempotent.
  virtual void RemoveSocket(const std::string& sandbox_id) = 0;

  // kNotFound when the container has not ended, or not under this boot.
  virtual Result<ContainerExited> ReadExitRecord(const std::string& container_id) const = 0;
  virtual void RemoveExitRecord(const std::string& container_id) = 0;
};

}  // namespace davit
