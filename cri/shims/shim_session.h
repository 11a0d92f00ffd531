// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's knowledge about a connected shim: its version, and its reported state.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/thread_annotations.h"
#include "cri/shims/shim.h"
#include "cri/shims/shim_link.h"

namespace davit::cri {

// The state in a shim's HelloReply, collected from as many replies as it needs.
struct HelloSummary {
  shim::Versions shim;
  ShimState state;
  std::string sandbox_failed;
  std::vector<shim::ContainerExited> unrecorded_exits;
  std::string last;  // the last container id, to request the containers after it
  bool more = false;

  // kDataLoss if there are too few or too many descriptors; then nothing is changed.
  Result<> Add(Frame reply);
};

// Thread-safe unless a method says otherwise. Owned by shared_ptr, because callbacks of the link keep it
// alive.
class ShimSession : public std::enable_shared_from_this<ShimSession> {
 public:
  ShimSession(std::string sandbox_id, ShimEvents events)
      : sandbox_id_(std::move(sandbox_id)), events_(std::move(events)) {}

  LinkEvents EventsForLink();

  // Calls events.begin_meeting, requests the state, and passes it on or calls events.not_understood. Repeated
  // on each new connection. Reactor's thread only.
  void Meet(ShimLink& link);
  // `done` is called once, on the reactor's thread or, if the request cannot be sent, on the calling thread.
  void AskState(ShimLink& link, std::function<void(Result<HelloSummary>)> done);

  // Stores the protocol versions of the shim. kUnimplemented if they are incompatible with this daemon.
  Result<> TakeVersions(const shim::Versions& shim) EXCLUDES(mutex_);
  // Call it before a request that needs a compatible shim. kUnimplemented if the shim is not compatible.
  Result<> CheckVersions() const EXCLUDES(mutex_);
  // The version of the shim; 0 if it has not said it yet.
  uint32_t version() const EXCLUDES(mutex_);

 private:
  void AskPage(std::shared_ptr<ShimLink> link, std::shared_ptr<HelloSummary> summary,
               std::function<void(Result<HelloSummary>)> done);
  void OnAnswer(ShimLink& link, Result<HelloSummary> summary, const ShimEvents::OnState& met);
  void OnNoState(ShimLink& link, const Error& error);
  Result<> Deliver(const Frame& event) const;

  const std::string sandbox_id_;
  const ShimEvents events_;

  mutable Mutex mutex_;
  Result<> compatible_ GUARDED_BY(mutex_);
  uint32_t version_ GUARDED_BY(mutex_) = 0;
};

}  // namespace davit::cri
