// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions of clients at this node: all streams of a command or a container go to the client's connection
// (shim/session.h).
#pragma once

#include <functional>
#include <string>

#include "cri/pods/pod_table.h"
#include "cri/runtime/client_session.h"
#include "cri/runtime/confinement.h"

namespace davit::cri {

// Thread-safe, see runtime.h. An error means that the client has got nothing that works.
class Sessions {
 public:
  // All must outlive the object.
  struct Ports {
    PodTable& pods;
    Confinement& confinement;
  };
  explicit Sessions(const Ports& ports) : ports_(ports) {}

  // `container_id` may be the beginning of an id. kNotFound; kFailedPrecondition if it does not run.
  Result<SessionTarget> TargetOf(const std::string& container_id, Owner owner) const;
  // A command: returns when the shim has the request, which may be before the start. Blocks as HandExec does.
  Result<> Begin(const SessionExec& wanted, UniqueFd connection, int64_t deadline_ms);
  // A command without streams or a terminal, which nobody waits for. Returns at once; `on_started` is called
  // once, on this or on the reactor's thread.
  using OnStarted = std::function<void(Result<>)>;
  void BeginDetached(const SessionExec& wanted, OnStarted on_started);
  // A running container. Returns at once; `on_attached` is called once, on this or on the reactor's thread,
  // when the client has its streams.
  using OnAttached = std::function<void(Result<>)>;
  void Begin(const SessionAttach& wanted, UniqueFd connection, OnAttached on_attached);

 private:
  const Ports ports_;
};

}  // namespace davit::cri
