// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a daemon knows of a shim that it talks to: its version, and what it reports.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/thread_annotations.h"
#include "cri/shims/shim.h"
#include "cri/shims/shim_link.h"

namespace davit {

// All that a shim says in its HelloReply, over as many of them as it takes.
struct HelloSummary {
  Versions shim;
  ShimState state;
  std::string sandbox_failed;
  std::vector<ContainerExited> unrecorded_exits;
  std::string last;  // container id, to ask for those that follow
  bool more = false;

  // kDataLoss when descriptors are missing or too many; nothing is changed then.
  Result<> Add(Frame reply);
};

// Thread-safe where nothing else is said. Lives in a shared_ptr, as the link's callbacks hold it.
class ShimSession : public std::enable_shared_from_this<ShimSession> {
 public:
  ShimSession(std::string sandbox_id, ShimEvents events)
      : sandbox_id_(std::move(sandbox_id)), events_(std::move(events)) {}

  LinkEvents EventsForLink();

  // Asks for the state, and calls events.met or events.not_understood. Again on a new connection. On the
  // reactor's thread.
  void Meet(ShimLink& link);
  // `done` is called on the reactor's thread.
  void AskState(ShimLink& link, std::function<void(Result<HelloSummary>)> done);

  // Takes note of what the shim speaks. kUnimplemented when this daemon cannot talk to it.
  Result<> TakeVersions(const Versions& shim) EXCLUDES(mutex_);
  // Before a request that needs a shim of a compatible version.
  Result<> CheckVersions() const EXCLUDES(mutex_);

 private:
  void AskPage(std::shared_ptr<ShimLink> link, std::shared_ptr<HelloSummary> summary,
               std::function<void(Result<HelloSummary>)> done);
  void OnState(ShimLink& link, Result<HelloSummary> summary);
  void OnNoState(ShimLink& link, const Error& error);
  Result<> Deliver(const Frame& event) const;

  const std::string sandbox_id_;
  const ShimEvents events_;

  mutable Mutex mutex_;
  Result<> compatible_ GUARDED_BY(mutex_);
};

}  // namespace davit
