// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The shims of this node: starts them, connects to running ones, and reads the exits that they recorded.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"
#include "cri/shims/shim.h"

namespace davit::cri {

// A shim that serves no sandbox yet. It ends by itself when the daemon ends.
struct NewShim {
  std::string sandbox_id;  // the id of the sandbox that it will serve
  UniqueFd socket;
  PidFd process;
  ProcessIdentity identity;
};

using ShimPtr = std::shared_ptr<Shim>;

// Thread-safe.
class Shims {
 public:
  virtual ~Shims() = default;

  // Returns a shim for a new sandbox; its `sandbox_id` becomes the id of the sandbox.
  virtual Result<NewShim> Take() = 0;
  // Starts the next shim in the background after `patience`, for the next Take.
  virtual void Refill(std::chrono::milliseconds patience) = 0;
  // The result of the last start. A failed start is repeated in the background until one works.
  virtual Result<> Health() const = 0;
  virtual ShimPtr Adopt(NewShim shim, ShimEvents events) = 0;
  virtual void Discard(NewShim shim) = 0;

  // Connects to the shim of a sandbox that an earlier run of the daemon started, however late it can be
  // connected to; `events.begin_meeting` follows. kNotFound if the process has ended, kFailedPrecondition if
  // it lives and was not recorded, so that nobody would see its end. Other errors say nothing about it.
  virtual Result<ShimPtr> Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                               ShimEvents events) = 0;
  // Kills a shim that has no Shim object. The process is identified by `identity`, never by a pid alone; one
  // that was not recorded is asked to shut down. Idempotent.
  virtual void End(const std::string& sandbox_id, const ProcessIdentity& identity) = 0;
  // Ends the shims of sandboxes that are not in `known`. Returns their number.
  virtual size_t EndStrays(const std::set<std::string>& known) = 0;
  // Call it after the shim has ended. Idempotent.
  virtual void RemoveSocket(const std::string& sandbox_id) = 0;

  // kNotFound if the container has not ended since the last boot of the host.
  virtual Result<shim::ContainerExited> ReadExitRecord(const std::string& container_id) const = 0;
  virtual void RemoveExitRecord(const std::string& container_id) = 0;
};

}  // namespace davit::cri
